"""Attachments at the server: who may write, read and delete them, and when they go (PROTOCOL.md, 12a)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from backchannel_protocol.frames import Refused
from backchannel_protocol.http_bodies import BlobBegun, BlobDeleted, PartPut, PartRead, PutPart, ReadPart
from backchannel_protocol.ids import RoomId
from backchannel_protocol.keys import generate_key
from backchannel_protocol.limits import (
    AFTER_READING_BLOB_S,
    CLOSED_CHAT_S,
    CLOSED_ROOM_S,
    MAX_PART_BYTES,
    MAX_ROOM_BLOB_BYTES,
    MAX_SEALED_BLOB_BYTES,
    MAX_SEAT_UPLOADS,
    UPLOAD_S,
)
from backchannel_protocol.operations import CloseRoom, SeatRemove, SetPolicy
from backchannel_server import http_blobs
from backchannel_server.actions.sweep import Swept
from server.blob_kit import File, Porter
from server.process_kit import process
from server.server_kit import (
    Clock,
    Host,
    Line,
    Seat,
    admit,
    attached,
    create_room,
    hosting,
    new_room,
    post,
    random_id,
    sweep_folder,
)
from server.stores import store


@asynccontextmanager
async def two(host: Host) -> AsyncIterator[tuple[Line, Porter, Porter]]:
    """A room of two; the first one's line stays open."""
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other)
        yield line, Porter.of(host, author), Porter.of(host, other)


def blobs_of(folder: Path) -> list[int]:
    """How many blobs and how many parts are kept."""
    return [store().rows(folder, f"SELECT count(*) FROM {table}")[0][0] for table in ("blobs", "blob_parts")]


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 900_000])
async def test_what_one_uploads_another_reads(host: Host, size: int) -> None:
    async with two(host) as (_, anna, boris):
        file = File(os.urandom(size))
        await anna.upload(file)
        assert await boris.download(file) == file.content
        assert await boris.read(file.blob, len(file.parts)) == "unknown-blob"


async def test_everything_may_be_said_twice(host: Host) -> None:
    """Each request may be repeated, by who lost its answer or by who overheard it: it changes nothing."""
    async with two(host) as (_, anna, _other):
        file = File(os.urandom(600_000))
        parts = file.parts
        assert await anna.begin(file.blob, file.size) == BlobBegun([])
        assert await anna.put(file.blob, 1, parts[1]) == PartPut(2)
        assert await anna.put(file.blob, 1, parts[1]) == PartPut(2)
        assert await anna.begin(file.blob, file.size) == BlobBegun([1])
        assert await anna.put(file.blob, 2, parts[2]) == PartPut(1)
        assert await anna.put(file.blob, 0, parts[0]) == PartPut(0)
        assert await anna.put(file.blob, 0, parts[0]) == PartPut(0)
        assert await anna.begin(file.blob, file.size) == BlobBegun([0, 1, 2])
        assert await anna.download(file) == file.content
        assert await anna.delete(file.blob) == BlobDeleted(existed=True)
        assert await anna.delete(file.blob) == BlobDeleted(existed=False)
        assert await anna.read(file.blob) == "unknown-blob"
    assert blobs_of(host.data) == [0, 0]


async def test_what_stands_is_not_altered(host: Host) -> None:
    async with two(host) as (_, anna, boris):
        file = File(os.urandom(600_000))
        first, second, last = file.parts
        await anna.begin(file.blob, file.size)
        await anna.put(file.blob, 0, first)
        assert await anna.put(file.blob, 0, second) == "duplicate-id"
        assert await anna.begin(file.blob, file.size + 1) == "duplicate-id"
        assert await boris.begin(file.blob, file.size) == "duplicate-id"
        assert await boris.put(file.blob, 1, second) == "unknown-blob"
        assert await boris.delete(file.blob) == "not-allowed"
        for number, body in ((1, second[:-1]), (2, second), (3, last), (1, last)):
            assert await anna.put(file.blob, number, body) == "malformed"
        assert await boris.read(file.blob) == "unknown-blob"  # it is not whole
        assert await anna.read(file.blob) == "unknown-blob"
        assert await anna.put(file.blob, 1, second) == PartPut(1)
        assert await anna.put(file.blob, 2, last) == PartPut(0)
        assert await boris.download(file) == file.content


