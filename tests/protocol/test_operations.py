"""Operations in clear: whole and within their bounds, or `malformed`."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from backchannel_protocol.limits import MAX_BODY_BYTES
from backchannel_protocol.operations import encode_operation, parse_operation
from backchannel_protocol.refusals import Code
from protocol.errors import perhaps_remote, remote
from protocol.samples import OPERATION_BOUNDS, OPERATIONS
from protocol.test_frames import mutate


def items_of(name: str) -> list[Any]:
    items: list[Any] = msgspec.msgpack.decode(encode_operation(OPERATIONS[name]))
    return items


def out_of_bounds() -> list[Any]:
    cases = []
    for name, fields in OPERATION_BOUNDS.items():
        items = items_of(name)
        for at, wrong in enumerate(fields, start=1):
            for number, value in enumerate(wrong):
                bad = [*items[:at], value, *items[at + 1 :]]
                cases.append(pytest.param(bad, id=f"{name}-field{at}-{number}"))
    return cases


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_comes_back(name: str) -> None:
    assert parse_operation(encode_operation(OPERATIONS[name])) == OPERATIONS[name]


@pytest.mark.parametrize("name", OPERATIONS)
def test_more_fields_are_ignored_and_fewer_refused(name: str) -> None:
    items = items_of(name)
    assert parse_operation(msgspec.msgpack.encode([*items, "new", [1]])) == OPERATIONS[name]
    for length in range(len(items)):
        with remote():
            parse_operation(msgspec.msgpack.encode(items[:length]))


@pytest.mark.parametrize("items", out_of_bounds())
def test_a_field_out_of_bounds_is_refused(items: list[Any]) -> None:
    with remote():
        parse_operation(msgspec.msgpack.encode(items))


@pytest.mark.parametrize("number", [0, 10, -1, None, "1"])
def test_an_unknown_operation_is_refused(number: object) -> None:
    with remote():
        parse_operation(msgspec.msgpack.encode([number, None, bytes(16), bytes(32), True]))


def test_numbers_are_those_of_the_page() -> None:
    numbers = {items_of(name)[0] for name in OPERATIONS}
    assert numbers == set(range(1, 10))


def test_mutated_bytes_raise_nothing_but_remote_errors(seed: int) -> None:
    source = random.Random(seed)
    originals = [encode_operation(operation) for operation in OPERATIONS.values()]
    for _ in range(3_000):
        with perhaps_remote():
            operation = parse_operation(mutate(source.choice(originals), source))
            assert parse_operation(encode_operation(operation)) == operation


def test_an_operation_larger_than_a_body_is_too_large() -> None:
    with remote(Code.TOO_LARGE):
        parse_operation(bytes(MAX_BODY_BYTES + 1))
