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
    return rfc8785.dumps(cast("Any", value))


def parse_jcs(data: bytes) -> JsonObject:
    """An object that stands in its canonical form, and no other.

    Numbers are whole and within ±(2**53 − 1), and the depth is bounded, so that programs in any
    language, with any stack, take and refuse the same.
    """
    try:
        value = msgspec.json.decode(data)
        canonical = rfc8785.dumps(value) if _is_plain(value, MAX_DEPTH) else None
    except (msgspec.DecodeError, rfc8785.CanonicalizationError, RecursionError, UnicodeError):
        raise RemoteProtocolError(Code.MALFORMED, "A value is not JSON in its canonical form.") from None
    if canonical != data or not isinstance(value, dict):
        raise RemoteProtocolError(Code.MALFORMED, "A value is not a JSON object in its canonical form.")
    return cast("JsonObject", value)


def _is_plain(value: object, depth: int) -> bool:
    """Whether there is no fraction in a value, and nothing that stands deeper than `depth`."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(item, depth - 1) for item in inner)
    return not isinstance(value, float)
