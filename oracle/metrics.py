# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's Prometheus metrics. Each node has a registry of its own, so that several fit into one process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """Counters and gauges by utility; names begin with `greencore_oracle_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        p = "greencore_oracle_"
        r = self.registry
        self.head_slot = Gauge(p + "head_slot", "newest accepted slot on the chain", ["utility"], registry=r)
        self.closed_slot = Gauge(p + "closed_slot", "newest closed slot by the node's clock", ["utility"], registry=r)
        self.waiting = Gauge(p + "waiting_readings", "readings that no accepted report counts yet", registry=r)
        self.signed = Counter(p + "signed", "signatures given", ["utility"], registry=r)
        self.refused = Counter(p + "refused", "requests for a signature that were refused", ["code"], registry=r)
        self.proposals = Counter(p + "proposals", "own proposals by result", ["result"], registry=r)
        self.disagreements = Gauge(p + "disagreements", "disagreements on record", ["kind"], registry=r)
        self.disputed = Gauge(p + "disputed_reports", "accepted reports that this node computed otherwise", registry=r)
        self.loop_seconds = Gauge(p + "last_loop_timestamp_seconds", "wall time of the last finished loop", registry=r)
        self.loop_failures = Counter(p + "loop_failures", "loops that ended in an error", ["code"], registry=r)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
