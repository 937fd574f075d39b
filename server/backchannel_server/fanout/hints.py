"""What the processes of one deployment tell each other: hints, never events.

A hint says that there is something to look up in the log, which is the truth. Hints may be lost, doubled,
late or false: then a look is late or in vain, and nothing else happens. They travel by a broker that
every process hears, itself among them; so a process knows whether it would hear the others.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from backchannel_protocol.ids import RoomId
from backchannel_server.condition import Condition

BEAT_S: Final = 1.0
"""How often a process asks whether the broker still brings what it says."""

SILENT_S: Final = 3.0
"""After how long without an answer nothing is expected of the broker any more."""

A_PACKET: Final = 100
"""The most hints in one packet: with Base64, it fits the 8,000 bytes of PostgreSQL's NOTIFY."""

MAX_PACKET_BYTES: Final = 16_384
_ID_SIZE: Final = 16


class Grown(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The room's log has an event `seq`."""

    room: bytes
    seq: int


class Posted(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """There is mail for the room's facilitators."""

    room: bytes


class Came(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The seat was attached to the process that says so, at a time in microseconds since 1970: a connection
    elsewhere is an older one, unless that came later still."""

    room: bytes
    seat: bytes
    time_us: int


class Ended(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The room is no more."""

    room: bytes


Hint: TypeAlias = Grown | Posted | Came | Ended


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """Hints of one process; with none, it only listens for itself."""

    origin: bytes
    hints: list[Hint]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Packet)


class Broker(Protocol):
    """A lossy way to all processes."""

    async def run(self, receive: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        """Connects, and again where it has to, until it is cancelled; hands on what it hears.

        `joined` is called with each new connection: what was said before it, nobody heard here.
        """

    def send(self, payload: bytes) -> None:
        """To everybody who listens; dropped where that cannot be done now."""


class Exchange:
    """Says and hears hints. `heard` is called for each that another process says.

    Whether the broker is heard, `condition` says; `turned` is called when that changes, and whenever
    something may have been missed.
    """

    def __init__(
        self,
        broker: Broker,
        condition: Condition,
        heard: Callable[[RoomId, Hint], None],
        turned: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._heard = heard
        self._condition = condition
        self._turned = turned
        self._origin = secrets.token_bytes(_ID_SIZE)
        self._grown: dict[RoomId, int] = {}
        self._others: list[Hint] = []
        self._is_flushing = False
        self._last = 0.0

    # ---- saying
    def grown(self, room: RoomId, seq: int) -> None:
        """Of what one turn of the loop says of a room, the newest event alone is told."""
        self._grown[room] = seq
        self._flush_soon()

    def say(self, hint: Hint) -> None:
        """Any other hint."""
        self._others.append(hint)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        hints = [*self._others, *(Grown(room, seq) for room, seq in self._grown.items())]
        self._others.clear()
        self._grown.clear()
        for some in _in_packets(hints):
            self._send(some)

    def _send(self, hints: Sequence[Hint]) -> None:
        self._broker.send(_encoder.encode(Packet(self._origin, list(hints))))

    # ---- hearing
    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._broker.run(self._receive, self._turned))
            tasks.create_task(self._beat())

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        while True:
            self._send(())
            await asyncio.sleep(BEAT_S)
            if self._condition.is_well and loop.time() - self._last > SILENT_S:
                self._condition.fails()
                self._turned()

    def _receive(self, payload: bytes) -> None:
        """What cannot be read is not ours: hints are a wish, nobody waits for an answer."""
        packet = parse_packet(payload)
        if packet is None:
            return
        if packet.origin == self._origin:
            self._last = asyncio.get_running_loop().time()
            if not self._condition.is_well:
                self._condition.works()
                self._turned()
            return
        for hint in packet.hints:
            self._heard(RoomId(hint.room), hint)


def parse_packet(payload: bytes) -> Packet | None:
    """A packet as it came; None where it is none."""
    if len(payload) > MAX_PACKET_BYTES:
        return None
    try:
        packet = _decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None
    whole = all(len(one.room) == _ID_SIZE for one in packet.hints)
    return packet if whole and len(packet.hints) <= A_PACKET else None


def _in_packets(hints: Sequence[Hint]) -> Iterator[Sequence[Hint]]:
    return (hints[at : at + A_PACKET] for at in range(0, len(hints), A_PACKET))
