"""Large rooms as a joiner enters them, made with MLS and the fold alone."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import msgspec

from backchannel.letters import Answer, admission
from backchannel.room.keys import SeatKeys, keys_of
from backchannel.room.membership import POLICY, SETTINGS, credential_of
from backchannel.room.view import RoomView, first_view
from backchannel_mls import GroupState, KeyPackage, create_commit, create_group, merge_commit, parse_message
from backchannel_protocol.ids import EventId, RoomId, b64u
from backchannel_protocol.room.bodies import Genesis
from backchannel_protocol.room.decide import create_state
from backchannel_protocol.room.place import At
from backchannel_protocol.room.state import History, Keys, Retention, RoomState, Seat

NOW = int(time.time())
SEQ = 9


def large_room(
    ann: SeatKeys, record_key: bytes, package: bytes, name: str, size: int
) -> tuple[RoomView, Answer]:
    """Ann's room of `size` seats right after the commit that let in whose KeyPackage it is."""
    parsed = parse_message(package)
    assert isinstance(parsed, KeyPackage)
    joining = credential_of(parsed.leaf_node)
    room = RoomId(os.urandom(16))
    others = [SeatKeys.generate(ann.suite) for _ in range(size - 2)]
    mls = create_group(ann.identity(), group_id=room, now_s=NOW, settings=SETTINGS)
    added = [one.key_package(NOW).message for one in others]
    first = create_commit(mls, add=added, policy=POLICY, now_s=NOW, tree_in_welcome=False)
    mls = merge_commit(first.staged, first.sender_state)
    last = create_commit(mls, add=[package], policy=POLICY, now_s=NOW, force_path=True, tree_in_welcome=False)
    mls = merge_commit(last.staged, last.sender_state)
    known = {b64u(keys.seat): (keys.public(), f"Number {at}") for at, keys in enumerate(others)}
    known[b64u(ann.seat)] = (ann.public(), "Ann")
    known[b64u(joining.seat)] = (keys_of(joining, parsed.leaf_node.signature_key), name)
    state = _state_of(room, ann, record_key)
    seats = _seats(state, known, mls)
    own = b64u(joining.seat)
    seats[own] = msgspec.structs.replace(seats[own], since=SEQ)
    state = msgspec.structs.replace(state, seats=seats)
    view = replace(
        first_view(room, ann.seat, mls), seq=SEQ, time=NOW, opening=EventId(os.urandom(16)), state=state
    )
    return view, admission(view, last.welcome or b"", last.ratchet_tree)


def _state_of(room: RoomId, ann: SeatKeys, record_key: bytes) -> RoomState:
    at = At(b64u(room), 1, NOW, b64u(ann.seat), b64u(room))
    genesis = Genesis(
        suite=ann.suite,
        title="The harbour",
        welcome="“Welcome”\n" * 100,
        record_key=b64u(record_key),
        rules=(),
        parties=(),
        retention=Retention(0, False),
        history=History.NONE,
        name="Ann",
        party=None,
        keys=ann.public(),
    )
    return create_state(at, genesis)


def _seats(state: RoomState, known: dict[str, tuple[Keys, str]], mls: GroupState) -> dict[str, Seat]:
    (ann,) = state.seats.values()
    leaves = {b64u(member.leaf.signature_key): int(member.index) for member in mls.members()}
    return {
        id_: msgspec.structs.replace(ann, name=name, keys=keys, leaf=leaves[keys.leaf])
        for id_, (keys, name) in known.items()
    }
