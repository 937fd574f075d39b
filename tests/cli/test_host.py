"""Host links and room tokens."""

from __future__ import annotations

from backchannel.testing import LocalServer
from cli.conftest import People
from cli.person import Person


def test_a_token_is_given_away_and_makes_as_many_rooms_as_it_says(ann: Person, person: People) -> None:
    given = ann.get("host", "token", "--rooms", "1", "--expires", "1d").record
    bo = person("Bo")
    bo.get("host", "add", given=given["link"] + "\n")
    assert (
        bo.get("room", "create", "--title", "T", "--name", "Bo", "--suite", "classic").record["title"] == "T"
    )
    again = bo.do("room", "create", "--title", "T", "--name", "Bo", "--suite", "classic", "--json")
    assert (again.code, again.record["error"]) == (1, "expired")


def test_links_are_kept_by_name_and_forgotten(server: LocalServer, ann: Person) -> None:
    link = ann.folder / "link"
    link.write_text(f"{server.url}/host#{'aB3' * 14}z\n")
    link.chmod(0o600)
    assert ann.do("host", "add", "--from-file", str(link), "--json").record["error"] == "host-exists"
    ann.get("host", "add", "--name", "other", "--from-file", str(link))
    assert [one["name"] for one in ann.get("host", "list").records] == ["home", "other"]
    assert ann.do("room", "create", "--title", "T", "--name", "A", "--json").record["error"] == "which-host"
    ann.get("host", "forget", "other")
    assert "aB3" not in ann.do("host", "list").out
