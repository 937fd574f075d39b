"""A server that lies (PROTOCOL.md, 16): honest clients stop with a sentence, or show nothing false."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from backchannel import Client, Delivery, EventIgnored, Room, Stopped
from backchannel.room.facts import LeftBehind
from backchannel_mls import encode_message, parse_message
from backchannel_mls.wire.framing import PrivateMessage
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import Submit
from backchannel_protocol.keys import generate_key
from backchannel_protocol.operations import SeatAdd, encode_operation
from client.memory_host import MemoryHost
from client.people import heard, let_in, make_room, texts, until

Pair = tuple[Room, Room]


@pytest.fixture
async def pair(host: MemoryHost, clients: list[Client]) -> Pair:
    """Ann, who facilitates, and Bo; both have spoken."""
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await (await ann.send("one")).sent()
    await (await bo.send("two")).sent()
    await heard(ann, "two")
    await heard(bo, "one")
    return ann, bo


def only(
    room: Room, change: Callable[[LogEvent], list[LogEvent]]
) -> Callable[[bytes, LogEvent], list[LogEvent]]:
    """A twist for one seat's connection alone."""

    def twist(seat: bytes, event: LogEvent) -> list[LogEvent]:
        return change(event) if seat == room.ledger.view.seat else [event]

    return twist


async def stopped(room: Room) -> Stopped:
    """Why a room stopped, when it has; it takes nothing more."""
    await until(room, lambda: room.ledger.stopped is not None)
    reason = room.ledger.stopped
    assert reason is not None
    with pytest.raises(Stopped):
        await room.send("into the void")
    return reason


