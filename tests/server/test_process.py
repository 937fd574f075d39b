"""The real process: killed under load, stopped, started twice."""

from __future__ import annotations

import asyncio
import json
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.events import Draft, LogEvent
from backchannel_protocol.frames import Ack, Submit
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.keys import fingerprint
from backchannel_server.app import DRAIN_S, SHUTDOWN_S
from backchannel_server.storage.engine import DATABASE
from backchannel_server.ws import CLOSE_GRACE_S
from server.process_kit import process
from server.server_kit import Line, Seat, admit, attached, create_room, random_id
from server.stores import store

KILLS = 4
KILLS_LONG = 200
STOPS_WITHIN_S = 3


async def load(line: Line, seat: Seat, waiting: list[Draft], acked: dict[bytes, tuple[int, int]]) -> None:
    """Submits until the server is gone: first what was not acknowledged, in the same bytes."""
    try:
        for draft in waiting:
            await line.send(Submit([draft]))
        while True:
            if len(waiting) < 20:
                draft = seat.write()
                waiting.append(draft)
                await line.send(Submit([draft]))
                continue
            frame = await line.frame()
            if isinstance(frame, Ack):
                for placed in frame.placed:
                    assert acked.setdefault(placed.id, (placed.seq, placed.time)) == (placed.seq, placed.time)
                done = {placed.id for placed in frame.placed}
                waiting[:] = [draft for draft in waiting if draft.id not in done]
    except ConnectionClosed:
        return


async def test_what_was_acknowledged_survives_sigkill(tmp_path: Path, seed: int, long_form: bool) -> None:
    moments = random.Random(seed)
    data = tmp_path / "data"
    seats = [Seat(RoomId(random_id()))]
    seats += [Seat(seats[0].room) for _ in range(3)]
    async with process(data) as server:
        await create_room(server.url, server.token(data), seats[0])
        async with attached(server.url, seats[0]) as line:
            await admit(line, *seats[1:])
        await server.kill()
    waiting: list[list[Draft]] = [[] for _ in seats]
    acked: list[dict[bytes, tuple[int, int]]] = [{} for _ in seats]
    logs: list[list[LogEvent]] = [[] for _ in seats]
    for _ in range(KILLS_LONG if long_form else KILLS):
        async with process(data) as server:

            async def one(number: int, url: str) -> None:
                try:
                    cursor = logs[number][-1].seq if logs[number] else 0
                    async with attached(url, seats[number], cursor) as line:
                        await load(line, seats[number], waiting[number], acked[number])
                        logs[number] += line.log
                except ConnectionClosed:
                    return

            tasks = [asyncio.create_task(one(number, server.url)) for number in range(len(seats))]
            await asyncio.sleep(moments.uniform(0.2, 1.0))  # not for order: the moment is what is random
            await server.kill()
            await asyncio.gather(*tasks)
    check(data, seats[0].room, acked, logs)


def check(
    data: Path, room: RoomId, acked: list[dict[bytes, tuple[int, int]]], logs: list[list[LogEvent]]
) -> None:
    """Every acknowledged event is in the database where it was said to be; all saw the same chain."""
    rows = store().rows(
        data,
        "SELECT seq, time, seat, kind, id, epoch, body, leaf FROM events WHERE room = :room ORDER BY seq",
        room=room,
    )
    events = [LogEvent(*row) for row in rows]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    stored = {event.id: (event.seq, event.time) for event in events}
    assert sum(map(len, acked)) > 0
    for mine in acked:
        for id_, place in mine.items():
            assert stored[id_] == place
    links = [first_link(room)]
    for event in events:
        links.append(next_link(links[-1], event))
    for log in logs:
        link = links[log[0].seq - 1]
        for event in log:
            link = next_link(link, event)
        assert link == links[log[-1].seq]


