"""What a command prints: for people lines, with --json one object per line.

Results go to standard output, what accompanies them to standard error. Text of other people is
cleaned by whoever puts it into a line (`text`); JSON escapes all that is not ASCII.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backchannel.text import cells

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]
Record = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command says what it has to say."""

    as_json: bool

    def result(self, record: Record, *lines: str) -> None:
        """A result: the record with --json, else the lines."""
        if self.as_json:
            _write(json.dumps(record, ensure_ascii=True, separators=(", ", ": ")))
        else:
            for line in lines:
                _write(line)

    def note(self, line: str) -> None:
        """What a person may want to know beside the result."""
        if not self.as_json:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def failure(self, code: str, sentence: str) -> None:
        """Why a command did not do what it was asked."""
        if self.as_json:
            self.result({"error": code, "sentence": sentence})
        else:
            sys.stderr.write(f"backchannel: {sentence}\n")
            sys.stderr.flush()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, for people."""
    widths = [max(cells(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return [
        "  ".join(
            cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
