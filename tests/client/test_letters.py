"""The letter that lets somebody in, also into a large room: in parts, and without what the tree says."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace

import msgspec
import pytest

from backchannel import Stopped
from backchannel.joining import Knocker, enter_room
from backchannel.knocking import Door
from backchannel.letters import (
    ANSWER,
    MAX_PARTS,
    Answer,
    Assembly,
    admission,
    encode_letter,
    parse_letter,
    seal_answer,
)
from backchannel.room.keys import SeatKeys
from backchannel.room.view import RoomView
from backchannel_mls import (
    X25519_AES128GCM_SHA256_ED25519,
    XWING_AES256GCM_SHA512_ED25519,
)
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.frames import Mail
from backchannel_protocol.invitation import SECRET_SIZE, Invitation
from backchannel_protocol.keys import fingerprint, generate_key, public_key
from backchannel_protocol.limits import MAX_MAIL_BYTES
from client.large_rooms import NOW, large_room
from client.memory_host import MemoryHost


@dataclass
class Entrance:
    """A large room right after the commit that let the knocker in."""

    knocker: Knocker
    view: RoomView
    answer: Answer


def enter(size: int, suite: int) -> Entrance:
    """A room of `size` seats, the knocker among them."""
    ann, record_key = SeatKeys.generate(suite), public_key(generate_key())
    secret = os.urandom(SECRET_SIZE)
    inviter = fingerprint(public_key(ann.governance_key))
    invitation = Invitation(secret, inviter, fingerprint(record_key))
    knocker = Knocker.generate(invitation.link("https://memory.example"), "Bo", NOW)
    at = next(at for at, keys in enumerate(knocker.keys) if keys.suite == suite)
    view, answer = large_room(ann, record_key, knocker.bundles[at].message, "Bo", size)
    return Entrance(knocker, view, answer)


def opened(entrance: Entrance, pieces: list[bytes]) -> list[Answer]:
    """The parts, as an invitee reads them."""
    invitation = entrance.knocker.invitation
    letters = [parse_letter(ANSWER, invitation.open(ANSWER, piece)) for piece in pieces]
    return [letter for letter in letters if isinstance(letter, Answer)]


async def test_a_joiner_enters_a_room_of_hundreds(long_form: bool) -> None:
    entrance = enter(1000 if long_form else 300, XWING_AES256GCM_SHA512_ED25519)
    pieces = seal_answer(entrance.knocker.invitation, entrance.answer)
    assert 1 < len(pieces) <= MAX_PARTS - 3
    assert max(map(len, pieces)) <= MAX_MAIL_BYTES
    door = Door(MemoryHost(lambda: int(time.time())), entrance.knocker, _keep)
    mailbox = entrance.knocker.invitation.mailbox
    for arrived in range(len(pieces)):
        door._take_answer([Mail(mailbox, ANSWER, piece) for piece in pieces[:arrived]])
        assert door.answer is None
    door._take_answer([Mail(mailbox, ANSWER, piece) for piece in pieces])
    assert door.answer == entrance.answer
    admitted = enter_room(entrance.knocker, door.answer)
    assert admitted.view.state == entrance.view.state
    assert admitted.view.mls.epoch_authenticator == entrance.view.mls.epoch_authenticator


async def _keep(_: Knocker) -> None:
    """Nothing is kept."""


def test_keys_that_the_tree_has_are_not_told_twice() -> None:
    entrance = enter(5, X25519_AES128GCM_SHA256_ED25519)
    told = entrance.answer.state["seats"]
    assert isinstance(told, dict)
    assert all("keys" not in seat for seat in told.values())
    state = entrance.view.state
    assert state is not None
    rotated = SeatKeys.generate(X25519_AES128GCM_SHA256_ED25519).public().inbox
    ann = next(iter(state.seats))
    keys = msgspec.structs.replace(state.seats[ann].keys, inbox=rotated)
    seats = {**state.seats, ann: msgspec.structs.replace(state.seats[ann], keys=keys)}
    view = replace(entrance.view, state=msgspec.structs.replace(state, seats=seats))
    answer = admission(view, b"", b"")
    answer = msgspec.structs.replace(answer, welcome=entrance.answer.welcome, tree=entrance.answer.tree)
    admitted = enter_room(entrance.knocker, answer)
    assert admitted.view.state == view.state


@pytest.mark.parametrize("field", ["leaf", "seats"])
def test_a_state_without_keys_that_fits_no_tree_is_refused(field: str) -> None:
    entrance = enter(3, X25519_AES128GCM_SHA256_ED25519)
    state = dict(entrance.answer.state)
    seats: JsonObject = msgspec.json.decode(msgspec.json.encode(state["seats"]))
    first = next(iter(seats))
    told = seats[first]
    assert isinstance(told, dict)
    if field == "leaf":
        seats[first] = {**told, "leaf": 77}
    else:
        seats = {first: 7}
    answer = msgspec.structs.replace(entrance.answer, state={**state, "seats": seats})
    with pytest.raises(Stopped, match="not the room of the inviting person"):
        enter_room(entrance.knocker, answer)


def test_parts_of_two_answers_are_not_mixed() -> None:
    entrance = enter(3, X25519_AES128GCM_SHA256_ED25519)
    text = encode_letter(entrance.answer).decode()
    third = len(text) // 3

    def part(at: int, of: int = 3) -> Answer:
        end = len(text) if at == of else at * third
        return Answer("admitted", part=at, of=of, text=text[(at - 1) * third : end])

    assembly = Assembly()
    assert [assembly.add(part(at)) for at in (1, 2, 3)] == [None, None, entrance.answer]
    for wrong in ([1, 3], [2, 3], [1, 2, 2, 3], [3]):
        assert not any(assembly.add(part(at)) for at in wrong), wrong
    assert [assembly.add(part(1)), assembly.add(part(2, of=4)), assembly.add(part(3))] == [None] * 3
    assert [assembly.add(part(at)) for at in (1, 1, 2, 3)] == [None, None, None, entrance.answer]
    nested = Answer("admitted", part=1, of=2, text=encode_letter(part(1)).decode())
    assert assembly.add(nested) is None
    assert assembly.add(Answer("admitted", part=2, of=2, text="")) is None
