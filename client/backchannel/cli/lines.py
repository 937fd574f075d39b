"""Lines of standard input, read beside the event loop.

The reading thread is a daemon and reads the descriptor itself: a program that ends does not wait for a
line that never comes, and no lock of `sys.stdin` is held when it does.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

_STDIN: Final = 0
_AHEAD: Final = 64
"""How many lines are read before they are taken."""

_CHUNK: Final = 4096


async def typed_lines() -> AsyncIterator[str]:
    """All lines, to the end of the input; what is not UTF-8 is replaced."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(_AHEAD)
    loop = asyncio.get_running_loop()

    def put(line: str | None) -> bool:
        try:
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        except (RuntimeError, asyncio.CancelledError):
            return False  # the loop has ended
        return True

    def read() -> None:
        if all(put(line) for line in _read_lines()):
            put(None)

    _start(read)
    while (line := await lines.get()) is not None:
        yield line


async def typed_line() -> str | None:
    """One line of a terminal; None at the end of the input."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(line: str | None) -> None:
        if not answer.done():
            answer.set_result(line)

    def read() -> None:
        line = next(_read_lines(), None)
        try:
            loop.call_soon_threadsafe(settle, line)
        except RuntimeError:
            return  # the loop has ended

    _start(read)
    return await answer


def _start(read: Callable[[], None]) -> None:
    threading.Thread(target=read, name="standard input", daemon=True).start()


def _read_lines() -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while data := os.read(_STDIN, _CHUNK):
        *whole, rest = (rest + decoder.decode(data)).split("\n")
        yield from whole
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest
