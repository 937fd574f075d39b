"""The group committer: the one task that writes (DESIGN.md, "Scale"; ECOSYSTEM.md, "Server").

Actions put requests into its queue. It takes all that wait, performs them in their order in one
transaction, commits, and only then settles each. The order of events in a crash:

1. killed before COMMIT returns: nothing is on disk, nobody was told anything;
2. killed after COMMIT and before a request is settled: it is on disk, its sender asks again with
   the same bytes and gets the old answer (PROTOCOL.md, section 5, rule 1).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Generic, TypeAlias, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backchannel_protocol.refusals import Code
from backchannel_server.metrics import Metrics
from backchannel_server.refusal import Refusal
from backchannel_server.storage.engine import is_full

BATCH: Final = 200
"""The most requests in one transaction."""

QUEUE: Final = 4_096
"""How many requests may wait; whoever brings more waits too."""

Q = TypeVar("Q")
R = TypeVar("R")
Performer: TypeAlias = Callable[[AsyncConnection, Sequence[Q]], Awaitable[Sequence[R | Refusal]]]
"""Performs requests in their order and answers each; what it refuses it has not begun to write."""

Settle: TypeAlias = Callable[[R | Refusal], None]
"""Told the answer once it is on disk. May not fail and may not wait."""

log = logging.getLogger(__name__)


def one_by_one(act: Callable[[AsyncConnection, Q], Awaitable[R]]) -> Performer[Q, R]:
    """A performer of requests that have nothing in common: what is refused to one, the others do not feel."""

    async def perform(connection: AsyncConnection, requests: Sequence[Q]) -> Sequence[R | Refusal]:
        answers: list[R | Refusal] = []
        for request in requests:
            try:
                answers.append(await act(connection, request))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    return perform


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Q, R]):
    performer: Performer[Q, R]
    request: Q
    settle: Settle[R]


class Committer:
    """Owns the writing connection. `run` is one task of the server's TaskGroup."""

    def __init__(self, engine: AsyncEngine, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        # Any in effect: the queue holds requests of all performers, each answered by its own
        self._queue: asyncio.Queue[_Waiting[object, object]] = asyncio.Queue(QUEUE)

    async def put(self, performer: Performer[Q, R], request: Q, settle: Settle[R]) -> None:
        """Queues a request; those of one caller are performed in the order in which it brought them."""
        await self._queue.put(_Waiting(performer, request, settle))  # type: ignore[arg-type]  # see _queue

    async def perform(self, performer: Performer[Q, R], request: Q) -> R:
        """Queues a request and waits until it is on disk. Raises Refusal."""
        done: asyncio.Future[R | Refusal] = asyncio.get_running_loop().create_future()

        def settle(answer: R | Refusal) -> None:
            if not done.done():
                done.set_result(answer)

        await self.put(performer, request, settle)
        answer = await done
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def drain(self) -> None:
        """Waits until everything that was queued is settled."""
        await self._queue.join()

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._write(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _write(self, batch: Sequence[_Waiting[object, object]]) -> None:
        """One transaction; where it fails, one for each, so that none spoils the others."""
        began = time.perf_counter()
        try:
            answers = await self._transact(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is: nothing was written, and each hears so
            if len(batch) > 1:
                for one in batch:
                    await self._write([one])
                return
            log.error(  # noqa: TRY400 - a traceback may carry content
                "a transaction failed", extra={"fault": _fault(error)}
            )
            answers = [Refusal(_code(error))]
        else:
            self._metrics.transaction(len(batch), time.perf_counter() - began)
        for one, answer in zip(batch, answers, strict=True):
            try:
                one.settle(answer)
            except Exception as error:  # noqa: BLE001 - it is on disk; the others are told all the same
                log.error(  # noqa: TRY400 - a traceback may carry content
                    "an answer could not be given", extra={"fault": _fault(error)}
                )

    async def _transact(self, batch: Sequence[_Waiting[object, object]]) -> list[object]:
        answers: list[object] = []
        async with self._engine.begin() as connection:
            for performer, group in groupby(batch, key=lambda one: one.performer):
                answers += await performer(connection, [one.request for one in group])
        return answers


def _code(error: Exception) -> Code:
    full = isinstance(error, DBAPIError) and is_full(error)
    return Code.STORAGE_FULL if full else Code.INTERNAL


def _fault(error: Exception) -> str:
    """What went wrong, without what it went wrong with: statements carry parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return type(cause).__name__
