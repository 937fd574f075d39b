"""Ground rules, as they are given and as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backchannel import text
from backchannel.errors import BackchannelError
from backchannel_protocol.room.state import Rules

_WIDTH = 90


def rule_lines(lines: Sequence[str], file: Path | None) -> list[str]:
    """From options and a file; empty lines are left out. Raises BackchannelError, OSError."""
    read: list[str] = []
    if file is not None:
        try:
            read = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise BackchannelError("file", f"{file} is not text in UTF-8.") from None
    return [line.strip() for line in [*lines, *read] if line.strip()]


def rules_shown(rules: Rules) -> list[str]:
    """The rules, numbered, for people."""
    if not rules.lines:
        return ["The room has no ground rules of its own."]
    shown = ["Ground rules:"]
    for number, rule in enumerate(rules.lines, 1):
        first, *more = text.wrapped(rule, _WIDTH)
        shown += [f"{number:3}. {first}", *(f"     {line}" for line in more)]
    return shown
