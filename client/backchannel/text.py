"""What other people wrote, made safe for a terminal.

A hostile member must not move the cursor, fake a line, or turn text around: control characters,
escape sequences and bidirectional overrides become U+FFFD, every line is wrapped here and not by
the terminal, and what may run from right to left is isolated from what stands around it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

REPLACED: Final = "\ufffd"
_ISOLATE, _POP = "\u2068", "\u2069"
_LINE_ENDS: Final = ("\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
_KEPT_FORMATS: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")
"""Joiners, which Persian and Hindi need, and marks that turn nothing around."""

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_MARKS_IN_A_ROW: Final = 8
"""More combining marks than any language puts on a letter would reach into other lines."""

_KIB: Final = 1024


def clean(text: str) -> str:
    """One line: what breaks lines becomes a space."""
    return clean_block(text).replace("\n", " ")


def clean_block(text: str) -> str:
    r"""Some lines, separated by \n alone."""
    for end in _LINE_ENDS:
        text = text.replace(end, "\n")
    return "".join(_safe(text.replace("\t", "    ")))


def _safe(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MARKS_IN_A_ROW:
            continue
        allowed = character == "\n" or character in _KEPT_FORMATS
        if category in ("Cc", "Cf", "Cs", "Co", "Cn") and not allowed:
            yield REPLACED
        else:
            yield character


def name(text: str) -> str:
    """A name within a sentence: clean, and isolated where it may run from right to left."""
    return isolated(clean(text))


def isolated(text: str) -> str:
    """Set apart (U+2068, U+2069) where it holds anything that runs from right to left."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"{_ISOLATE}{text}{_POP}"
    return text


def cells(text: str) -> int:
    """How many columns a clean text takes: never fewer than a terminal shows."""
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 1 if unicodedata.east_asian_width(character) in ("N", "Na", "H") else 2


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a message, clean, none wider than `width` columns, each isolated if it must be."""
    width = max(width, 10)
    return [isolated(line) for block in clean_block(text).split("\n") for line in _fill(block, width)]


def _fill(block: str, width: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in block.split(" "):
        extended = f"{line} {word}" if line else word
        if cells(extended) <= width:
            line = extended
            continue
        if line:
            lines.append(line)
        *whole, line = _cut(word, width)
        lines += whole
    lines.append(line)
    return lines


def _cut(word: str, width: int) -> list[str]:
    """A word in pieces; one that fits is one piece."""
    pieces, piece, taken = [], "", 0
    for character in word:
        size = _cells_of(character)
        if taken + size > width:
            pieces.append(piece)
            piece, taken = "", 0
        piece += character
        taken += size
    return [*pieces, piece]


def size(size_bytes: int) -> str:
    """How large a file is, for people."""
    if size_bytes < _KIB:
        return f"{size_bytes} bytes"
    return f"{size_bytes / _KIB:.0f} KiB" if size_bytes < _KIB**2 else f"{size_bytes / _KIB**2:.1f} MiB"