async def test_a_blob_is_its_rooms_alone(host: Host) -> None:
    async with two(host) as (_, anna, _boris), two(host) as (_, mallory, _other):
        file = File(os.urandom(1_000))
        await anna.upload(file)
        assert await mallory.read(file.blob) == "unknown-blob"
        assert await mallory.put(file.blob, 0, file.parts[0]) == "unknown-blob"
        assert await mallory.delete(file.blob) == BlobDeleted(existed=False)  # none in that room
        own = File(os.urandom(1_000), blob=file.blob)
        await mallory.upload(own)
        assert await anna.download(file) == file.content
        assert await mallory.download(own) == own.content
        in_her_room = Porter(host.url, Seat(anna.seat.room, mallory.seat.id), anna.record_key, anna.now)
        assert await in_her_room.read(file.blob) == "unknown-seat"
        nowhere = Porter(host.url, Seat(RoomId(random_id())), anna.record_key, anna.now)
        assert await nowhere.read(file.blob) == "unknown-room"


async def test_only_the_seat_itself_asks_and_just_now(host: Host) -> None:
    async with two(host) as (_, anna, boris):
        file = File(os.urandom(1_000))
        await anna.upload(file)
        asked = boris.signed(ReadPart(boris.seat.room, boris.seat.id, file.blob, boris.now, bytes(64), 0))
        assert isinstance(await boris.ask(asked), PartRead)
        assert isinstance(asked, ReadPart)
        for other in (
            msgspec.structs.replace(asked, number=1),
            msgspec.structs.replace(asked, blob=random_id()),
            msgspec.structs.replace(asked, time=asked.time + 1),
            msgspec.structs.replace(asked, seat=anna.seat.id),
            msgspec.structs.replace(asked, signature=bytes(64)),
        ):
            assert await boris.ask(other) == "bad-signature"
        thief = Porter(
            host.url, Seat(boris.seat.room, boris.seat.id, generate_key()), boris.record_key, boris.now
        )
        assert await thief.read(file.blob) == "bad-signature"
        relayed = Porter(host.url, boris.seat, bytes(32), boris.now)  # signed for another server
        assert await relayed.read(file.blob) == "bad-signature"
        put = boris.signed(PutPart(boris.seat.room, boris.seat.id, file.blob, boris.now, bytes(64), 0, b"x"))
        assert isinstance(put, PutPart)
        assert await boris.ask(msgspec.structs.replace(put, body=b"y")) == "bad-signature"
        for skew in (-301, 301):
            late = Porter(host.url, boris.seat, boris.record_key, boris.now + skew)
            assert await late.read(file.blob) == "expired"
        near = Porter(host.url, boris.seat, boris.record_key, boris.now - 299)
        assert isinstance(await near.read(file.blob), PartRead)


async def test_who_was_removed_reads_and_writes_nothing(host: Host) -> None:
    async with two(host) as (line, anna, boris):
        file, begun = File(os.urandom(1_000)), File(os.urandom(1_000))
        await anna.upload(file)
        await boris.begin(begun.blob, begun.size)
        author = line.seat
        commit, pending = author.commit(remove=(1,))
        await line.submit(author.operate(SeatRemove(None, boris.seat.id)), commit)
        author.enter(commit, pending)
        for answer in (
            await boris.read(file.blob),
            await boris.begin(random_id(), 100),
            await boris.put(begun.blob, 0, begun.parts[0]),
            await boris.delete(begun.blob),
        ):
            assert answer == "removed"
        assert await anna.download(file) == file.content


async def test_a_closed_room_takes_no_new_blob_and_gives_what_it_has(host: Host) -> None:
    async with two(host) as (line, anna, boris):
        file, begun = File(os.urandom(1_000)), File(os.urandom(1_000))
        await anna.upload(file)
        await anna.begin(begun.blob, begun.size)
        await line.submit(line.seat.operate(CloseRoom(None)))
        assert await anna.begin(random_id(), 100) == "room-closed"
        assert await anna.put(begun.blob, 0, begun.parts[0]) == PartPut(0)
        assert await boris.download(file) == file.content


