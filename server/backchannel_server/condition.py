"""What a server needs and may lose for a while: said once in the log when it goes, once when it is back."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from backchannel_server.metrics import Metrics

log = logging.getLogger(__name__)


class Condition:
    """`lost` and `found` are sentences for the log, `name` what /readyz and /metrics call it."""

    def __init__(self, metrics: Metrics, name: str, lost: str, found: str) -> None:
        self.name = name
        self.is_well = True
        self.lack = lost
        self._found = found
        self._gauge = metrics.well(name)

    def fails(self, fault: str = "") -> None:
        """It does not do what it is for; `fault` is a kind of error."""
        if self.is_well:
            log.warning(self.lack, extra={"fault": fault} if fault else {})
        self._turn(is_well=False)

    def works(self) -> None:
        """It does."""
        if not self.is_well:
            log.warning(self._found)  # as loud as the loss: who saw the one sees the other
            self._turn(is_well=True)

    def _turn(self, *, is_well: bool) -> None:
        self.is_well = is_well
        self._gauge.set(is_well)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one server."""

    database: Condition
    disk: Condition
    hints: Condition
    clock: Condition

    @classmethod
    def make(cls, metrics: Metrics) -> Conditions:
        """All is well until it shows otherwise."""
        return cls(
            Condition(
                metrics,
                "database",
                "the database does not answer: nothing is acknowledged until it does",
                "the database answers again",
            ),
            Condition(
                metrics,
                "disk",
                "the database's disk is full: nothing is acknowledged until there is space",
                "the database has space again",
            ),
            Condition(
                metrics,
                "hints",
                "no hints come, not even this process's own: instead all rooms are looked at, slower",
                "hints come again",
            ),
            Condition(
                metrics,
                "clock",
                "the system's time was changed: nothing is purged until it ran evenly for an hour",
                "the system's time ran evenly for an hour",
            ),
        )
