"""Figures of the running process for Prometheus. No label holds a value of a request."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One registry a process; labels are bound once."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = Counter("gateway_requests", "Requests by outcome", ["outcome"], registry=self._registry)
        self._requests = requests
        self.seconds = Histogram("gateway_request_seconds", "Time to answer", registry=self._registry)
        self._fetches = Counter("gateway_fetches", "Fetches by source", ["source", "outcome"], registry=self._registry)
        self._rows = Counter("gateway_rows", "Rows read by source", ["source"], registry=self._registry)
        self._calls = Counter("gateway_source_calls", "Calls by source", ["source"], registry=self._registry)
        self._time = Histogram("gateway_fetch_seconds", "Time of fetches", ["source"], registry=self._registry)

        self._bound: dict[tuple[str, str], tuple[Counter, Counter, Counter, Histogram]] = {}
        self._answered: dict[str, Counter] = {}

    def answered(self, outcome: str, seconds: float) -> None:
        counter = self._answered.get(outcome)
        if counter is None:
            counter = self._answered[outcome] = self._requests.labels(outcome)
        counter.inc()
        self.seconds.observe(seconds)

    def observe(self, source: str, seconds: float, rows: int, calls: int, outcome: str) -> None:
        """The observer connectors tell of their fetches."""
        bound = self._bound.get((source, outcome))
        if bound is None:
            bound = self._bound[source, outcome] = (
                self._fetches.labels(source, outcome), self._rows.labels(source), self._calls.labels(source),
                self._time.labels(source),
            )  # fmt: skip
        fetches, read, called, time = bound
        fetches.inc()
        read.inc(rows)
        called.inc(calls)
        time.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
