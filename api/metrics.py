# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What Prometheus can ask this process. One registry an application, so that several can live in one process."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from flows.mint_energy import Claimed


class Metrics:
    """The meters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "greencore_http_requests_total", "requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "greencore_http_request_seconds",
            "time from a request's head to its answer's end",
            ["method", "route"],
            registry=self.registry,
        )
        self.intervals = Counter(
            "greencore_telemetry_intervals_total",
            "intervals by what became of them",
            ["transport", "status", "code"],
            registry=self.registry,
        )
        self.malformed = Counter(
            "greencore_telemetry_malformed_total",
            "deliveries that could not be read",
            ["transport", "code"],
            registry=self.registry,
        )
        self.claims = Counter(
            "greencore_keeper_claims_total", "claims by how they ended", ["outcome"], registry=self.registry
        )
        self.minted = Counter(
            "greencore_keeper_minted_uwh_total", "energy that our claims minted", registry=self.registry
        )
        self.waiting = Gauge(
            "greencore_worker_waiting",
            "what waits: events to be published, jobs by state",
            ["what"],
            registry=self.registry,
        )

    def note_claims(self, claimed: Sequence[Claimed]) -> None:
        """Count a round of the keeper."""
        for one in claimed:
            self.claims.labels(one.outcome).inc()
            self.minted.inc(one.to_owner + one.reserve)
