"""What is said: who may say it, once, while the room is open; and who may take it back."""

from __future__ import annotations

from typing import Any

import pytest

from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.ids import b64u
from backchannel_protocol.limits import MAX_BLOB_BYTES
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Role, json_of
from backchannel_protocol.room.timeline import (
    CHAT,
    MAX_MESSAGE_CHARS,
    Exposure,
    Message,
    Retract,
    Seen,
    check_retraction,
    decide_chat,
)
from protocol.errors import refused
from protocol.history import VIEW, Story
from protocol.people import ANNA, CLARA, DAVID, EDITH, MALLORY, ROOM_ID, Person, id_of
from protocol.rooms import new_room, open_room

EXPOSURE: JsonObject = {"audience": "room", "quotable": "no", "until": 0}
MESSAGE: JsonObject = {"text": "Good morning.", "exposure": EXPOSURE}
EVENT = id_of("an event")
BODIES: dict[str, JsonObject] = {"message": MESSAGE, "retract": {"event": EVENT}, "seen": {"seq": 7}}


def say(
    story: Story, who: Person, type_: str, body: JsonObject, intent: int = 1, last: int = 0
) -> Message | Retract | Seen:
    at = At(ROOM_ID, story.next_seq, story.time, who.id, id_of("said"))
    return decide_chat(story.state, at, Envelope(type_, body, intent, VIEW), last)


def test_every_type_has_its_tests() -> None:
    assert set(BODIES) == set(CHAT)


def test_a_message_comes_out_as_it_was_written() -> None:
    said = say(open_room(), CLARA, "message", {**MESSAGE, "reply_to": EVENT})
    assert said == Message("Good morning.", Exposure("room", "no", 0), EVENT)
    assert say(open_room(), CLARA, "message", MESSAGE) == Message("Good morning.", Exposure("room", "no", 0))
    assert say(open_room(), CLARA, "retract", BODIES["retract"]) == Retract(EVENT)
    assert say(open_room(), CLARA, "seen", BODIES["seen"]) == Seen(7)


@pytest.mark.parametrize("type_", BODIES)
@pytest.mark.parametrize("role", Role)
def test_every_role_speaks_but_observers(role: Role, type_: str) -> None:
    story = new_room()
    story.admit(EDITH, (ANNA,), role)
    if role is Role.OBSERVER and type_ == "message":
        with refused(FoldCode.ROLE_FORBIDS):
            say(story, EDITH, type_, BODIES[type_])
    else:
        say(story, EDITH, type_, BODIES[type_])


@pytest.mark.parametrize("type_", BODIES)
def test_nobody_speaks_before_accepting_the_rules_as_they_are(type_: str) -> None:
    story = open_room()
    story.admit(EDITH, (ANNA,), accept=False)
    with refused(FoldCode.RULES_NOT_ACCEPTED):
        say(story, EDITH, type_, BODIES[type_])
    story.governance(ANNA, "rules", {"lines": ["New."]})
    with refused(FoldCode.RULES_NOT_ACCEPTED):
        say(story, CLARA, type_, BODIES[type_])


@pytest.mark.parametrize("type_", BODIES)
def test_nobody_speaks_in_a_closed_room(type_: str) -> None:
    story = open_room()
    story.governance(ANNA, "close", {})
    with refused(FoldCode.CLOSED):
        say(story, CLARA, type_, BODIES[type_])


@pytest.mark.parametrize("type_", BODIES)
def test_who_is_not_there_says_nothing(type_: str) -> None:
    story = open_room()
    story.leave(DAVID)
    say(story, DAVID, type_, BODIES[type_])
    story.commit_remove(ANNA, DAVID)
    for who in (DAVID, MALLORY):
        with refused(FoldCode.SENDER_UNKNOWN):
            say(story, who, type_, BODIES[type_])


@pytest.mark.parametrize("type_", BODIES)
def test_an_intent_counts_once(type_: str) -> None:
    story = open_room()
    say(story, CLARA, type_, BODIES[type_], intent=6, last=5)
    for intent in (5, 4, 1):
        with refused(FoldCode.INTENT_DOUBLED):
            say(story, CLARA, type_, BODIES[type_], intent=intent, last=5)


@pytest.mark.parametrize("type_", ["", "title", "approve", "genesis", "reply"])
def test_governance_is_nothing_to_say(type_: str) -> None:
    with refused(FoldCode.TYPE_UNKNOWN):
        say(open_room(), ANNA, type_, {})


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("message", {}),
    ("message", {"text": "x"}),
    ("message", {**MESSAGE, "text": ""}),
    ("message", {**MESSAGE, "text": "x" * (MAX_MESSAGE_CHARS + 1)}),
    ("message", {**MESSAGE, "more": 1}),
    ("message", {**MESSAGE, "reply_to": EVENT + "\n"}),
    ("message", {**MESSAGE, "reply_to": "x"}),
    *(
        ("message", {**MESSAGE, "exposure": {**EXPOSURE, field: value}})
        for field, value in (
            ("audience", "party"),
            ("quotable", "yes"),
            ("until", -1),
            ("until", True),
            ("until", 1 << 53),
            ("more", 1),
        )
    ),
    ("retract", {}),
    ("retract", {"event": None}),
    ("seen", {"seq": -1}),
    ("seen", {"seq": "7"}),
]


@pytest.mark.parametrize(("type_", "body"), MALFORMED)
def test_a_body_out_of_bounds_is_malformed(type_: str, body: dict[str, Any]) -> None:
    with refused(FoldCode.BODY_MALFORMED):
        say(open_room(), CLARA, type_, body)


def test_only_its_author_takes_a_message_back() -> None:
    at = At(ROOM_ID, 9, 9, CLARA.id, EVENT)
    check_retraction(at, CLARA.id)
    check_retraction(at, None)
    with refused(FoldCode.ROLE_FORBIDS):
        check_retraction(at, ANNA.id)


FILE: JsonObject = {
    "blob": id_of("a blob"),
    "key": b64u(bytes(range(32))),
    "size": 5,
    "name": "Bericht.pdf",
    "type": "application/pdf",
}


def test_attachments_come_out_as_they_were_written() -> None:
    for text in ("Look.", ""):
        said = say(open_room(), CLARA, "message", {**MESSAGE, "text": text, "attachments": [FILE] * 4})
        assert isinstance(said, Message)
        assert said.text == text
        assert [json_of(one) for one in said.attachments] == [FILE] * 4


@pytest.mark.parametrize(
    "body",
    [
        {**MESSAGE, "text": ""},
        {**MESSAGE, "attachments": []},
        {**MESSAGE, "attachments": None},
        {**MESSAGE, "attachments": FILE},
        {**MESSAGE, "attachments": [FILE] * 5},
        *(
            {**MESSAGE, "attachments": [{**FILE, **change}]}
            for change in (
                {"size": -1},
                {"size": MAX_BLOB_BYTES + 1},
                {"size": True},
                {"blob": id_of("a blob") + "A"},
                {"key": b64u(bytes(31))},
                {"name": "../x"},
                {"name": "a\u202egpj.exe"},
                {"name": ""},
                {"name": "ä" * 128},
                {"type": "image/JPEG"},
                {"type": "image/png\n"},
                {"type": "text/html; charset=utf-8"},
                {"type": "image"},
                {"more": 1},
            )
        ),
        {**MESSAGE, "attachments": [{name: it for name, it in FILE.items() if name != "key"}]},
    ],
)
def test_an_attachment_that_is_none_makes_no_message(body: JsonObject) -> None:
    with refused(FoldCode.BODY_MALFORMED):
        say(open_room(), CLARA, "message", body)
