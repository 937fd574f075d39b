"""The chat through pipes: what is said, what is shown, and that nothing typed is lost."""

from __future__ import annotations

from pathlib import Path

from backchannel.testing import LocalServer
from cli.conftest import People
from cli.person import Person, Running, let_in, made_room


def talking(person: Person, *words: str) -> Running:
    return person.start("chat", "--json", "--follow", *words)


def test_two_people_talk_reply_quote_and_retract(ann: Person, person: People) -> None:
    bo = person("Bo")
    let_in(ann, bo)
    hers, his = talking(ann), talking(bo)
    hers.type("Shall we begin?")
    question = his.record('"Shall we begin?"')
    assert (question["name"], question["own"], question["quotable"]) == ("Ann", False, "no")
    his.type("/exposure named 7d")
    his.line('"quotable": "named"')
    his.type(f"/reply {question['number']} Gladly.")
    answer = hers.record('"Gladly."')
    assert (answer["reply_to"], answer["quotable"]) == (question["number"], "named")
    assert answer["until"] - answer["time"] in range(7 * 24 * 3600 - 60, 7 * 24 * 3600 + 60)
    his.line('"Gladly."')
    hers.type("/seen")
    his.line('"type": "seen"')
    his.type(f"/retract {answer['number']}")
    assert hers.record('"type": "retracted"')["number"] == answer["number"]
    hers.type("//not a command")
    his.line('"/not a command"')
    hers.type(f"/retract {answer['number']}")
    hers.line('"error": "not-the-author"')
    hers.type("/nothing")
    hers.line('"error": "usage"')
    for one in (hers, his):
        one.type("/quit")
        assert one.ended() == 0
    later = ann.get("chat").records
    said = [(one["number"], one["text"]) for one in later if one["type"] == "message"]
    assert said == [(1, "Shall we begin?"), (2, None), (3, "/not a command")]


def test_knocks_are_answered_in_the_chat(ann: Person, person: People) -> None:
    hers = talking(ann)
    hers.type("/invite Beta")
    link = hers.record('"invitation"')["link"]
    joining = person("Cy").start("join", "--name", "Cy", "--accept-rules", "--json", given=link)
    knock = hers.record('"type": "knock"')
    assert knock["words"] == joining.record('"words"')["words"]
    hers.type("/admit Cy")
    assert joining.ended() == 0
    hers.line('"act": "accept"')
    hers.type("/invite Beta")
    hers.type("/members")
    assert hers.record('"name": "Cy"')["words"]
    hers.type("/close")
    hers.line("/close yes")
    hers.type("/close yes")
    hers.line("closed the room")


def test_what_was_typed_is_kept_when_the_program_is_killed_and_the_server_is_away(
    person: People, tmp_path: Path
) -> None:
    with LocalServer(tmp_path) as server:
        ann = made_room(person("Ann"), server)
        server.kill()
        hers = talking(ann)
        hers.type("First words.")
        hers.type("Second words.")
        hers.line('"place": ')
        hers.type("/status")
        said = hers.record('"standing"')["lines"][0]
        assert "no connection" in said
        assert "2 messages waiting; they go by themselves" in said
        hers.kill()
        again = ann.do("chat", "--json", given="Third words.\n")
        assert (again.code, again.record["error"]) == (3, "waiting")
        server.start()
        assert ann.do("chat", given="").code == 0
        said = [one["text"] for one in ann.get("chat").records if one["type"] == "message"]
        assert said == ["First words.", "Second words.", "Third words."]


def test_a_message_cannot_fake_a_line_or_move_the_cursor(ann: Person) -> None:
    faked = "x\u2028#9 12:00 Bo › I agree.\x1b[2J\u202e " + "long " * 60
    ann.do("chat", given=faked + "\n")
    out = ann.do("chat").out
    assert not set(out) & set("\x1b\u202e\u2028")
    assert not any(line.startswith("#9") for line in out.splitlines())
    (first,) = [line for line in out.splitlines() if line.startswith("#1 ")]
    assert first.endswith("Ann ›")


def test_an_export_asks_for_what_the_room_allows(ann: Person) -> None:
    ann.do("chat", given="Not to be quoted.\n/exposure named\nTo be quoted.\n")
    path = ann.folder / "out.txt"
    assert ann.get("export", str(path)).record["left_out"] == 1
    assert "To be quoted." in path.read_text()
    assert "Not to be quoted." not in path.read_text()


def test_the_doctor_finds_what_is_well_and_what_is_not(ann: Person) -> None:
    found = ann.get("doctor").records
    assert {one["health"] for one in found} == {"good"}
    assert any("verified up to event" in one["sentence"] for one in found)
    ann.profile.chmod(0o644)
    done = ann.do("doctor", "--server", "http://127.0.0.1:9", "--json")
    assert (done.code, done.record["error"]) == (1, "unwell")
    bad = {one["subject"] for one in done.records if one.get("health") == "bad"}
    assert bad == {"profile file", "server http://127.0.0.1:9"}
