"""A TCP proxy that writes down what is asked, and comes to the server from an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ADDRESS = "127.0.0.77"
"""Where people seem to come from: on Linux all of 127.0.0.0/8 is this machine."""


@dataclass
class Recorder:
    """`lines` are the request lines, `answers` all that the server said."""

    target: int
    url: str = ""
    lines: list[bytes] = field(default_factory=list)
    answers: bytearray = field(default_factory=bytearray)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError):
            back, out = await asyncio.open_connection("127.0.0.1", self.target, local_addr=(ADDRESS, 0))
            with contextlib.closing(out), contextlib.closing(writer):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._ask(reader, out))
                    group.create_task(self._answer(back, writer))

    async def _ask(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.lines.append(head.partition(b"\r\n")[0])
            out.write(head)
            while piece := await reader.read(65_536):
                out.write(piece)
                await out.drain()
            out.write_eof()

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await back.read(65_536):
                self.answers += piece
                writer.write(piece)
                await writer.drain()
            writer.write_eof()


@asynccontextmanager
async def recorded(url: str) -> AsyncIterator[Recorder]:
    """A recorder in front of a server."""
    recorder = Recorder(urlsplit(url).port or 0)
    listening = await asyncio.start_server(recorder.carry, "127.0.0.1", 0)
    recorder.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield recorder
