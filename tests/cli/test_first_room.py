"""A first room from the command line, with real processes."""

from __future__ import annotations

from cli.conftest import People
from cli.person import Person, let_in


def test_a_guest_is_invited_knocks_and_comes_in(ann: Person, person: People) -> None:
    bo = person("Bo")
    joining = let_in(ann, bo)
    assert joining.record('"joined"')["rules_accepted"] is True
    seats = {one["name"]: one for one in ann.get("members").records}
    assert {name: one["you"] for name, one in seats.items()} == {"Ann": True, "Bo": False}
    assert (seats["Bo"]["party_name"], seats["Bo"]["admitted_by"]) == ("Beta", ["Ann"])
    mine = {one["name"]: one["fingerprint"] for one in bo.get("members").records}
    assert mine == {name: one["fingerprint"] for name, one in seats.items()}
