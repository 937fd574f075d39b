"""Timing that holds on a shared machine: contestants take turns, and what is compared is compared in turns.

A machine's speed changes from one second to the next by more than what is to be measured. So no figure
comes from one long loop: the contestants run in short rounds, in another order each time (what ran before
leaves its traces in the processor's caches), and a ratio is the median of the ratios within the rounds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from statistics import median

Contestant = Callable[[int], float]
"""Does its work so many times and returns the seconds that the work itself took."""


@dataclass(frozen=True)
class Race:
    """Seconds for one operation, by contestant and round; a round has the same place in every list."""

    seconds: Mapping[str, list[float]]

    def median_us(self, name: str) -> float:
        """The median of a contestant's rounds, in microseconds for one operation."""
        return round(median(self.seconds[name]) * 1e6, 1)

    def median_ms(self, name: str) -> float:
        """The median of a contestant's rounds, in milliseconds for one operation."""
        return round(median(self.seconds[name]) * 1e3, 3)

    def ratio(self, name: str, base: str) -> float:
        """How many times as long `name` takes as `base`: the median over the rounds."""
        pairs = zip(self.seconds[name], self.seconds[base], strict=True)
        return round(median(one / other for one, other in pairs), 3)

    def difference_us(self, name: str, base: str) -> float:
        """How many microseconds longer `name` takes than `base`: the median over the rounds."""
        pairs = zip(self.seconds[name], self.seconds[base], strict=True)
        return round(median(one - other for one, other in pairs) * 1e6, 1)


def race(contestants: Mapping[str, Contestant], *, rounds: int, per_round: int) -> Race:
    """Lets the contestants take turns; one more round at the beginning warms up and does not count."""
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    order = Random(rounds)
    for turn in range(-1, rounds):
        order.shuffle(names)
        for name in names:
            spent = contestants[name](per_round) / per_round
            if turn >= 0:
                seconds[name].append(spent)
    return Race(seconds)


def repeating(work: Callable[[], object]) -> Contestant:
    """A contestant whose operation is one call of `work`."""

    def run(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            work()
        return time.perf_counter() - begin

    return run


def settle() -> None:
    """Takes what was built so far out of the garbage collector's rounds.

    It stays switched on while measuring, as in any program; but it need not walk through the states of
    hundreds of members, which no client has.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
