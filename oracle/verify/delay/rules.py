# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whether every claim waited for the challenge delay of its report, and which reports can still be challenged. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from oracle.verify.facts import MINT_DIRECT, MINT_POOL, DelaySeen, Facts, Finding, MintSeen, ReportSeen

_RING = 128  # slots behind the newest report against which the Oracle takes claims


@dataclass(frozen=True, slots=True)
class Open:
    """A report that nobody can claim against before `until`, unix seconds."""

    utility: int
    slot: int
    until: int


@dataclass(slots=True)
class _Clock:
    """The delay as the contract keeps it: its length, when it last rose from nothing, and when reports came meanwhile."""

    seconds: int = 0
    since: int = 0
    accepted: dict[tuple[int, int], int] = field(default_factory=dict)

    def take(self, event: DelaySeen | ReportSeen, time: int) -> None:
        if isinstance(event, DelaySeen):
            if not self.seconds:
                self.since = time
            self.seconds = event.seconds
        elif self.seconds:
            self.accepted[event.content.utility, event.content.slot] = time

    def until(self, utility: int, slot: int) -> int:
        return self.accepted.get((utility, slot), self.since) + self.seconds


def check_delay(facts: Facts) -> Iterator[Finding]:
    """No mint against a report whose delay still ran, and none with a report while there is a delay."""
    clock = _Clock()
    events: list[DelaySeen | ReportSeen | MintSeen] = sorted(
        [*facts.delays, *facts.reports, *facts.mints], key=lambda event: event.at
    )
    for event in events if facts.delays else ():
        time = facts.times[event.at[0]]
        if not isinstance(event, MintSeen):
            clock.take(event, time)
            continue
        until = clock.until(event.utility, event.slot)
        where = f"utility {event.utility}, slot {event.slot}, station {UUID(int=event.station)}"
        if clock.seconds and event.mode in (MINT_DIRECT, MINT_POOL):
            yield Finding("tampering", "delay", where, "was paid with its report while there was a challenge delay")
        elif clock.seconds and time < until:
            yield Finding(
                "tampering", "delay", where, f"was claimed {until - time} s before its challenge delay was over"
            )


def still_open(facts: Facts) -> list[Open]:
    """The reports that can still be challenged before anybody is paid by them, the first to end first."""
    if not facts.delays:
        return []
    clock = _Clock()
    events: list[DelaySeen | ReportSeen] = sorted([*facts.delays, *facts.reports], key=lambda event: event.at)
    for event in events:
        clock.take(event, facts.times[event.at[0]])
    now = facts.times[facts.block]
    newest = {report.content.utility: report.content.slot for report in facts.reports}
    found = [
        Open(report.content.utility, report.content.slot, clock.until(report.content.utility, report.content.slot))
        for report in facts.reports
        if clock.seconds and report.content.slot + _RING > newest[report.content.utility]
    ]
    return sorted((one for one in found if one.until > now), key=lambda one: (one.until, one.utility, one.slot))
