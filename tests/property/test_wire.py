"""Every wire type: what is written is read back alike, and reading raises nothing but RemoteError."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backchannel_mls.errors import RemoteError
from property.strategies import WIRE_TYPES, WireType

every_type = pytest.mark.parametrize("wire", WIRE_TYPES.values(), ids=WIRE_TYPES)


def rebuilt(value: Any) -> Any:
    """The same value without the bytes that it was parsed from, so that encoding uses its fields."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(rebuilt, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    inner = {
        one.name: b"" if one.name == "_raw" else rebuilt(getattr(value, one.name)) for one in fields(value)
    }
    return replace(value, **inner)


@st.composite
def mutated(draw: st.DrawFn, wire: WireType) -> bytes:
    """A real encoding with a few bytes changed, cut out or put in."""
    data = bytearray(wire.encode(draw(wire.values)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 3))
        data[at : at + cut] = draw(st.binary(max_size=3))
    return bytes(data)


@every_type
@settings(max_examples=60)
@given(data=st.data())
def test_value_is_read_back_as_it_was_written(wire: WireType, data: st.DataObject) -> None:
    value = data.draw(wire.values)
    encoded = wire.encode(value)
    parsed = wire.parse(encoded)
    assert parsed == value
    assert wire.encode(parsed) == encoded
    assert wire.encode(rebuilt(parsed)) == encoded


@every_type
@settings(max_examples=60)
@given(data=st.data())
def test_more_or_fewer_bytes_are_refused(wire: WireType, data: st.DataObject) -> None:
    encoded = wire.encode(data.draw(wire.values))
    for wrong in (encoded + b"\1", encoded[:-1]):
        try:
            parsed = wire.parse(wrong)
        except RemoteError:
            continue
        # only padding, which ends nowhere, can be shorter by a byte and still be read
        assert wire is not WIRE_TYPES["MlsMessage"]
        assert wire.encode(rebuilt(parsed)) == wrong


@every_type
@settings(max_examples=60)
@given(data=st.data())
def test_mutated_bytes_are_refused_or_read_as_what_they_say(wire: WireType, data: st.DataObject) -> None:
    changed = data.draw(mutated(wire))
    try:
        parsed = wire.parse(changed)
    except RemoteError:
        return
    assert wire.encode(parsed) == changed
    assert wire.encode(rebuilt(parsed)) == changed


@every_type
@settings(max_examples=100)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_remote_error(wire: WireType, data: bytes) -> None:
    try:
        parsed = wire.parse(data)
    except RemoteError:
        return
    assert wire.encode(rebuilt(parsed)) == data
