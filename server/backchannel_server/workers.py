"""Several server processes on one machine (`serve --workers N`), kept by one that serves nobody itself.

They take connections from the same listening sockets, which they inherit; whoever is free takes the next.
Each is an ordinary server on the same PostgreSQL, with the same settings. A worker whose supervisor is gone
ends too: it reads the end of its input.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from backchannel_server.app import Running, locked_folder, one_fault_as_itself, prepare
from backchannel_server.config import Settings
from backchannel_server.door import listen
from backchannel_server.metrics import SHARED_FOLDER, forget_process

WORKER: Final = "worker"
"""The command that starts one: before the settings, the numbers of its sockets with commas between."""

READY: Final = b"ready\n"
RESTART_S: Final = 1.0
"""How long until a worker that ended by itself is started again; doubles while it ends soon."""

RESTART_MOST_S: Final = 30.0
STEADY_S: Final = 60.0
"""Who ran for so long did not end soon."""

STOP_S: Final = 5.0
"""How long a worker may take to stop in order."""

log = logging.getLogger(__name__)
Start = Callable[[], Awaitable[Process]]


class NotStarted(Exception):
    """A worker ended before it served. It has said why."""


async def supervise(
    settings: Settings, words: Sequence[str], introduce: Callable[[Running], None], *, new_token: bool
) -> None:
    """Until SIGTERM or SIGINT. `words`: the settings as given. Raises NotStarted, and what `running` does."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked_folder(settings))
        shared = stack.enter_context(tempfile.TemporaryDirectory(prefix="backchannel-"))
        prepared = await prepare(settings, new_token=new_token)
        listeners = await listen(settings.host, settings.port)
        for one in listeners:
            stack.enter_context(one)
        start = _starting(listeners, words, {**os.environ, SHARED_FOLDER: shared})
        with one_fault_as_itself():
            async with asyncio.TaskGroup() as tasks:
                serving = [asyncio.Event() for _ in range(settings.workers)]
                begun = [tasks.create_task(_keep(start, ready, shared)) for ready in serving]
                port = int(listeners[0].getsockname()[1])
                running = Running(settings, port, prepared.key, prepared.token)
                begun.append(tasks.create_task(_introduce(running, serving, introduce)))
                await stop.wait()
                for task in begun:
                    task.cancel()
    log.info("stopped")


async def _introduce(
    running: Running, serving: Sequence[asyncio.Event], introduce: Callable[[Running], None]
) -> None:
    """When all serve."""
    for ready in serving:
        await ready.wait()
    introduce(running)


def _starting(
    listeners: Sequence[socket.socket], words: Sequence[str], environment: Mapping[str, str]
) -> Start:
    """How a worker is started. In a session of its own: Ctrl-C at a terminal is for the supervisor."""
    numbers = [one.fileno() for one in listeners]
    line = ("-m", "backchannel_server", WORKER, ",".join(map(str, numbers)), *words)

    async def start() -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *line,
            stdin=PIPE,
            stdout=PIPE,
            env=environment,
            pass_fds=numbers,
            start_new_session=True,
        )

    return start


async def _keep(start: Start, ready: asyncio.Event, shared: str) -> None:
    """One worker, and after it the next; until it is cancelled. Raises NotStarted where the first does not
    come to serve."""
    loop = asyncio.get_running_loop()
    pause = RESTART_S
    while True:
        began = loop.time()
        process = await start()
        try:
            assert process.stdout is not None
            if await process.stdout.readline() == READY:
                ready.set()
            elif not ready.is_set():
                raise NotStarted
            code = await process.wait()
        finally:
            await _end(process)
            forget_process(shared, process.pid)
        log.error("a worker ended by itself and is started again", extra={"count": code})
        pause = RESTART_S if loop.time() - began > STEADY_S else min(2 * pause, RESTART_MOST_S)
        await asyncio.sleep(pause)


async def _end(process: Process) -> None:
    """In order, and if that takes too long, not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
