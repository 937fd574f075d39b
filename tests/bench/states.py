"""What a state weighs in memory and in storage, and how long it takes to load."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from backchannel_mls import GroupState, decode_state, encode_state, encrypt, load_state, records
from bench.measure import race, repeating, settle
from bench.messages import DATA_SIZE, Conversation
from bench.rooms import Room

SUCCESSIVE_STATES = 10


@dataclass(frozen=True)
class StateFigures:
    """One suite, one room. Memory is what Python allocates; OpenSSL's parsed keys come on top."""

    rounds: int
    records: int
    encoded_bytes: int
    encode_ms: float
    load_ms: float
    memory_bytes: int
    """Of one state, decoded from storage."""
    message_state_bytes: int
    """Of one more state: the mean of ten successive ones that are all kept, one message apart."""
    message_state_all_spoken_bytes: int
    """The same where every member has spoken in the epoch."""


def measure_states(room: Room, *, rounds: int) -> StateFigures:
    """The state of Bob."""
    encoded, stored = encode_state(room.bob), records(room.bob)
    data = os.urandom(DATA_SIZE)
    spoken = Conversation(room, data).reader
    settle()
    result = race(
        {"encode": repeating(lambda: encode_state(room.bob)), "load": repeating(lambda: load_state(stored))},
        rounds=rounds,
        per_round=1,
    )
    return StateFigures(
        rounds,
        len(stored),
        len(encoded),
        result.median_ms("encode"),
        result.median_ms("load"),
        _allocated(lambda: decode_state(encoded)),
        _allocated(lambda: _successive(room.bob, data)) // SUCCESSIVE_STATES,
        _allocated(lambda: _successive(spoken, data)) // SUCCESSIVE_STATES,
    )


def _successive(state: GroupState, data: bytes) -> list[GroupState]:
    kept = []
    for _ in range(SUCCESSIVE_STATES):
        state = encrypt(state, data).state
        kept.append(state)
    return kept


def _allocated(make: Callable[[], object]) -> int:
    """The bytes that what `make` returns keeps allocated."""
    make()  # what is made once and kept, such as memoised labels, is not the state's
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size
