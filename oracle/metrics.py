# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's Prometheus metrics. Each node has a registry of its own, so that several fit into one process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)


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

        self.stations = Gauge(p + "stations", "leaves of the newest applied report", ["utility"], registry=r)
        self.reports = Counter(
            p + "reports_brought", "reports that this node brought to the chain", ["utility"], registry=r
        )
        self.report_gas = Gauge(
            p + "report_gas", "gas of the newest report that this node brought", ["utility"], registry=r
        )
        self.recount_seconds = Histogram(
            p + "recount_seconds", "from registers and readings to the row with its tree", buckets=_SECONDS, registry=r
        )
        self.signer_seconds = Histogram(p + "signer_seconds", "what a signature takes", buckets=_SECONDS, registry=r)
        self.signer_failures = Counter(
            p + "signer_failures", "signatures that were not to be had", ["code"], registry=r
        )
        self.epoch = Gauge(p + "epoch", "number of the newest signer set", registry=r)
        self.is_signer = Gauge(p + "is_signer", "1 if this node is in the newest signer set", registry=r)
        self.delay = Gauge(p + "challenge_delay_seconds", "how long a claim must wait for its report", registry=r)
        self.balance = Gauge(p + "balance_wei", "what the node's address has for gas, wei", registry=r)
        self.mirrored = Gauge(
            p + "registry_behind_seconds", "how far the mirror of the registry is behind the node's clock", registry=r
        )
        self.drafts = Gauge(
            p + "signed_not_accepted", "slots of the last day that were signed and not reported", registry=r
        )

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
