"""Token buckets: how much somebody may do in a while. In memory only, and bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

BUCKETS: Final = 50_000
"""How many buckets are remembered; the one that was used longest ago is forgotten first."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates(Generic[K]):
    """A bucket for each key: `burst` at once after a rest, `rate` a second on average."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[K, _Bucket] = OrderedDict()

    def wait_s(self, key: K, cost: float, now: float) -> float:
        """How long until `cost` may be taken, 0 for now. `now` of a monotonic clock, in seconds."""
        missing = min(cost, self._burst) - self._bucket(key, now).tokens
        return max(0.0, missing / self._rate)

    def take(self, key: K, cost: float, now: float) -> float:
        """Takes `cost` where it may be taken. How long to wait where it may not: then nothing is taken."""
        wait = self.wait_s(key, cost, now)
        if not wait:
            self._bucket(key, now).tokens -= cost
        return wait

    def _bucket(self, key: K, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
            if len(self._buckets) > BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
        return bucket
