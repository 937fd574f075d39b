"""What an action needs of the server around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backchannel_server.condition import Conditions
from backchannel_server.fanout.feeds import Feeds
from backchannel_server.metrics import Metrics
from backchannel_server.storage.committer import Committer
from backchannel_server.storage.engine import Engines
from backchannel_server.storage.rows import Room


@dataclass(frozen=True, slots=True)
class Context:
    """`clock` gives seconds since 1970, `checkpoint` the signed note of a room's record."""

    engines: Engines
    committer: Committer
    feeds: Feeds
    metrics: Metrics
    conditions: Conditions
    clock: Callable[[], int]
    checkpoint: Callable[[Room], str]
