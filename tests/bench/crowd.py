"""A crowd that talks: members who send and hear what others send, as cheaply as Python allows."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Final

from bench.peers import Peer

SENDERS: Final = 5
PATIENCE_S: Final = 600
"""A benchmark that lost an event ends with a fault, it does not hang."""


@dataclass(frozen=True)
class Room:
    """Connected members, of whom the first ones send, and what each of these sends: (event's id, frame).

    is_ack, count, ids  of what a member hears: whether it is an acknowledgement; else how many events it
                        brings, and their ids
    """

    peers: Sequence[Peer]
    said: Sequence[Sequence[tuple[bytes, bytes]]]
    is_ack: Callable[[bytes], bool]
    count: Callable[[bytes], int]
    ids: Callable[[bytes], Sequence[bytes]]

    @property
    def events(self) -> int:
        """How many every member is to hear."""
        return sum(map(len, self.said))


@dataclass(frozen=True)
class Talk:
    """What came of it. Milliseconds from sending to the last member's hearing; `cpu_us` of the server."""

    events: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


class _Listening:
    """All have everything when nobody misses an event; each room's last member tells how long it took."""

    def __init__(self) -> None:
        self.missing = 0
        self.done = asyncio.Event()
        self.sent: dict[bytes, float] = {}
        self.took: list[float] = []

    def expect(self, room: Room, window: int) -> list[asyncio.Semaphore]:
        """Connects the ears; the senders' windows."""
        windows = [asyncio.Semaphore(window) for _ in room.said]
        self.missing += room.events * len(room.peers)
        for number, peer in enumerate(room.peers):
            release = windows[number].release if number < len(windows) else _nothing
            peer.heard = self._ear(room, release, is_clock=peer is room.peers[-1])
        return windows

    def _ear(self, room: Room, release: Callable[[], None], *, is_clock: bool) -> Callable[[bytes], None]:
        def heard(data: bytes) -> None:
            if room.is_ack(data):
                release()
                return
            self.missing -= room.count(data)
            if is_clock:
                now = time.perf_counter()
                self.took += [now - self.sent[id_] for id_ in room.ids(data)]
            if self.missing <= 0:
                self.done.set()

        return heard


async def talk(rooms: Sequence[Room], window: int, pid: int) -> Talk:
    """Every sender sends, `window` at a time, until everybody has everything. `pid`: the server's."""
    listening = _Listening()
    windows = [listening.expect(room, window) for room in rooms]

    async def send(peer: Peer, said: Sequence[tuple[bytes, bytes]], free: asyncio.Semaphore) -> None:
        for id_, frame in said:
            await free.acquire()
            listening.sent[id_] = time.perf_counter()
            peer.send(frame)

    sending = [
        send(peer, said, free)
        for room, free_ones in zip(rooms, windows, strict=True)
        for peer, said, free in zip(room.peers, room.said, free_ones, strict=False)
    ]
    begin, worked = time.perf_counter(), cpu_s(pid)
    await asyncio.gather(*sending)
    async with asyncio.timeout(PATIENCE_S):
        await listening.done.wait()
    spent, worked = time.perf_counter() - begin, cpu_s(pid) - worked
    events = sum(room.events for room in rooms)
    deliveries = sum(room.events * len(room.peers) for room in rooms)
    cuts = quantiles(listening.took, n=100)
    return Talk(
        events,
        round(events / spent, 1),
        round(1000 * cuts[49], 2),
        round(1000 * cuts[98], 2),
        round(1e6 * worked / deliveries, 2),
    )


def shares(events: int, senders: int) -> list[int]:
    """How many events each sender sends."""
    found = [0] * senders
    for _, number in zip(range(events), cycle(range(senders)), strict=False):
        found[number] += 1
    return found


def new_id() -> bytes:
    """Of an event."""
    return secrets.token_bytes(16)


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process and those that it started have had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_s(int(child)) for child in children)


def _nothing() -> None:
    pass
