"""Clients that break every rule: each is answered with a code, and the others go on."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from backchannel_protocol.connection import Connection, Role, State
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Bye,
    Cursor,
    Mail,
    Refused,
    Submit,
    encode_frame,
    parse_server_frame,
)
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.keys import generate_key
from backchannel_protocol.limits import EVENTS_BURST, MAX_BODY_BYTES, MAX_FRAME_BYTES
from backchannel_protocol.refusals import Code
from backchannel_server import ws
from backchannel_server.fanout.outbox import Outbox
from server.server_kit import (
    Host,
    Line,
    Seat,
    admit,
    attach_frame,
    attached,
    get,
    greeted,
    new_room,
    random_id,
)


@asynccontextmanager
async def unharmed(host: Host) -> AsyncIterator[tuple[Seat, Seat]]:
    """(Author, Mallory) of a room that goes on, whatever Mallory does inside the block."""
    author = await new_room(host)
    mallory = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, mallory)
        before = await line.submit(author.write())
        yield author, mallory
        after = await line.submit(author.write())
        await line.reach(after.placed[0].seq)
        assert after.placed[0].seq > before.placed[0].seq


async def last_word(line: Line) -> Bye:
    """The server's Bye, whatever comes before."""
    async with asyncio.timeout(20):
        while True:
            data = await line.socket.recv()
            assert isinstance(data, bytes)
            frame = parse_server_frame(data)
            if isinstance(frame, Bye):
                return frame


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (b"\x91" * 5000, "malformed"),
        (encode_frame(Attach(1, bytes(16), bytes(16), 0, bytes(64)))[:-1], "malformed"),
        ("text", "malformed"),
        (encode_frame(Submit([Draft(bytes(16), EventKind.CHAT, 0, bytes(16), b"x")])), "out-of-state"),
        (encode_frame(Cursor(1)), "out-of-state"),
        (encode_frame(Bye("x", "y")), "malformed"),
        (encode_frame(Attach(2, bytes(16), bytes(16), 0, bytes(64))), "version"),
        (encode_frame(Attach(1, bytes(16), bytes(16), 0, bytes(64))), "unknown-room"),
        (bytes(MAX_FRAME_BYTES + 1), "too-large"),
        (bytes(3 * MAX_FRAME_BYTES), "too-large"),
    ],
)
async def test_before_attaching_anything_else_ends_the_connection(
    host: Host, raw: bytes | str, code: str
) -> None:
    async with unharmed(host) as (_, mallory), greeted(host.url, mallory) as (line, _hello):
        await line.socket.send(raw)
        assert (await last_word(line)).code == code
        with pytest.raises(ConnectionClosed):
            await line.socket.recv()


async def test_attaching_to_what_is_not_ones_own(host: Host) -> None:
    async with unharmed(host) as (author, mallory):
        stranger = Seat(author.room)
        for seat, code in (
            (Seat(author.room, author.id, generate_key()), "bad-signature"),
            (stranger, "unknown-seat"),
            (Seat(RoomId(random_id()), author.id, author.private), "unknown-room"),
        ):
            async with greeted(host.url, seat) as (line, hello):
                await line.send(attach_frame(seat, hello))
                assert (await last_word(line)).code == code
        async with greeted(host.url, mallory) as (line, hello):  # a nonce is good once
            signed = attach_frame(mallory, hello)
        async with greeted(host.url, mallory) as (line, _):
            await line.send(signed)
            assert (await last_word(line)).code == "bad-signature"


async def test_a_second_attach_of_a_connection_is_out_of_state(host: Host) -> None:
    async with unharmed(host) as (_, mallory), attached(host.url, mallory) as line:
        await line.socket.send(encode_frame(Attach(1, mallory.room, mallory.id, 0, bytes(64))))
        assert (await last_word(line)).code == "out-of-state"


async def test_a_second_connection_of_a_seat_replaces_the_first(host: Host) -> None:
    async with (
        unharmed(host) as (_, mallory),
        attached(host.url, mallory) as first,
        attached(host.url, mallory) as second,
    ):
        assert (await first.bye()).code == "replaced"
        await second.submit(mallory.write())


async def test_bodies_that_are_not_of_this_room_epoch_and_kind(host: Host) -> None:
    async with unharmed(host) as (author, mallory), attached(host.url, mallory) as line:
        foreign = Seat(RoomId(random_id()))
        foreign.found()
        good = mallory.write()
        operation = mallory.add(Seat(author.room))
        for draft in (
            msgspec.structs.replace(good, body=b"\0"),
            msgspec.structs.replace(good, body=good.body + b"\0"),
            msgspec.structs.replace(good, body=good.body[:-1]),
            msgspec.structs.replace(good, body=foreign.write().body),
            msgspec.structs.replace(good, kind=EventKind.COMMIT),
            msgspec.structs.replace(mallory.commit()[0], kind=EventKind.CHAT),
            msgspec.structs.replace(operation, body=b"\x93"),
            operation,
        ):
            assert (await line.refuse(draft)).code == "malformed"
        assert (await line.refuse(mallory.commit()[0], mallory.commit()[0])).code == "malformed"
        anonymous = msgspec.structs.replace(good, kind=EventKind.ANONYMOUS)
        assert (await line.refuse(anonymous)).code == "not-allowed"
        await line.submit(good)


