"""What /metrics shows: sums over the whole server, never by room, seat or address."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from backchannel_protocol.refusals import Code

_BATCHES = (1, 2, 5, 10, 20, 50, 100, 200)


class Metrics:
    """One registry for one server. Labels are bound once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Gauge(
            "backchannel_connections", "Seats that are attached.", registry=self.registry
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
        refusals = Counter("backchannel_refusals", "What was refused.", ["code"], registry=self.registry)
        self._refusals = {code: refusals.labels(code.value) for code in Code}

    def transaction(self, requests: int, seconds: float) -> None:
        """One transaction reached the disk."""
        self._batches.observe(requests)
        self._transactions.observe(seconds)

    def refused(self, code: Code) -> None:
        """Something was refused, or a connection ended, with this code."""
        self._refusals[code].inc()

    def text(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
