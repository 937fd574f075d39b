"""Which names seats, parties and rooms may have (PROTOCOL.md, section 9).

No Unicode tables: the ranges stand here, so that all programs take and refuse the same for ever.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

MAX_NAME_CHARS: Final = 80
"""In code points."""

JOINERS: Final = "\u200c\u200d"
"""Persian and Hindi need them; they stand only between two other code points."""

_FORBIDDEN: Final = (
    (0x00, 0x1F),
    (0x7F, 0xA0),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xD800, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0xE0000, 0x10FFFF),
)
"""What is invisible, turns the direction of what follows, or means nothing."""

MAX_FILE_NAME_BYTES: Final = 255
"""In UTF-8: what the file systems of our days take."""

FILE_MARKS: Final = '/\\:*?"<>|'
"""What separates folders, or means something, on one system or another."""

_MAX_ENDING_CHARS: Final = 16
_SOME_FILE: Final = "attachment"
_SMALL: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | {
    ord(one): None for one in JOINERS
}


def is_name(text: str) -> bool:
    """Whether a text may be a name."""
    if not 1 <= len(text) <= MAX_NAME_CHARS or text != text.strip(" ") or "  " in text:
        return False
    if _joins_badly(text):
        return False
    return not any(_is_forbidden(ord(one)) for one in text)


def is_file_name(text: str) -> bool:
    """Whether a text may be the name of an attachment: of a file, in no folder, that is not hidden."""
    if not text or len(text) > MAX_FILE_NAME_BYTES or text != text.strip(" .") or _joins_badly(text):
        return False
    if any(one in FILE_MARKS or _is_forbidden(ord(one)) for one in text):
        return False
    return len(text.encode()) <= MAX_FILE_NAME_BYTES


def file_name_of(text: str) -> str:
    """The nearest text that may be the name of an attachment; its ending stays where it is too long."""
    plain = "".join("_" if one in FILE_MARKS or _is_forbidden(ord(one)) else one for one in text)
    if _joins_badly(plain.strip(" .")):
        plain = "".join(one for one in plain if one not in JOINERS)
    stem, dot, ending = plain.strip(" .").rpartition(".")
    if not stem or len(ending) > _MAX_ENDING_CHARS:
        stem, dot, ending = plain.strip(" ."), "", ""
    most = MAX_FILE_NAME_BYTES - len((dot + ending).encode())
    made = stem.encode()[:most].decode(errors="ignore").rstrip(" .") + dot + ending
    return made if is_file_name(made) else _SOME_FILE


def name_key(name: str) -> str:
    """What two names of one room may not share: A–Z made small, joiners taken out."""
    return name.translate(_SMALL)


def _joins_badly(text: str) -> bool:
    """Whether a joiner stands elsewhere than between two other code points."""
    if text.startswith(tuple(JOINERS)) or text.endswith(tuple(JOINERS)):
        return True
    return any(one in JOINERS and other in JOINERS for one, other in pairwise(text))


def _is_forbidden(code: int) -> bool:
    last_of_plane = code & 0xFFFE == 0xFFFE
    return last_of_plane or any(first <= code <= last for first, last in _FORBIDDEN)