@pytest.mark.store("sqlite")  # rates come before the database, and a slow one would let the bucket fill
async def test_a_thousand_at_once_are_refused_with_a_time_to_wait(host: Host) -> None:
    async with unharmed(host) as (_, mallory), attached(host.url, mallory) as line:
        draft = mallory.write()
        for _ in range(EVENTS_BURST + 50):
            await line.send(Submit([draft]))
        answers: list[Ack | Refused] = []
        while len(answers) < EVENTS_BURST + 50:
            frame = await line.frame()
            if isinstance(frame, Ack | Refused):
                answers.append(frame)
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert refused
        assert {answer.code for answer in refused} == {"too-fast"}
        assert all(answer.retry_after_s for answer in refused)


async def test_a_flood_of_frames_ends_the_connection(host: Host) -> None:
    async with unharmed(host) as (_, mallory), attached(host.url, mallory) as line:
        for number in range(4000):
            await line.socket.send(encode_frame(Cursor(number)))
        assert (await last_word(line)).code == "too-fast"


async def test_noise_after_attaching(host: Host, seed: int) -> None:
    noise = random.Random(seed)
    async with unharmed(host) as (_, mallory):
        for _ in range(30):
            async with attached(host.url, mallory) as line:
                frame = bytearray(encode_frame(Submit([mallory.write()])))
                for _ in range(noise.randrange(1, 4)):
                    frame[noise.randrange(12)] = noise.randrange(256)
                await line.socket.send(bytes(frame))
                answer = parse_server_frame(bytes(await line.socket.recv(decode=False)))
                assert isinstance(answer, Ack | Refused | Bye)


async def test_a_slow_reader_is_cut_off_and_the_room_does_not_wait(host: Host) -> None:
    author = await new_room(host)
    slow = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, slow)
        async with attached(host.url, slow) as second:
            second.socket.transport.pause_reading()
            for _ in range(60):
                await line.submit(author.write(os.urandom(300_000)))
            status, metrics = await get(host.url, "/metrics")
            assert status == 200
            assert 'backchannel_refusals_total{code="too-slow"} 1.0' in metrics
        async with attached(host.url, slow) as again:  # and it catches up
            assert len(await again.reach(62)) == 62


async def test_an_outbox_drops_what_waits_when_it_overflows() -> None:
    overflowed: list[Outbox] = []
    outbox = Outbox(lambda: overflowed.append(outbox), lambda: None, limit=1000)
    outbox.push(bytes(400))
    outbox.push(bytes(400))
    assert not overflowed
    outbox.push(bytes(400))
    assert overflowed
    outbox.end(b"bye", drop=True)
    outbox.push(b"more")
    assert outbox.take() == [b"bye"]
    assert outbox.is_over
    assert outbox.take() == []


async def test_who_does_not_attach_is_sent_away(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "ATTACH_TIMEOUT_S", 0.05)
    seat = Seat(RoomId(random_id()))
    async with greeted(host.url, seat) as (line, _):
        assert (await last_word(line)).code == "too-slow"


async def test_mail_of_who_may_not_write_any(host: Host) -> None:
    async with unharmed(host) as (_, mallory), attached(host.url, mallory) as line:
        await line.send(Mail(random_id(), 2, b"sealed"))
        assert (await line.until(Refused)).code == "not-allowed"


async def test_failures_of_one_address_are_limited(host: Host) -> None:
    seat = Seat(RoomId(random_id()), SeatId(random_id()))
    codes = set()
    for _ in range(200):
        try:
            async with greeted(host.url, seat) as (line, hello):
                await line.send(attach_frame(seat, hello))
                codes.add((await last_word(line)).code)
        except Exception as error:  # noqa: BLE001 - websockets' own refusal of a 429
            codes.add(str(error))
            break
    assert any("429" in code for code in codes), codes


def test_every_state_and_frame_has_an_answer() -> None:
    frames = [
        encode_frame(frame)
        for frame in (
            Attach(1, bytes(16), bytes(16), 0, bytes(64)),
            Submit([Draft(bytes(16), EventKind.CHAT, 0, bytes(16), b"x")]),
            Cursor(1),
            Mail(bytes(16), 2, b"x"),
        )
    ]
    for state in State:
        for data in frames:
            connection = Connection(Role.SERVER)
            connection.state = state
            code = None
            try:
                connection.receive(data)
            except RemoteProtocolError as error:
                code = error.code
            assert code in (None, Code.OUT_OF_STATE)
            assert (connection.state is state) or code is None
    assert MAX_BODY_BYTES < MAX_FRAME_BYTES
