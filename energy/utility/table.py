# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Each utility's source, unit, conversion, decimals and cap: the table of docs/utilities.md, and what the rules go by. Pure."""

from dataclasses import dataclass

from kit.units import Utility

DECIMALS = 9
ONE = 10**DECIMALS  # units of a whole token
MILLIONTH = ONE // 10**6  # units of a millionth, which is what an interval's measures count in
RATE_W_PER_TOKEN_HOUR = 800  # W that let a bucket on chain fill by a whole token an hour (contracts/modules/rate.vy)


@dataclass(frozen=True, slots=True)
class Line:
    """One utility. `rate` is what a deployment should set on chain: (base W, share of the rated power in ppm) for a station."""

    utility: Utility
    counts: str
    source: str
    token: str
    conversion: str
    cap: str
    held: str
    rate: tuple[int, int] | None


def _rate(tokens_per_slot: int) -> tuple[int, int]:
    return tokens_per_slot * 4 * RATE_W_PER_TOKEN_HOUR, 0


LINES = (
    Line(
        Utility.E, "net electric energy", "`meterWh`, `genWh`, …", "1 kWh", "1 unit = 1 µWh",
        "rated power", "QA rules of docs/energy.md", None,
    ),
    Line(
        Utility.H, "heat, or gas by its heating value", "`heat` (kWh), else `gasM3`", "1 kWh",
        "heat: 10⁻⁶ kWh × 1,000; gas: 10⁻⁶ m³ × Wh/m³ of the policy", "slot_max.H",
        "U1 U2 U3; U4 where a station that measured one brings the other", _rate(100),
    ),
    Line(Utility.W, "water", "`waterM3`", "1 m³", "10⁻⁶ m³ × 1,000", "slot_max.W", "U1 U2 U3", _rate(25)),
    Line(
        Utility.AGR, "harvest or work", "`devices.agr_kg…` or `devices.agr_h…`", "1 kg or 1 h", "10⁻⁶ × 1,000",
        "slot_max.AGR", "U1 U2 U3; U4 where a station that counted one brings the other", _rate(5_000),
    ),
    Line(
        Utility.SRV, "rentals and service operations", "`devices.srv_ops…`", "1 operation", "10⁻⁶ × 1,000",
        "slot_max.SRV", "U1 U2 U3", _rate(250),
    ),
    Line(
        Utility.CRB, "carbon avoided", "E × grid factor of region and hour", "1 t CO₂e",
        "µWh × g/kWh ÷ 10⁶, the remainder carried", "E's, × at most 1,000 g/kWh on chain", "what holds E", (0, 1_000),
    ),
    Line(
        Utility.DATA, "accepted packets", "each accepted reading that is not `missing`", "1 packet", "1 × 10⁹",
        "slot_max.DATA", "U2", _rate(16),
    ),
    Line(
        Utility.EFF, "saving against the home's baseline", "`importWh` of meter `main`", "1 % saved over a day",
        "(baseline − import) ÷ baseline × 100 ÷ 96, −100 % to 100 % a slot", "100 ÷ 96 a slot", "U1 U3", (3_334, 0),
    ),
    Line(
        Utility.DEV, "devices at work", "`devices.dev_h…`", "1 device-hour", "10⁻⁶ h × 1,000", "slot_max.DEV",
        "U1 U2 U3; more than a quarter hour of one device is U2", _rate(16),
    ),
)  # fmt: skip


def markdown() -> list[str]:
    """The table as docs/utilities.md has it, line by line."""
    rows = [
        "| code | token | counts | source | 1 token | units | cap | held by | rate on chain |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in LINES:
        rate = "rated power" if line.rate is None else f"{line.rate[0]:,} W, {line.rate[1]:,} ppm"
        cells = (line.utility.value, line.utility.name, line.counts, line.source, line.token, line.conversion)
        rows.append("| " + " | ".join(map(str, (*cells, line.cap, line.held, rate))) + " |")
    return rows
