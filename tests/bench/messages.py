"""Application messages of 1 KiB: ours, the bare primitives and the mls-rs wheel, in one race."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from backchannel_mls import ApplicationReceived, GroupState, encrypt, receive
from bench.measure import Contestant, Race, race, repeating, settle
from bench.primitives import Primitives
from bench.rooms import Room
from bench.wheel import WheelRoom

DATA_SIZE = 1024
CLASSICAL, HYBRID = 1, 83


@dataclass(frozen=True)
class SuiteFigures:
    """One suite in one room. A ratio says how many times the bare primitives' time ours is."""

    message_bytes: int
    encrypt_us: float
    decrypt_us: float
    bare_encrypt_us: float
    bare_decrypt_us: float
    encrypt_to_bare: float
    decrypt_to_bare: float


@dataclass(frozen=True)
class WheelFigures:
    """The wheel in a room of that size. `mended_…`: see wheel.py."""

    message_bytes: int
    encrypt_us: float
    decrypt_us: float
    mended_encrypt_us: float
    mended_decrypt_us: float
    encrypt_to_ours: float
    decrypt_to_ours: float
    mended_encrypt_to_ours: float
    mended_decrypt_to_ours: float


@dataclass(frozen=True)
class MessageFigures:
    """One room size. `wheel` is None where there is no wheel for the platform."""

    rounds: int
    operations_per_round: int
    suites: dict[str, SuiteFigures]
    hybrid_to_classical_encrypt: float
    hybrid_to_classical_decrypt: float
    wheel: WheelFigures | None


class Conversation:
    """A room in which everybody has spoken: Alice writes; Bob reads what all the others write in turn."""

    def __init__(self, room: Room, data: bytes) -> None:
        self.data = data
        self.writer, self.reader = room.alice, room.bob
        self._speakers = [room.seat(leaf) for leaf in range(len(room.identities) - 1)]
        self._turn = 0
        self.read(len(self._speakers))
        for leaf in range(1, len(room.identities)):
            self.writer = received(self.writer, encrypt(room.seat(leaf), data).message)

    def next_messages(self, count: int) -> list[bytes]:
        """What the others write next."""
        messages: list[bytes] = []
        for _ in range(count):
            at = self._turn = (self._turn + 1) % len(self._speakers)
            sent = encrypt(self._speakers[at], self.data)
            self._speakers[at] = sent.state
            messages.append(sent.message)
        return messages

    def write(self, count: int) -> float:
        """A contestant: Alice encrypts."""
        state = self.writer
        begin = time.perf_counter()
        for _ in range(count):
            state = encrypt(state, self.data).state
        spent = time.perf_counter() - begin
        self.writer = state
        return spent

    def read(self, count: int) -> float:
        """A contestant: Bob decrypts."""
        messages = self.next_messages(count)
        state = self.reader
        begin = time.perf_counter()
        for message in messages:
            state = receive(state, message).state  # type: ignore[union-attr]  # no commits here
        spent = time.perf_counter() - begin
        self.reader = state
        return spent


def received(state: GroupState, message: bytes) -> GroupState:
    """The state after an application message."""
    got = receive(state, message)
    assert isinstance(got, ApplicationReceived)
    return got.state


def measure_messages(
    rooms: Mapping[int, Room], wheel: WheelRoom | None, *, rounds: int, per_round: int
) -> MessageFigures:
    """`rooms`: of one size, by suite, CLASSICAL and HYBRID."""
    data = os.urandom(DATA_SIZE)
    contestants: dict[str, Contestant] = {}
    for suite_id, room in rooms.items():
        conversation, bare = Conversation(room, data), Primitives.like(room.alice, data)
        contestants |= {
            f"{suite_id} encrypt": conversation.write,
            f"{suite_id} bare encrypt": repeating(bare.encrypt),
            f"{suite_id} decrypt": conversation.read,
            f"{suite_id} bare decrypt": repeating(bare.decrypt),
        }
    if wheel is not None:
        contestants |= wheel.contestants(data)
    settle()
    result = race(contestants, rounds=rounds, per_round=per_round)
    return MessageFigures(
        rounds,
        per_round,
        {str(suite_id): _of_suite(result, suite_id, room, data) for suite_id, room in rooms.items()},
        result.ratio(f"{HYBRID} encrypt", f"{CLASSICAL} encrypt"),
        result.ratio(f"{HYBRID} decrypt", f"{CLASSICAL} decrypt"),
        None if wheel is None else _of_wheel(result, len(wheel.message(data))),
    )


def _of_suite(result: Race, suite_id: int, room: Room, data: bytes) -> SuiteFigures:
    return SuiteFigures(
        len(encrypt(room.alice, data).message),
        result.median_us(f"{suite_id} encrypt"),
        result.median_us(f"{suite_id} decrypt"),
        result.median_us(f"{suite_id} bare encrypt"),
        result.median_us(f"{suite_id} bare decrypt"),
        result.ratio(f"{suite_id} encrypt", f"{suite_id} bare encrypt"),
        result.ratio(f"{suite_id} decrypt", f"{suite_id} bare decrypt"),
    )


def _of_wheel(result: Race, message_bytes: int) -> WheelFigures:
    return WheelFigures(
        message_bytes,
        result.median_us("wheel encrypt"),
        result.median_us("wheel decrypt"),
        result.median_us("mended wheel encrypt"),
        result.median_us("mended wheel decrypt"),
        result.ratio("wheel encrypt", f"{CLASSICAL} encrypt"),
        result.ratio("wheel decrypt", f"{CLASSICAL} decrypt"),
        result.ratio("mended wheel encrypt", f"{CLASSICAL} encrypt"),
        result.ratio("mended wheel decrypt", f"{CLASSICAL} decrypt"),
    )
