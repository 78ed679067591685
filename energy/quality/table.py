# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every rule there is, V0 to V17, and every rung of the estimation ladder: where it runs, what it needs, what it decides.

`greencore energy rules` prints it and docs/energy.md holds it; a test compares the two. What decides over minting runs in
ingest or in the heart, which every node computes alike; what the platform adds is for people.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from energy.day.rules import DAY_RULES
from energy.policies.book import PolicyBook
from energy.policy import Policy
from energy.quality.rules import RULES

Layer = Literal["ingest", "heart", "platform"]


@dataclass(frozen=True, slots=True)
class Line:
    """A rule. `thresholds` are the policy's numbers that it uses."""

    id: str
    version: int
    title: str
    layer: Layer
    needs: str
    verdict: str
    thresholds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung of the estimation ladder. `mints` is the policy's switch."""

    id: str
    title: str
    layer: Layer
    when: str
    worth: str
    mints: str


_VERSIONS = {("heart", rule.id): rule.version for rule in RULES} | {
    ("platform", rule.id): rule.version for rule in DAY_RULES
}


def _line(
    ident: str, layer: Layer, title: str, needs: str, verdict: str, thresholds: Sequence[str] = (), version: int = 1
) -> Line:
    return Line(ident, _VERSIONS.get((layer, ident), version), title, layer, needs, verdict, thresholds)


TABLE = (
    _line("V0", "ingest", "signature of an enrolled key over the canonical bytes", "the registry", "rejected"),
    _line("V1", "ingest", "one reading for a station, meter and slot", "what is stored", "duplicate, or conflict"),
    _line("V2", "ingest", "one quarter hour in UTC, not before enrolment", "the registry", "rejected"),
    _line("V3", "ingest", "ends at most 120 s from now, began in the last 31 days", "the clock", "rejected"),
    _line("V3", "heart", "late", "the report's slot", "warn; suspect by hold_late", ("late_slots", "hold_late")),
    _line(
        "V4",
        "heart",
        "clock off or not set, sequence out of order",
        "devices clockOffset, syncAge; seq",
        "warn, suspect",
        ("clock_warn_ms", "clock_max_ms", "sync_max_s"),
    ),
    _line("V5", "heart", "slots missing between two that were read", "neighbours", "gap: estimated", ("gap_slots",)),
    _line("V5", "platform", "slots of a day, and of a local day of 92 to 100", "the day", "gap"),
    _line(
        "V6",
        "heart",
        "nothing measured, or a measure or meter missing that was there",
        "quality; two days' memory",
        "suspect; warn if another meter stands in",
        ("whole_station",),
    ),
    _line("V7", "heart", "register fell, and not by a turn of its counter", "registers of two slots", "suspect"),
    _line("V8", "ingest", "above 125 % of rated power, or drawn beyond reason", "the rating", "rejected"),
    _line(
        "V8",
        "heart",
        "above rated power, drawn beyond reason, negative generation",
        "the rating of the slot's time",
        "suspect",
        ("capacity_ppm", "draw_ppm", "draw_floor_uwh"),
    ),
    _line(
        "V9",
        "heart",
        "register against interval",
        "registers of two slots",
        "suspect",
        ("register_uwh", "register_ppm"),
    ),
    _line(
        "V10",
        "heart",
        "above both neighbours and the third highest of the hours around",
        "the hours on either side",
        "suspect, until a neighbour clears it",
        ("spike_ppm", "spike_floor_ppm", "spike_near_slots"),
    ),
    _line(
        "V10",
        "platform",
        "highest of a day against the third highest",
        "90 slots of a day",
        "warn",
        ("day_spike_ppm", "day_spike_floor_ppm"),
    ),
    _line(
        "V10h",
        "platform",
        "outliers of a day (Hampel)",
        "the day",
        "warn",
        ("hampel_slots", "hampel_mad_ppm", "day_spike_floor_ppm"),
    ),
    _line(
        "V11",
        "heart",
        "the same value again and again",
        "the slots before and after",
        "suspect, the whole row",
        ("flat_slots", "flat_clipped_slots", "flat_floor_ppm", "clip_ppm"),
    ),
    _line(
        "V12",
        "platform",
        "nothing by day while others deliver",
        "siblings, or device irradiance",
        "suspect, for people",
        ("zero_slots", "zero_sibling_ppm"),
    ),
    _line("V13", "platform", "high or low day", "three like days", "warn", ("high_ppm", "low_ppm", "like_days")),
    _line(
        "V14",
        "heart",
        "main against check meter",
        "a meter named check…",
        "warn; suspect from the third day in a row",
        ("check_ppm", "check_uwh", "check_days"),
    ),
    _line(
        "V15",
        "heart",
        "a payload contradicts itself; boundary against what stands behind it",
        "the slot's meters",
        "suspect; warn",
        ("balance_ppm", "balance_uwh"),
    ),
    _line("V16", "heart", "power failed: valid, but no line is drawn from it", "device powerFail", "warn"),
    _line(
        "V17",
        "heart",
        "too much of a day or of 30 days estimated",
        "35 days' gaps",
        "hold: no estimate is minted",
        ("over_day_slots", "over_month_slots"),
    ),
)

LADDER = (
    Rung(
        "E1", "check meter", "heart", "the boundary meter is silent, its check meter spoke", "its E_net", "mint_check"
    ),
    Rung("E2", "node", "heart", "the boundary meter is silent", "gen − aux − ⌈loss × k_safety⌉", "mint_node"),
    Rung("E3", "line", "heart", "at most gap_slots, validated ends, power on", "the line", "mint_estimated"),
    Rung("E4", "like days", "platform", "a gap without values of its own", "mean of like days, by sun", "never"),
    Rung("E5", "register", "heart", "registers on both sides", "their sum, exactly, over E3 or E4", "mint_estimated"),
    Rung("E6", "nothing", "heart", "anything else", "zero; E4 for reports", "never"),
)


def policy_lines(book: PolicyBook, policy: Policy, kind: str = "generic") -> Iterator[tuple[str, int, str, str]]:
    """Every threshold for a class of station in a version: name, value, source, why."""
    given = policy.classes[kind]
    for name in given.__dataclass_fields__:
        found = None
        for version in sorted({version for version, _, _ in book.reasons if version <= policy.version}):
            found = book.reasons.get((version, "default", name), found)
        for version in sorted({version for version, _, _ in book.reasons if version <= policy.version}):
            found = book.reasons.get((version, kind, name), found)
        if found is not None:
            yield name, int(getattr(given, name)), found.source, found.why


def markdown() -> str:
    """The table and the ladder as docs/energy.md holds them."""
    rows = ["| rule | v | layer | fires when | needs | verdict | thresholds |", "|---|---|---|---|---|---|---|"]
    for line in TABLE:
        numbers = ", ".join(line.thresholds)
        rows.append(
            f"| {line.id} | {line.version} | {line.layer} | {line.title} | {line.needs} | {line.verdict} | {numbers} |"
        )
    rows += ["", "| rung | layer | when | worth | mints |", "|---|---|---|---|---|"]
    rows += [
        f"| {rung.id} {rung.title} | {rung.layer} | {rung.when} | {rung.worth} | {rung.mints} |" for rung in LADDER
    ]
    return "\n".join(rows) + "\n"
