"""The server as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backchannel_server.command import LINK_FILE
from server.stores import store

STARTS_WITHIN_S = 30


@dataclass
class Process:
    """A process that said where it listens."""

    process: asyncio.subprocess.Process
    url: str
    said: dict[str, str]

    def token(self, data: Path) -> str:
        return (data / LINK_FILE).read_text().strip().partition("#")[2]

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@asynccontextmanager
async def process(data: Path, *words: str) -> AsyncIterator[Process]:
    """`python -m backchannel_server`, killed at the end if it still runs."""
    with (data.parent / "log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backchannel_server",
            "--data",
            str(data),
            "--port",
            "0",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **store().environment(data)},
        )
    try:
        assert started.stdout is not None
        said: dict[str, str] = {}
        async with asyncio.timeout(STARTS_WITHIN_S):
            while "host link" not in said:
                line = (await started.stdout.readline()).decode()
                assert line, "it ended before it listened"
                name, _, value = line.strip().partition(": ")
                said[name] = value
        yield Process(started, said["listening"], said)
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()
        # the transport of a process that was killed closes with the loop's next turns
        started._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way