async def test_an_event_is_left_out(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    host.twist = only(bo, lambda event: [] if event.seat == ann.ledger.view.seat else [event])
    await (await ann.send("never arrives")).sent()
    host.twist = only(bo, lambda event: [event])
    await (await ann.send("gives it away")).sent()
    assert (await stopped(bo)).code == "log-gap"
    assert "never arrives" not in texts(bo)


async def test_an_event_is_left_out_and_the_rest_renumbered(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    dropped: list[int] = []

    def renumber(event: LogEvent) -> list[LogEvent]:
        if not dropped:
            dropped.append(event.seq)
            return []
        return [msgspec.structs.replace(event, seq=event.seq - 1)]

    host.twist = only(bo, renumber)
    await (await ann.send("never arrives")).sent()
    await (await ann.send("gives it away")).sent()
    assert (await stopped(bo)).code == "log-differs"
    assert texts(bo) == ["one", "two"]


async def test_a_message_is_altered(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair

    def alter(event: LogEvent) -> list[LogEvent]:
        body = event.body or b""
        return [msgspec.structs.replace(event, body=body[:-1] + bytes([body[-1] ^ 1]))]

    host.twist = only(bo, alter)
    await (await ann.send("altered")).sent()
    await until(bo, lambda: isinstance(bo.history()[-1], EventIgnored))
    host.twist = only(bo, lambda event: [event])
    await (await ann.send("the next one gives it away")).sent()
    assert (await stopped(bo)).code == "log-differs"
    assert texts(bo) == ["one", "two"]


async def test_two_messages_change_places(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    held: list[LogEvent] = []

    def swap(event: LogEvent) -> list[LogEvent]:
        held.append(event)
        if len(held) == 1:
            return []
        first, second = held[-2], held[-1]
        return [
            msgspec.structs.replace(second, seq=first.seq, time=first.time),
            msgspec.structs.replace(first, seq=second.seq, time=second.time),
        ]

    host.twist = only(bo, swap)
    await (await ann.send("first")).sent()
    await (await ann.send("second")).sent()
    assert (await stopped(bo)).code == "log-differs"
    assert texts(bo) == ["one", "two"]


async def test_a_message_is_repeated(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair

    def repeat(event: LogEvent) -> list[LogEvent]:
        return [event, msgspec.structs.replace(event, seq=event.seq + 1)]

    host.twist = only(bo, repeat)
    await (await ann.send("once")).sent()
    await heard(bo, "once")
    await until(bo, lambda: isinstance(bo.history()[-1], EventIgnored))
    assert texts(bo) == ["one", "two", "once"]


async def test_an_own_message_is_repeated(host: MemoryHost, pair: Pair) -> None:
    _, bo = pair
    host.twist = only(bo, lambda event: [event, msgspec.structs.replace(event, seq=event.seq + 1)])
    await (await bo.send("mine")).sent()
    assert (await stopped(bo)).code == "own-unknown"
    assert texts(bo).count("mine") == 1


async def test_an_own_message_is_altered(host: MemoryHost, pair: Pair) -> None:
    _, bo = pair
    host.twist = only(bo, lambda event: [msgspec.structs.replace(event, body=os.urandom(300))])
    await bo.send("mine")
    assert (await stopped(bo)).code == "own-altered"


async def test_false_stale_epoch_doubles_nothing(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    lied: list[Submit] = []

    def lie_once(submit: Submit) -> bool:
        if lied or submit.drafts[0].kind is not EventKind.CHAT:
            return False
        lied.append(submit)
        return True

    host.lies.append(lie_once)
    await (await bo.send("said once")).sent()
    log = next(iter(host.logs.values()))
    host.submit(log, bo.ledger.view.seat, lied[0].drafts)
    await (await ann.send("after it")).sent()
    await heard(bo, "after it")
    for room in pair:
        assert texts(room).count("said once") == 1
        doubled = [fact for fact in room.history() if isinstance(fact, EventIgnored)]
        assert [fact.code for fact in doubled] == ["intent-doubled"]
        assert room.ledger.stopped is None


async def test_one_member_is_shown_another_log(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    host.twist = only(bo, lambda event: [msgspec.structs.replace(event, time=event.time + 1)])
    await (await ann.send("a second later for Bo")).sent()
    await heard(bo, "a second later for Bo")
    await bo.send("I saw it at that time.")
    assert (await stopped(ann)).code == "log-differs"


async def test_a_seat_is_invented(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    log = next(iter(host.logs.values()))
    body = encode_operation(SeatAdd(None, os.urandom(16), generate_key(), False))
    ghost = LogEvent(
        len(log.events) + 1, log.events[-1].time, os.urandom(16), EventKind.CONTROL, os.urandom(16), 1, body
    )
    log.events.append(ghost)
    for pipe in list(host.pipes):
        pipe.tell(log, [ghost])
    await until(bo, lambda: isinstance(bo.history()[-1], EventIgnored))
    assert len(bo.members()) == len(ann.members()) == 2
    assert bo.ledger.stopped is None


async def test_a_key_is_swapped_in_a_path(host: MemoryHost, clients: list[Client], pair: Pair) -> None:
    ann, bo = pair
    cy = await let_in(ann, clients[2], "Cy")
    di = await let_in(ann, clients[3], "Di")

    def swap(event: LogEvent) -> list[LogEvent]:
        if event.kind is not EventKind.COMMIT:
            return [event]
        message = parse_message(event.body or b"")
        assert isinstance(message, PrivateMessage)
        altered = bytearray(message.ciphertext)
        altered[len(altered) // 2] ^= 1
        return [
            msgspec.structs.replace(event, body=encode_message(replace(message, ciphertext=bytes(altered))))
        ]

    host.twist = only(bo, swap)
    await ann.remove(di.seat)
    await until(cy, lambda: di.seat not in cy.members())
    await cy.send("in the new epoch")
    await until(bo, lambda: any(isinstance(fact, LeftBehind) for fact in bo.history()))
    waiting = await bo.send("I cannot follow.")
    assert "in the new epoch" not in texts(bo)
    await (await cy.send("and again")).sent()
    assert waiting.delivery is Delivery.WAITING
    assert bo.trouble is not None
    assert bo.trouble.code == "left-behind"
    assert waiting.why == bo.trouble.sentence
    assert "a change that this device cannot follow" in bo.trouble.sentence
    assert cy.trouble is None
    assert sum(isinstance(fact, LeftBehind) for fact in bo.history()) == 1
    assert bo.ledger.stopped is None


async def test_the_log_becomes_shorter(host: MemoryHost, pair: Pair) -> None:
    _, bo = pair
    log = next(iter(host.logs.values()))
    del log.events[-2:]
    host.break_all()
    assert (await stopped(bo)).code == "log-shorter"


async def test_another_server_answers(host: MemoryHost, pair: Pair) -> None:
    _, bo = pair
    host.record_key = generate_key()
    host.break_all()
    await until(bo, lambda: bo._live.error is not None)
    assert bo._live.error is not None
    assert bo._live.error.code == "record-key"


async def test_who_stopped_stays_stopped(host: MemoryHost, pair: Pair) -> None:
    ann, bo = pair
    host.twist = only(bo, lambda _: [])
    await (await ann.send("lost")).sent()
    host.twist = only(bo, lambda event: [event])
    await (await ann.send("later")).sent()
    reason = await stopped(bo)
    assert "left out a part" in reason.sentence
    with pytest.raises(Stopped):
        async for _ in bo.events():
            pass
