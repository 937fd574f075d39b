"""What a driver wrote down before and after it did something: lines of JSON, only ever appended."""

from __future__ import annotations

import json
import os
from pathlib import Path

from crash.checker import Heard, Intent


class Journal:
    """An append-only file. A line that a crash cut off counts as not written."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def write(self, what: str, *, durable: bool = False, **fields: object) -> None:
        """One line; with `durable` it is on disk when this returns."""
        os.write(self._file, (json.dumps({"what": what, **fields}) + "\n").encode())
        if durable:
            os.fsync(self._file)


def lines_of(path: Path) -> list[dict[str, object]]:
    """All whole lines, in order."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def intents_of(path: Path) -> tuple[Intent, ...]:
    """What was intended, and what was heard of it, in the order of intending."""
    intents: dict[str, Intent] = {}
    for line in lines_of(path):
        text = str(line.get("text"))
        if line["what"] == "intent":
            intents[text] = Intent(text)
        elif line["what"] == "saved":
            intents[text] = Intent(text, True, intents[text].sent)
        elif line["what"] == "sent":
            place = (int(str(line["seq"])), str(line["id"]))
            intents[text] = Intent(text, True, place)
    return tuple(intents.values())


def heard_of(path: Path) -> tuple[Heard, ...]:
    """Every message that was shown to the program."""
    return tuple(
        Heard(int(str(line["seq"])), str(line["id"]), str(line["text"]))
        for line in lines_of(path)
        if line["what"] == "heard"
    )
