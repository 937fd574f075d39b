"""A view as named records, so that storing after an event writes only what changed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from backchannel.room.view import EndedEpoch, Presence, RoomView
from backchannel.room.window import BLOCKS, Block, Seen, Window, number_of
from backchannel.store.profile import Write
from backchannel_mls import changes, decode_state, encode_state, load_state
from backchannel_protocol.ids import EventId, RoomId, SeatId
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.room.clear import Clear
from backchannel_protocol.room.state import RoomState

_MLS = "mls/"
_WINDOW = "window/"


class _Head(msgspec.Struct, array_like=True):
    room: bytes
    seat: bytes
    seq: int
    time: int
    chain: bytes
    opening: bytes
    begin: int
    chat_intents: dict[str, int]
    seen: dict[str, int]
    record_size: int
    record: bytes
    presence: str


class _Previous(msgspec.Struct, array_like=True):
    mls: bytes
    state: bytes
    opening: bytes
    commit: bytes


class _Entry(msgspec.Struct, array_like=True):
    seq: int
    chain: bytes
    state_hash: bytes
    record_size: int
    record_root: bytes


def note_view(write: Write, old: RoomView | None, new: RoomView) -> None:
    """Adds to a transaction what leads from the records of `old` to those of `new`."""
    if old is new:
        return
    write.put["head"] = _encode_head(new)
    if old is None or old.mls is not new.mls:
        change = changes(None if old is None else old.mls, new.mls)
        write.put.update({_MLS + name: value for name, value in change.put.items()})
        write.delete.update(_MLS + name for name in change.delete)
    if new.state is not None and (old is None or old.state is not new.state):
        write.put["state"] = msgspec.json.encode(new.state)
    if old is None or old.clear is not new.clear:
        write.put["clear"] = msgspec.msgpack.encode(new.clear)
    if not new.previous:
        write.delete.add("previous")
    elif old is None or old.previous is not new.previous:
        write.put["previous"] = _encode_previous(new.previous)
    last = None if old is None else old.window.last
    for block in new.window.since(0 if last is None else last.seq + 1):
        write.put[f"{_WINDOW}{number_of(block[0].seq) % BLOCKS}"] = _encode_block(block)


def load_view(records: Mapping[str, bytes]) -> RoomView:
    """The view whose records these are."""
    head = msgspec.msgpack.decode(records["head"], type=_Head)
    mls = {name.removeprefix(_MLS): value for name, value in records.items() if name.startswith(_MLS)}
    entries = [
        entry
        for name, value in records.items()
        if name.startswith(_WINDOW)
        for entry in msgspec.msgpack.decode(value, type=list[_Entry])
    ]
    window = Window.of(
        Seen(one.seq, one.chain, one.state_hash, one.record_size, one.record_root)
        for one in sorted(entries, key=lambda one: one.seq)
    )
    return RoomView(
        room=RoomId(head.room),
        seat=SeatId(head.seat),
        seq=head.seq,
        time=head.time,
        chain=head.chain,
        opening=EventId(head.opening),
        mls=load_state(mls),
        state=_decode_state(records["state"]) if "state" in records else None,
        begin=head.begin,
        clear=msgspec.msgpack.decode(records["clear"], type=Clear),
        previous=_decode_previous(records["previous"]) if "previous" in records else (),
        chat_intents=head.chat_intents,
        seen=head.seen,
        record=Frontier.decode(head.record_size, head.record),
        presence=Presence(head.presence),
        window=window,
    )


def _encode_head(view: RoomView) -> bytes:
    return msgspec.msgpack.encode(
        _Head(
            view.room,
            view.seat,
            view.seq,
            view.time,
            view.chain,
            view.opening,
            view.begin,
            dict(view.chat_intents),
            dict(view.seen),
            view.record.size,
            view.record.encode(),
            view.presence.value,
        )
    )


def _encode_block(block: Block) -> bytes:
    return msgspec.msgpack.encode(
        [_Entry(one.seq, one.chain, one.state_hash, one.record_size, one.record_root) for one in block]
    )


def _encode_previous(previous: tuple[EndedEpoch, ...]) -> bytes:
    return msgspec.msgpack.encode(
        [
            _Previous(encode_state(one.mls), msgspec.json.encode(one.state), one.opening, one.commit)
            for one in previous
        ]
    )


def _decode_previous(data: bytes) -> tuple[EndedEpoch, ...]:
    return tuple(
        EndedEpoch(decode_state(one.mls), _decode_state(one.state), EventId(one.opening), EventId(one.commit))
        for one in msgspec.msgpack.decode(data, type=list[_Previous])
    )


def _decode_state(data: bytes) -> RoomState:
    return msgspec.json.decode(data, type=RoomState)
