"""What a picture says beside what it shows: where, when and with what it was made. That is taken out.

Exact for JPEG (ITU-T T.81, annex B), PNG (W3C Portable Network Graphics, third edition, section 5) and
WebP (RFC 9649, section 2.7): the picture itself is copied byte by byte, and of the rest only what it
needs to look the same. Of a JPEG's EXIF its turn alone is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP sBIT pHYs bKGD hIST sPLT acTL fcTL fdAT cICP mDCV cLLI".split()
)
_WEBP_KEPT: Final = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_TELLS: Final = 0x0C
"""Of VP8X's flags those that say that there is EXIF or XMP."""

_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_BEGIN, _END, _SCAN = 0xD8, 0xD9, 0xDA
_ORIENTATION: Final = 0x0112
_TURNS: Final = range(2, 9)

_TELLING: Final[Mapping[str, str]] = {
    "image": "This picture may say where, when and with which device it was made.",
    "video": "This film may say where, when and with which device it was made.",
    "audio": "This recording may say when, where and with which device it was made.",
    "application": "This file may name who wrote it, and when.",
    "text": "",
}
_HARMLESS: Final = frozenset(("application/octet-stream", "application/json"))


class _Unfit(Exception):
    """It is not what it seems to be; nobody can say what it holds."""


def without_metadata(content: bytes) -> bytes | None:
    """The same picture with nothing beside it; None for what is no JPEG, PNG or WebP, or a damaged one."""
    for begins, strip in _STRIPPING.items():
        if content.startswith(begins):
            try:
                return strip(content)
            except (_Unfit, IndexError, ValueError):
                return None
    return None


def warning_of(type_: str, *, stripped: bool) -> str | None:
    """What a person should know before a file of a media type leaves the device; None: nothing."""
    if stripped or type_ in _HARMLESS:
        return None
    return _TELLING.get(type_.partition("/")[0], _TELLING["application"]) or None


# ---- JPEG
def _strip_jpeg(content: bytes) -> bytes:
    kept, turn = [], 0
    for marker, body in _segments(content):
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            turn = turn or _turn_of(body[6:])
        elif marker == _APP0 and body.startswith(b"JFIF\0"):
            kept.append(_segment(marker, body[:12] + b"\0\0"))  # without its small picture
        elif (
            (marker == _APP2 and body.startswith(b"ICC_PROFILE\0"))
            or (marker == _APP14 and body.startswith(b"Adobe"))
            or not (_APP0 <= marker <= 0xEF or marker == _COMMENT)
        ):
            kept.append(_segment(marker, body))
    exif = [_segment(_APP1, _exif_of(turn))] if turn else []
    return b"".join([b"\xff\xd8", *exif, *kept, b"\xff\xd9"])


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment up to the end; a scan's data stands behind its header."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise _Unfit
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == _END:  # what comes behind it is no part of the picture
            return
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + length
        if length < 2 or marker in (0x00, _BEGIN) or end > len(content):
            raise _Unfit
        if marker == _SCAN:
            end = _end_of_scan(content, end)
        yield marker, content[at + 4 : end]
        at = end


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands that is no restart; 0xFF 0x00 is a byte of the data."""
    while True:
        at = content.index(b"\xff", at)
        behind = at + 1
        while content[behind] == 0xFF:  # fill bytes
            behind += 1
        if content[behind] != 0x00 and not 0xD0 <= content[behind] <= 0xD7:
            return at
        at = behind + 1


def _segment(marker: int, body: bytes) -> bytes:
    """A scan's data is not counted in its length, which stands in its header: what is there is copied."""
    if marker == _SCAN:
        components = body[0]
        return b"\xff\xda" + (6 + 2 * components).to_bytes(2, "big") + body
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _turn_of(tiff: bytes) -> int:
    """EXIF's orientation, 0 where there is none or it is the usual one."""
    order: Final = "little" if tiff.startswith(b"II*\0") else "big"
    first = int.from_bytes(tiff[4:8], order)
    for at in range(first + 2, first + 2 + 12 * int.from_bytes(tiff[first : first + 2], order), 12):
        if int.from_bytes(tiff[at : at + 2], order) == _ORIENTATION:
            turn = int.from_bytes(tiff[at + 8 : at + 10], order)
            return turn if turn in _TURNS else 0
    return 0


def _exif_of(turn: int) -> bytes:
    """EXIF that says nothing but how to turn the picture."""
    entry = _ORIENTATION.to_bytes(2, "big") + b"\0\3" + b"\0\0\0\1" + turn.to_bytes(2, "big") + b"\0\0"
    return b"Exif\0\0" + b"MM\0*\0\0\0\x08" + b"\0\1" + entry + bytes(4)


# ---- PNG
def _strip_png(content: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while True:
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if end > len(content) or len(kind) < 4:
            raise _Unfit
        if kind[:1].isupper() or kind in _PNG_KEPT:
            kept.append(content[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end


# ---- WebP
def _strip_webp(content: bytes) -> bytes:
    end = 8 + int.from_bytes(content[4:8], "little")
    if content[8:12] != b"WEBP" or end > len(content):
        raise _Unfit
    kept, at = [], 12
    while at < end:
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        following = at + 8 + size + size % 2
        if following > end or not kind.strip().isalnum():
            raise _Unfit
        if kind in _WEBP_KEPT:
            chunk = bytearray(content[at:following])
            if kind == b"VP8X":
                chunk[8] &= ~_WEBP_TELLS & 0xFF
            kept.append(bytes(chunk))
        at = following
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_STRIPPING: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"\xff\xd8\xff": _strip_jpeg,
    _PNG: _strip_png,
    b"RIFF": _strip_webp,
}