async def test_sigterm_says_bye_and_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        seat = Seat(RoomId(random_id()))
        await create_room(server.url, server.token(data), seat)
        async with (
            attached(server.url, seat) as line,
            attached(server.url, Seat(seat.room, seat.id, seat.private)) as second,
        ):
            assert (await line.bye()).code == "replaced"
            await second.submit(seat.write())
            code, bye = await asyncio.gather(server.terminate(), second.bye())
            assert bye.code == "stopping"
            assert code == 0


def test_all_that_stopping_waits_for_is_under_three_seconds() -> None:
    """The promise; with nobody who is slow it takes some 50 ms, which no shared machine can be held to."""
    assert DRAIN_S + CLOSE_GRACE_S + SHUTDOWN_S < STOPS_WITHIN_S


def test_what_could_decrypt_is_not_even_loaded() -> None:
    program = "import sys, backchannel_server.__main__; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "backchannel_mls.wire.framing" in loaded
    for part in ("api", "group", "schedule", "store", "tree"):
        assert f"backchannel_mls.{part}" not in loaded
    for other in ("backchannel", "alembic"):
        assert other not in loaded


async def test_a_peer_that_does_not_read_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        seat = Seat(RoomId(random_id()))
        await create_room(server.url, server.token(data), seat)
        async with attached(server.url, seat) as line:
            line.socket.transport.pause_reading()
            async with asyncio.timeout(10):
                assert await server.terminate() == 0


async def test_what_it_says_and_what_it_keeps_to_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        token = server.token(data)
        assert server.said["data folder"] == str(data)
        assert token not in str(server.said)
        seat = Seat(RoomId(random_id()))
        created = await create_room(server.url, token, seat)
        assert server.said["record key"] == b64u(fingerprint(created.record_key))
        for path in data.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        async with attached(server.url, seat) as line:
            await line.submit(seat.write())
            await line.socket.send(b"\xc1")
            await line.bye()
        assert await server.terminate() == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines
    for text in lines:
        assert isinstance(json.loads(text), dict)
        assert "127.0.0.1" not in text
        assert token not in text
        assert "Traceback" not in text


@pytest.mark.store("sqlite")
async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        with pytest.raises(AssertionError, match="ended before"):
            async with process(data):
                pass
        seat = Seat(RoomId(random_id()))
        await create_room(server.url, server.token(data), seat)
    assert "another server runs on" in (tmp_path / "log").read_text()


@pytest.mark.store("sqlite")
async def test_what_keeps_it_from_starting_is_said_in_one_line(tmp_path: Path) -> None:
    """A port in use, TLS files that are none, a database that is none, a folder that cannot be made."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    (spoilt / DATABASE).write_bytes(b"no database" * 1000)
    fresh = tmp_path / "fresh"
    async with process(tmp_path / "data") as server:
        port = server.url.rpartition(":")[2]
        cases: tuple[tuple[Path, list[str], str], ...] = (
            (fresh, ["--port", port], "in use"),
            (fresh, ["--tls-cert", str(garbage), "--tls-key", str(garbage)], "not a PEM certificate"),
            (spoilt, [], "bring it back from a backup"),
            (garbage, [], "cannot be read"),
        )
        for data, words, sentence in cases:
            with pytest.raises(AssertionError, match="ended before"):
                async with process(data, *words):
                    pass
            said = (tmp_path / "log").read_text().splitlines()
            assert sentence in said[-1], said
            assert said[-1].startswith("backchannel: ")
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_the_host_link_outlives_a_restart_until_a_new_one_is_made(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        token = server.token(data)
    async with process(data) as server:
        assert server.token(data) == token
        await create_room(server.url, token, Seat(RoomId(random_id())))
    async with process(data, "--new-host-link") as server:
        assert server.token(data) != token
        await create_room(server.url, server.token(data), Seat(RoomId(random_id())))
        with pytest.raises(AssertionError, match="401"):
            await create_room(server.url, token, Seat(RoomId(random_id())))
