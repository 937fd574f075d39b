"""The chat without a terminal: lines in, lines or JSON out, for scripts and tests."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from typing import Final

from backchannel.cli.chat.commands import Quit, obey
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry
from backchannel.cli.output import Output
from backchannel.errors import BackchannelError

_WIDTH: Final = 100
_AHEAD: Final = 64
"""How many lines are read before they are sent."""

_SILENT: Final = ("delivery", "seen")


def shown(out: Output, entry: Entry) -> None:
    """An entry as a line, or as JSON."""
    if out.as_json:
        if entry.record:
            out.result(entry.record)
    elif entry.kind not in _SILENT:
        out.result({}, *([entry.head] if entry.body is None else entry.lines(_WIDTH)))


async def converse(chat: Conversation, out: Output) -> bool:
    """Obeys each line of standard input. Whether it ended with /quit, and not because there is no more."""
    async for line in _input():
        try:
            await obey(chat, line)
        except Quit:
            return True
        except BackchannelError as error:
            out.failure(error.code, error.sentence)
    return False


async def _input() -> AsyncIterator[str]:
    """The lines of standard input; no thread of it keeps this program from ending."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(_AHEAD)
    loop = asyncio.get_running_loop()

    def put(line: str | None) -> bool:
        try:
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        except (RuntimeError, asyncio.CancelledError):
            return False
        return True

    def read() -> None:
        for line in sys.stdin:
            if not put(line.rstrip("\n")):
                return
        put(None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
