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
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Final, Generic, TypeAlias, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backchannel_protocol.refusals import Code
from backchannel_server.condition import Conditions
from backchannel_server.metrics import Metrics
from backchannel_server.refusal import Refusal
from backchannel_server.storage.dialects import Touched, is_full, is_lost, is_passing, lock

BATCH: Final = 200
"""The most requests in one transaction."""

ATTEMPTS: Final = 3
"""How often a transaction is begun that others came between."""

QUEUE: Final = 4_096
"""How many requests may wait; whoever brings more waits too."""

Q = TypeVar("Q")
R = TypeVar("R")
Settle: TypeAlias = Callable[[R | Refusal], None]
"""Told the answer once it is on disk. May not fail and may not wait."""

log = logging.getLogger(__name__)


def touches_nothing(_: object) -> Touched:
    """Of requests that only read, or that nobody else's can come between."""
    return Touched()


@dataclass(frozen=True, slots=True, eq=False)
class Performer(Generic[Q, R]):
    """`act` performs requests in their order and answers each; what it refuses it has not begun to write.

    `touches` names what a request may change: all that a batch may change is locked before any of it is
    read, for there may be other processes that write to the same database.
    """

    act: Callable[[AsyncConnection, Sequence[Q]], Awaitable[Sequence[R | Refusal]]]
    touches: Callable[[Q], Touched] = touches_nothing


def one_by_one(
    act: Callable[[AsyncConnection, Q], Awaitable[R]], touches: Callable[[Q], Touched]
) -> Performer[Q, R]:
    """A performer of requests that have nothing in common: what is refused to one, the others do not feel."""

    async def perform(connection: AsyncConnection, requests: Sequence[Q]) -> Sequence[R | Refusal]:
        answers: list[R | Refusal] = []
        for request in requests:
            try:
                answers.append(await act(connection, request))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    return Performer(perform, touches)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Q, R]):
    performer: Performer[Q, R]
    request: Q
    settle: Settle[R]


class Committer:
    """Owns the writing connection. `run` is one task of the server's TaskGroup."""

    def __init__(self, engine: AsyncEngine, metrics: Metrics, conditions: Conditions) -> None:
        self._engine = engine
        self._metrics = metrics
        self._conditions = conditions
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
        """One transaction; where it fails, one for each, so that none spoils the others.

        Where the database is not there at all, each is told so at once.
        """
        began = time.perf_counter()
        try:
            answers = await self._attempt(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is: nothing was written, and each hears so
            if len(batch) > 1 and not is_lost(error):
                for one in batch:
                    await self._write([one])
                return
            answers = [self._blame(error) for _ in batch]
        else:
            self._conditions.database.works()
            self._conditions.disk.works()
            self._metrics.transaction(len(batch), time.perf_counter() - began)
        for one, answer in zip(batch, answers, strict=True):
            try:
                one.settle(answer)
            except Exception as error:  # noqa: BLE001 - it is on disk; the others are told all the same
                log.error(  # noqa: TRY400 - a traceback may carry content
                    "an answer could not be given", extra={"fault": _fault(error)}
                )

    def _blame(self, error: Exception) -> Refusal:
        """What is to be told, and to whom: the host of what lasts, once; of a fault of ours, each time."""
        if is_full(error):
            self._conditions.disk.fails(_fault(error))
            return Refusal(Code.STORAGE_FULL)
        if is_lost(error):
            self._conditions.database.fails(_fault(error))
        else:
            log.error("a transaction failed", extra={"fault": _fault(error)})
        return Refusal(Code.INTERNAL)

    async def _attempt(self, batch: Sequence[_Waiting[object, object]]) -> list[object]:
        """The transaction, begun anew where another process came between."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._transact(batch)
            except Exception as error:
                if not is_passing(error):
                    raise
        return await self._transact(batch)

    async def _transact(self, batch: Sequence[_Waiting[object, object]]) -> list[object]:
        answers: list[object] = []
        async with self._engine.begin() as connection:
            await lock(connection, reduce(or_, (one.performer.touches(one.request) for one in batch)))
            for performer, group in groupby(batch, key=lambda one: one.performer):
                answers += await performer.act(connection, [one.request for one in group])
        return answers


def _fault(error: Exception) -> str:
    """What went wrong, without what it went wrong with: statements carry parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return type(cause).__name__
