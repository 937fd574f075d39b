"""Looking for planted strings in bytes, in every dress that they might wear there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

SHORTEST_BYTES = 6
"""What is shorter would be found by chance."""


def dresses(planted: str | bytes) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of all ways in which a string may stand somewhere."""
    raw = planted.encode() if isinstance(planted, str) else planted
    assert len(raw) >= SHORTEST_BYTES
    yield "raw", raw
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    for shift in range(3):
        yield f"base64, {shift} bytes in", _base64_within(raw, shift, base64.b64encode)
        yield f"base64url, {shift} bytes in", _base64_within(raw, shift, base64.urlsafe_b64encode)
    if isinstance(planted, str):
        yield "UTF-16, little-endian", planted.encode("utf-16-le")
        yield "UTF-16, big-endian", planted.encode("utf-16-be")
        yield "JSON", json.dumps(planted)[1:-1].encode()
        yield "URL", quote(planted).encode()


def _base64_within(raw: bytes, shift: int, encode: Callable[[bytes], bytes]) -> bytes:
    """The characters that a string alone decides, where it stands `shift` bytes behind a multiple of 3."""
    return encode(bytes(shift) + raw)[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]


def found(planted: Mapping[str, str | bytes], places: Mapping[str, bytes]) -> list[str]:
    """What was found where, and in which dress."""
    return [
        f"{name} in {place} ({dress})"
        for name, one in planted.items()
        for dress, content in dresses(one)
        for place, held in places.items()
        if content in held
    ]


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of all files of a folder."""
    return {
        f"{folder.name}/{path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
