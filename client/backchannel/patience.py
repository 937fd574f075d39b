"""When a room connects again after its connection ended, and what a refusal at the door is believed for.

A pause doubles from one attempt to the next. Who writes does not wait for its end, but even a flood of
words tries no oftener than each HURRY_S.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from backchannel import waiting
from backchannel.errors import ServerRefused
from backchannel.room.view import Presence, RoomView
from backchannel.waiting import Reason
from backchannel_protocol.refusals import Code

FIRST_BACKOFF_S: Final = 0.25
LAST_BACKOFF_S: Final = 30.0
DOUBTED_BACKOFF_S: Final = 600.0
"""The longest pause while the server says `removed`, and the log does not show it."""

HURRY_S: Final = 2.0
"""How soon after an attempt the next one may come for the sake of what was written meanwhile."""

REPLACED_PAUSE_S: Final = 5.0
"""How long a seat leaves its place to whom took it: it may have been an Attach of its own that came late."""

REPLACED_AGAIN_S: Final = 600.0
"""Who is replaced twice within this time has somebody else in its place, and gives way."""


class Patience:
    """The pauses of one room. Its profile stays locked meanwhile: no other program uses the same file."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._hurry = asyncio.Event()
        self._backoff = FIRST_BACKOFF_S
        self._replaced_at: float | None = None
        self._doubted: ServerRefused | None = None

    @property
    def reason(self) -> Reason | None:
        """Why nothing is sent, where the server lets nobody in for a reason that is not believed yet."""
        if self._doubted is None:
            return None
        return waiting.REPLACED_ONCE if self._doubted.code == Code.REPLACED.value else waiting.REMOVED_UNSEEN

    def hurry(self) -> None:
        """Somebody wants the connection now."""
        self._hurry.set()

    def lost(self) -> None:
        """The server does not answer, or the connection broke."""
        self._doubted = None

    def connected(self) -> None:
        """All that the server had is here: the next pause is a short one."""
        self._backoff = FIRST_BACKOFF_S
        self._doubted = None
        self._hurry.clear()

    def believes(self, error: ServerRefused, view: RoomView) -> bool:
        """Whether a refusal is final: a new connection would hear the same, and the log agrees (section 4).

        Who is doubted, by code and log: the next pause is for that.
        """
        self._doubted = None
        if error.code not in waiting.FINAL:
            return False
        if error.code == Code.REMOVED.value and view.presence is Presence.PRESENT:
            self._doubted = error
            return False
        if error.code == Code.REPLACED.value:
            before, self._replaced_at = self._replaced_at, self._monotonic()
            self._doubted = error
            return before is not None and self._replaced_at - before < REPLACED_AGAIN_S
        return True

    async def rest(self, view: RoomView) -> None:
        """Until it is time for the next attempt."""
        if self._doubted is not None and self._doubted.code == Code.REPLACED.value:
            await asyncio.sleep(REPLACED_PAUSE_S)
            return
        began, pause = self._monotonic(), self._backoff * (0.5 + random.random())  # noqa: S311 - jitter
        self._backoff = min(2 * self._backoff, self._longest(view))
        if self._doubted is not None:
            await asyncio.sleep(pause)
            return
        try:
            async with asyncio.timeout(pause):
                await self._hurry.wait()
                await asyncio.sleep(HURRY_S - (self._monotonic() - began))
        except TimeoutError:
            pass
        finally:
            self._hurry.clear()  # what is wanted during an attempt counts for the pause after it

    def _longest(self, view: RoomView) -> float:
        """A commit that nobody takes is taken back in minutes; who is kept out for it comes back soon."""
        is_cut_off = view.seat in view.clear.gone
        return LAST_BACKOFF_S if self._doubted is None or is_cut_off else DOUBTED_BACKOFF_S
