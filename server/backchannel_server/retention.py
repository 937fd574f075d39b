"""Retention, looked after for ever; but not while the system's time is in doubt.

A clock that is set forward by a month would make every room's messages too old at once, and they would be
gone. So the wall clock is compared with the one that nobody sets, and after a jump nothing is purged for a
while: time for whoever looks after the machine to set it right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from backchannel_server.actions.context import Context
from backchannel_server.actions.sweep import do_sweep
from backchannel_server.refusal import Refusal

JUMP_S: Final = 60
"""Who adjusts a clock that is a little off does not stop retention."""

HOLD_S: Final = 3600.0
"""How long nothing is purged after a jump."""

log = logging.getLogger(__name__)


class ClockWatch:
    """`wall` gives seconds since 1970, `steady` seconds of a clock that is never set."""

    def __init__(self, wall: Callable[[], int], steady: Callable[[], float]) -> None:
        self._wall = wall
        self._steady = steady
        self._last = wall(), steady()
        self._held_until = steady()

    def is_trusted(self) -> bool:
        """Whether the wall clock ran as time did, since the last look and for a while before."""
        wall, steady = self._wall(), self._steady()
        before, since = self._last
        self._last = wall, steady
        if abs((wall - before) - (steady - since)) > JUMP_S:
            self._held_until = steady + HOLD_S
        return steady >= self._held_until


async def keep_sweeping(context: Context, interval_s: float, steady: Callable[[], float]) -> None:
    """For ever. A purge reaches SQLite's file itself, not only the write-ahead log."""
    watch = ClockWatch(context.clock, steady)
    while True:
        if watch.is_trusted():
            context.conditions.clock.works()
            await _sweep(context)
        else:
            context.conditions.clock.fails()
        await asyncio.sleep(interval_s)


async def _sweep(context: Context) -> None:
    try:
        swept = await do_sweep(context)
    except Refusal as refusal:
        log.warning("the retention sweep failed", extra={"fault": refusal.code.value})
        return
    if swept.bodies:
        log.info("retention took bodies", extra={"count": swept.bodies})
    if swept.rooms:
        log.info("closed rooms were deleted", extra={"count": swept.rooms})
    if swept.blobs:
        log.info("attachments were deleted", extra={"count": swept.blobs})
    if swept.bodies or swept.rooms or swept.blobs:
        await context.engines.shorten_log()
