"""The state as a joiner has it: it comes whole out of its JSON, and folds on like everybody else's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backchannel_protocol.canonical import JsonObject, digest, jcs, label, parse_jcs
from backchannel_protocol.envelope import padding_class
from backchannel_protocol.ids import b64u
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Role, RoomState, Seat
from protocol.errors import refused
from protocol.history import SCOPE, Folded, Story, add_act, fold, invite_body, scope_json
from protocol.people import ANNA, CLARA, DAVID, EDITH, FARID, MALLORY, Person
from protocol.rooms import new_room, open_room, strict_room


def full_room() -> Story:
    """A room that has something of everything."""
    story = strict_room()
    story.governance(ANNA, "invite", invite_body(role="bot", scope=scope_json(SCOPE)))
    story.approve(ANNA, add_act(EDITH, Role.BOT, None, rule_version=2))
    story.leave(DAVID)
    story.governance(ANNA, "retention", {"retention": {"seconds": 3600, "after_reading": True}})
    return story


def copy_of(state: RoomState) -> RoomState:
    """The state as a joiner has it: through canonical JSON, whose names are sorted."""
    return RoomState.of_json(parse_jcs(jcs(state.to_json())))


@pytest.mark.parametrize("make", [new_room, open_room, strict_room, full_room])
def test_a_state_comes_back_from_its_json(make: Any) -> None:
    state = make().state
    assert copy_of(state) == state
    assert copy_of(state).hash() == state.hash() == digest(label("state") + jcs(state.to_json()))


def test_a_closing_and_what_was_disclosed_come_back_too() -> None:
    story = open_room()
    story.governance(ANNA, "close", {})
    story.governance(CLARA, "disclose", {"leaf": b64u(CLARA.private("leaf"))})
    assert copy_of(story.state) == story.state


def test_a_joiner_folds_on_like_everybody_else() -> None:
    story = full_room()
    joiner = Folded(copy_of(story.state))
    story.governance(CLARA, "confirm", {})
    story.governance(ANNA, "title", {"title": "Another title"})
    for entry in story.entries[-2:]:
        joiner, _ = fold(joiner, entry)
    assert joiner.state is not None
    assert joiner.state.hash() == story.state.hash()


def changes(state: JsonObject) -> list[JsonObject]:
    seats: Any = state["seats"]
    intents: Any = state["intents"]
    ghost = {**seats, MALLORY.id: seats[CLARA.id]}
    without = {id_: seat for id_, seat in seats.items() if id_ != CLARA.id}
    promoted = {**seats, CLARA.id: {**seats[CLARA.id], "role": "facilitator"}}
    true_for_one = {**seats, CLARA.id: {**seats[CLARA.id], "accepted": True}}
    return [
        {},
        {**state, "seats": ghost},
        {**state, "seats": without},
        {**state, "seats": promoted},
        {**state, "seats": true_for_one},
        {**state, "title": "Another room"},
        {**state, "closed": 0},
        {**state, "intents": {**intents, CLARA.id: 0}},
        {**state, "admission": {"rule": "any", "version": 2}},
        {**state, "approvals": {}},
        {**state, "more": 1},
        {name: value for name, value in state.items() if name != "past"},
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"title": None},
        {"suite": True},
        {"seats": {"x": {}}},
        {"seats": []},
        {"intents": {ANNA.id + "\n": 1}},
        {"intents": {ANNA.id: 1.5}},
        {"admission": {"rule": "any", "version": 1, "more": 1}},
        {"admission": {"rule": "none", "version": 1}},
        {"history": "all"},
        {"parties": [{"id": str(number), "name": "x"} for number in range(13)]},
    ],
)
def test_what_is_not_a_state_is_refused_by_a_joiner(changed: dict[str, Any]) -> None:
    with refused(FoldCode.BODY_MALFORMED):
        RoomState.of_json({**full_room().state.to_json(), **changed})


@pytest.mark.parametrize("field", ["room", "title", "rules", "admission", "seats", "history", "record_key"])
def test_a_state_that_lacks_a_part_is_refused_by_a_joiner(field: str) -> None:
    value = full_room().state.to_json()
    with refused(FoldCode.BODY_MALFORMED):
        RoomState.of_json({name: part for name, part in value.items() if name != field})


def test_every_part_of_a_state_counts_in_its_hash() -> None:
    state = full_room().state
    others = [RoomState.of_json(one) for one in changes(state.to_json())[1:4]]
    assert len({state.hash(), *(one.hash() for one in others)}) == 4


def test_the_state_does_not_depend_on_the_order_in_which_programs_keep_it() -> None:
    story = open_room()
    for one in (EDITH, FARID):
        story.approve(ANNA, add_act(one))
    state = story.state
    turned = msgspec.structs.replace(
        state,
        seats=dict(reversed(state.seats.items())),
        approvals=dict(reversed(state.approvals.items())),
        intents=dict(reversed(state.intents.items())),
    )
    assert turned.hash() == state.hash()


def room_of(seats: int, inbox_bytes: int) -> RoomState:
    state = new_room().state
    creator = state.seats[ANNA.id]
    keys = msgspec.structs.replace(creator.keys, inbox=b64u(bytes(inbox_bytes)))
    crowd: dict[str, Seat] = {
        Person(f"Member {number}").id: msgspec.structs.replace(creator, keys=keys) for number in range(seats)
    }
    return msgspec.structs.replace(state, seats=crowd, intents=dict.fromkeys(crowd, 1))


@pytest.mark.parametrize(("inbox_bytes", "seats"), [(32, 700), (1216, 200)], ids=["X25519", "X-Wing"])
def test_a_state_of_so_many_seats_fits_an_event(inbox_bytes: int, seats: int) -> None:
    padding_class(len(jcs(room_of(seats, inbox_bytes).to_json())) + 400)
