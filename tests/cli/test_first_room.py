"""A first room from the command line, with real processes."""

from __future__ import annotations

from backchannel.testing import LocalServer
from cli.conftest import People


def test_a_guest_is_invited_knocks_and_comes_in(server: LocalServer, person: People) -> None:
    ann, bo = person("Ann"), person("Bo")
    ann.get("host", "add", given=f"{server.url}/host#{server.token}\n")
    parties = ("--party", "a=Alpha", "--party", "b=Beta", "--as", "a")
    made = ann.get(
        "room",
        "create",
        "--title",
        "The harbour",
        "--name",
        "Ann",
        *parties,
        "--rule",
        "Be kind.",
        "--admission",
        "party",
    )
    shown = ann.get("room", "show").record
    assert (shown["admission"], shown["admission_wished"]) == ("any", "party")
    assert made.record["role"] == "facilitator"
    link = ann.get("invite", "make", "--party", "Beta").record["link"]
    joining = bo.start("join", "--name", "Bo", "--accept-rules", "--json", given=link)
    admitting = ann.start("admit", "--wait", "--json")
    knock = admitting.record('"name": "Bo"')
    words = joining.record('"words"')["words"]
    assert knock["words"] == words
    admitting.kill()
    wrong = ann.do("admit", "--wait", "--approve", "Bo", "--words", "one two three", "--json")
    assert (wrong.code, wrong.record["error"]) == (1, "words-differ")
    assert ann.get("admit", "--wait", "--approve", "Bo", "--words", " ".join(words)).record["state"] == "done"
    assert joining.ended() == 0
    assert joining.record('"joined"')["rules_accepted"] is True
    seats = {one["name"]: one for one in ann.get("members").records}
    assert {name: one["you"] for name, one in seats.items()} == {"Ann": True, "Bo": False}
    assert (seats["Bo"]["party_name"], seats["Bo"]["admitted_by"]) == ("Beta", ["Ann"])
    mine = {one["name"]: one["fingerprint"] for one in bo.get("members").records}
    assert mine == {name: one["fingerprint"] for name, one in seats.items()}
    assert ann.get("invite", "list").record["state"] == "admitted"
