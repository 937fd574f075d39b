"""What is hashed or signed, and how it is written (PROTOCOL.md, section 1)."""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeAlias, cast

import msgspec
import rfc8785

from backchannel_mls.codec import vector
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.refusals import Code

LABEL_PREFIX: Final = b"backchannel v1 "
MAX_DEPTH: Final = 32
"""How deep the lists and objects of a JSON value may stand in one another."""

MAX_NUMBER: Final = (1 << 53) - 1
"""The largest number of this protocol: what every program can count to."""

_common = msgspec.json.Encoder(order="deterministic")

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def label(name: str) -> bytes:
    """The beginning of every hash and signature input: V("backchannel v1 " || name)."""
    return vector(LABEL_PREFIX + name.encode())


def digest(data: bytes) -> bytes:
    """H: SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def jcs(value: JsonValue) -> bytes:
    """JSON Canonicalization Scheme (RFC 8785)."""
    canonical = _encode_common(value)
    return rfc8785.dumps(cast("Any", value)) if canonical is None else canonical


def parse_jcs(data: bytes) -> JsonObject:
    """An object that stands in its canonical form, and no other.

    Numbers are whole and within ±(2**53 − 1), and the depth is bounded, so that programs in any
    language, with any stack, take and refuse the same.
    """
    try:
        value = msgspec.json.decode(data)
        canonical = _encode_common(value)
        if canonical is None and _is_plain(value, MAX_DEPTH):
            canonical = rfc8785.dumps(value)
    except (msgspec.DecodeError, rfc8785.CanonicalizationError, RecursionError, UnicodeError):
        raise RemoteProtocolError(Code.MALFORMED, "A value is not JSON in its canonical form.") from None
    if canonical != data or not isinstance(value, dict):
        raise RemoteProtocolError(Code.MALFORMED, "A value is not a JSON object in its canonical form.")
    return cast("JsonObject", value)


def _encode_common(value: object) -> bytes | None:
    """The canonical form of nearly every value, fast; None where it takes the whole of RFC 8785 to tell.

    msgspec escapes as RFC 8785 does, and where names are ASCII sorts as it does too.
    """
    if not _is_common(value):
        return None
    try:
        return _common.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def _is_common(value: object) -> bool:
    """Whether a value is plain, its names are ASCII, and its numbers whole and within bounds."""
    level = [value]
    for left in range(MAX_DEPTH, -1, -1):
        below: list[object] = []
        for item in level:
            kind = type(item)
            if kind is str or kind is bool or item is None:
                continue
            if kind is int and -MAX_NUMBER <= cast("int", item) <= MAX_NUMBER:
                continue
            if kind is dict and left and all(map(str.isascii, cast("JsonObject", item))):
                below += cast("JsonObject", item).values()
            elif kind is list and left:
                below += cast("list[object]", item)
            else:
                return False
        if not below:
            return True
        level = below
    return False


def _is_plain(value: object, depth: int) -> bool:
    """Whether there is no fraction in a value, and nothing that stands deeper than `depth`."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(item, depth - 1) for item in inner)
    return not isinstance(value, float)