# ---- bounds
async def test_a_seat_begins_few_uploads_at_once(host: Host) -> None:
    async with two(host) as (_, anna, boris):
        files = [File(b"x") for _ in range(MAX_SEAT_UPLOADS)]
        for file in files:
            assert await anna.begin(file.blob, file.size) == BlobBegun([])
        assert await anna.begin(random_id(), 100) == "too-many"
        assert await anna.begin(files[0].blob, files[0].size) == BlobBegun([])
        await boris.upload(File(b"y"))  # another seat's are its own
        await anna.put(files[0].blob, 0, files[0].parts[0])
        assert await anna.begin(random_id(), 100) == BlobBegun([])
        assert await anna.begin(random_id(), 100) == "too-many"
        await anna.delete(files[1].blob)
        assert await anna.begin(random_id(), 100) == BlobBegun([])


async def test_a_room_has_so_much_place_and_no_more(host: Host) -> None:
    async with two(host) as (line, anna, boris):
        seats = [Seat(anna.seat.room) for _ in range(2)]
        await admit(line, *seats)
        porters = [anna, boris, *(Porter.of(host, seat) for seat in seats)]
        begun = 0
        for number in range(MAX_ROOM_BLOB_BYTES // MAX_SEALED_BLOB_BYTES):
            porter = porters[number // MAX_SEAT_UPLOADS]
            assert await porter.begin(random_id(), MAX_SEALED_BLOB_BYTES) == BlobBegun([])
            begun += MAX_SEALED_BLOB_BYTES
        last = random_id()
        assert await porters[3].begin(random_id(), MAX_ROOM_BLOB_BYTES - begun + 1) == "too-many"
        assert await porters[3].begin(last, MAX_ROOM_BLOB_BYTES - begun) == BlobBegun([])
        assert await porters[3].begin(random_id(), 1) == "too-many"
        await porters[3].delete(last)
        assert await porters[3].begin(random_id(), 1) == BlobBegun([])
    async with two(host) as (_, other, _last):  # another room's place is its own
        assert await other.begin(random_id(), MAX_SEALED_BLOB_BYTES) == BlobBegun([])


async def test_a_flood_of_bytes_is_slowed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_blobs, "DAY_BYTES", 2 * MAX_PART_BYTES)
    monkeypatch.setattr(http_blobs, "READ_BYTES", 2 * MAX_PART_BYTES)
    async with hosting(host.data.parent / "other", host.clock) as slow, two(slow) as (_, anna, boris):
        file = File(os.urandom(MAX_PART_BYTES))
        await anna.begin(file.blob, file.size)
        for _ in range(2):
            assert await anna.put(file.blob, 0, file.parts[0]) == PartPut(1)
        assert await anna.put(file.blob, 0, file.parts[0]) == "too-fast"
        small = File(b"x")
        await boris.upload(small)
        assert isinstance(await boris.read(small.blob), PartRead)
        assert isinstance(await boris.read(small.blob), PartRead)
        asked = boris.signed(ReadPart(boris.seat.room, boris.seat.id, small.blob, boris.now, bytes(64), 0))
        status, body = 200, b""
        while status == 200:  # a little may be read as time goes by
            status, body = await post(slow.url, "/v1/blobs/read", asked)
        refused = msgspec.msgpack.decode(body, type=Refused)
        assert (refused.code, refused.retry_after_s) == ("too-fast", 1)
        assert await anna.delete(file.blob) == BlobDeleted(existed=True)  # nothing else is held back


async def test_few_parts_are_on_their_way_at_once(host: Host) -> None:
    """Those who send theirs slowly take their address's slots, and what is one too many is told when."""
    async with two(host) as (_, anna, _boris):
        file = File(os.urandom(1_000))
        await anna.begin(file.blob, file.size)
        writers = [await half_a_part(host) for _ in range(http_blobs.PARTS_OF_AN_ADDRESS)]
        async with asyncio.timeout(20):  # until the server has read the others' heads, a part may still pass
            while await anna.put(file.blob, 0, file.parts[0]) != "too-fast":
                pass
            assert isinstance(await anna.begin(file.blob, file.size), BlobBegun)
            for writer in writers:
                writer.close()
            while await anna.put(file.blob, 0, file.parts[0]) != PartPut(0):
                pass


async def half_a_part(host: Host) -> asyncio.StreamWriter:
    """A connection on which half a part has come, and the server waits for the rest."""
    _, writer = await asyncio.open_connection("127.0.0.1", host.running.port)
    writer.write(b"POST /v1/blobs/part HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + bytes(1_000))
    await writer.drain()
    return writer


@pytest.mark.parametrize("path", ["begin", "part", "read", "delete"])
async def test_bodies_that_are_none(host: Host, path: str) -> None:
    for body, code in (
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (bytes(MAX_PART_BYTES + 600), "too-large"),
    ):
        status, answer = await post(host.url, f"/v1/blobs/{path}", body)
        assert msgspec.msgpack.decode(answer, type=Refused).code == code
        assert status in (400, 413)


# ---- retention
async def kept_after(folder: Path, seconds: int, *policy: SetPolicy | CloseRoom) -> tuple[Swept, list[int]]:
    """What a sweep takes some time after a blob was completed, and another was begun."""
    clock = Clock()
    async with hosting(folder, clock, sweep_interval_s=1 << 20) as host, two(host) as (line, anna, _):
        whole, begun = File(os.urandom(300_000)), File(os.urandom(300_000))
        await anna.upload(whole)
        await anna.begin(begun.blob, begun.size)
        await anna.put(begun.blob, 0, begun.parts[0])
        for operation in policy:
            await line.submit(line.seat.operate(operation))
    assert blobs_of(folder) == [2, 3]
    clock.now += seconds
    return await sweep_folder(folder, clock), blobs_of(folder)


KEEPS = SetPolicy(None, 0, 0, after_reading=False, paused_until=0)
AN_HOUR = SetPolicy(None, 0, 3600, after_reading=False, paused_until=0)
ONCE_READ = SetPolicy(None, 0, 0, after_reading=True, paused_until=0)


@pytest.mark.parametrize(
    ("seconds", "operation", "left"),
    [
        (UPLOAD_S - 1, KEEPS, [2, 3]),
        (UPLOAD_S, KEEPS, [1, 2]),
        (CLOSED_ROOM_S, KEEPS, [1, 2]),
        (3599, AN_HOUR, [2, 3]),
        (3600, AN_HOUR, [1, 1]),
        (UPLOAD_S, AN_HOUR, [0, 0]),
        (AFTER_READING_BLOB_S - 1, ONCE_READ, [2, 3]),
        (AFTER_READING_BLOB_S, ONCE_READ, [0, 0]),
        (UPLOAD_S - 1, CloseRoom(None), [2, 3]),
        (CLOSED_CHAT_S - 1, CloseRoom(None), [1, 2]),
        (CLOSED_CHAT_S, CloseRoom(None), [0, 0]),
    ],
)
async def test_when_blobs_go(
    tmp_path: Path, seconds: int, operation: SetPolicy | CloseRoom, left: list[int]
) -> None:
    swept, kept = await kept_after(tmp_path / "data", seconds, operation)
    assert kept == left
    assert swept.blobs == 2 - left[0]


async def test_nothing_is_left_of_a_room_that_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    swept, kept = await kept_after(folder, CLOSED_ROOM_S, CloseRoom(None))
    assert (swept.rooms, kept) == (1, [0, 0])
    assert store().rows(folder, "SELECT count(*) FROM rooms") == [(0,)]


# ---- a server that dies
async def test_an_upload_goes_on_after_the_server_was_killed_in_between(tmp_path: Path) -> None:
    data, seat = tmp_path / "data", Seat(RoomId(random_id()))
    file = File(os.urandom(1_200_000))
    parts = file.parts
    async with process(data) as server:
        created = await create_room(server.url, server.token(data), seat)
        porter = Porter(server.url, seat, created.record_key, int(time.time()))
        await porter.begin(file.blob, file.size)
        assert await porter.put(file.blob, 0, parts[0]) == PartPut(len(parts) - 1)
        assert await porter.put(file.blob, 2, parts[2]) == PartPut(len(parts) - 2)
        await server.kill()
    async with process(data) as server:
        porter.url = server.url
        assert await porter.begin(file.blob, file.size) == BlobBegun([0, 2])
        for number in (1, 3, 4):
            await porter.put(file.blob, number, parts[number])
        await server.kill()
    async with process(data) as server:
        porter.url = server.url
        assert await porter.download(file) == file.content
