"""What /metrics shows: sums over the whole server, never by room, seat or address.

Workers of one machine share a folder with what each counted; whichever is asked adds it up.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from backchannel_protocol.refusals import Code

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which the library is told of the folder, before it is imported."""

_BATCHES: Final = (1, 2, 5, 10, 20, 50, 100, 200)


class Metrics:
    """One registry for one server. Labels are bound once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Gauge(
            "backchannel_connections",
            "Seats that are attached.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.events = Counter("backchannel_events", "Events written.", registry=self.registry)
        self.purged = Counter(
            "backchannel_purged_bodies", "Bodies that retention took.", registry=self.registry
        )
        self._transactions = Histogram(
            "backchannel_transaction_seconds", "How long a transaction took.", registry=self.registry
        )
        self._batches = Histogram(
            "backchannel_transaction_requests",
            "How many requests a transaction held.",
            buckets=_BATCHES,
            registry=self.registry,
        )
        self._well = Gauge(
            "backchannel_well",
            "Whether what the server needs does its work.",
            ["what"],
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        refusals = Counter("backchannel_refusals", "What was refused.", ["code"], registry=self.registry)
        self._refusals = {code: refusals.labels(code.value) for code in Code}

    def transaction(self, requests: int, seconds: float) -> None:
        """One transaction reached the disk."""
        self._batches.observe(requests)
        self._transactions.observe(seconds)

    def well(self, what: str) -> Gauge:
        """1 while it is well."""
        gauge = self._well.labels(what)
        gauge.set(1)
        return gauge

    def refused(self, code: Code) -> None:
        """Something was refused, or a connection ended, with this code."""
        self._refusals[code].inc()

    def text(self) -> bytes:
        """The text format of Prometheus."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library has no types there
        return generate_latest(together)


def forget_process(folder: str, process: int) -> None:
    """What a worker that is gone says of the present is not added up any more."""
    multiprocess.mark_process_dead(process, folder)  # type: ignore[no-untyped-call]  # see above
