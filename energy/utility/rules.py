# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The register of a tenure for any utility: the same high-water machinery as E's, with other things to count. Pure.

H, W, AGR, SRV, DATA and DEV are sums over readings. CRB runs E's own rules on the readings and multiplies what they let mint by
the grid's factor. EFF compares with a baseline. A rule that fires holds a surplus; a deficit of EFF always counts.
Everything is rounded down, against the one who mints.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edge.protocol import Interval
from energy.net.rules import CHECK
from energy.policy import RAW, VALIDATED, Policy, StationParameters, Verdict
from energy.settle import rules as settle
from energy.settle.rules import Advance, Register, SlotResult
from energy.utility.measure import NEGATIVE, OVER, UNMEASURED, said
from energy.utility.policy import UtilityBook, UtilityPolicy, signed_version
from energy.utility.saving import Baseline
from energy.utility.table import ONE
from kit.units import Utility

FORM = 1
_RULES_VERSION = 1
_GRAMS_PER_KWH_TO_UNITS = 10**6  # µWh × g/kWh = 10⁻⁹ g; a unit of CRB is 10⁻⁹ t


@dataclass(slots=True)
class _Step:
    """What one step counted: units by slot, the verdicts, and the memory that goes on."""

    context: dict[str, Any]
    units: dict[int, int] = field(default_factory=dict)
    good: dict[int, bool] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def count(self, slot: int, units: int, held: Sequence[str], inputs: Mapping[str, Any]) -> None:
        """Add a reading's worth, or hold it."""
        self.verdicts += [Verdict(rule, _RULES_VERSION, slot, "suspect", inputs) for rule in held]
        self.good[slot] = self.good.get(slot, True) and not held
        self.units[slot] = self.units.get(slot, 0) + (0 if held else units)


def advance(
    utility: int,
    register: Register,
    readings: Sequence[Interval],
    *,
    slot: int,
    parameters: StationParameters,
    policy: Policy,
    utilities: UtilityPolicy,
) -> Advance:
    """Count `readings` (all of slots ≤ `slot`, in any order, none counted before) into a utility's register; E by its own rules.

    Pure and deterministic. Raises ValueError for a reading of another station or of a slot after `slot`, and for a register
    that another form of these rules wrote.
    """
    code = Utility(utility)
    if code is Utility.E:
        return settle.advance(register, readings, slot=slot, parameters=parameters, policy=policy)
    for reading in readings:
        if reading.home_id != parameters.station:
            raise ValueError(f"a reading of {reading.home_id} does not belong to {parameters.station}")
        if reading.slot > slot:
            raise ValueError(f"a reading of slot {reading.slot} can't be counted in the report of slot {slot}")
    if register.context and register.context["form"] != FORM:
        raise ValueError(f"a register of form {register.context['form']} can't be read; this version writes {FORM}")
    if code is Utility.CRB:
        return _carbon(register, readings, slot, parameters, policy, utilities)
    packets = [reading for reading in readings if not settle.is_correction(reading)]  # people correct E only
    ordered = sorted(packets, key=lambda reading: (reading.slot, reading.meter != "main", reading.meter))
    step = _Step(dict(register.context) or {"form": FORM})
    if code is Utility.EFF:
        _save(step, ordered, utilities)
    else:
        _sum(step, register.net, code, ordered, utilities)
    return _result(register, step, ordered, slot)


def signing_version(utility: int, slot: int, policy: Policy, book: UtilityBook) -> int:
    """The policy's version that nodes sign for a report: E's is the quality policy's, another's names both policies."""
    if utility == Utility.E:
        return policy.version
    return signed_version(policy.version, book.at(slot).version)


def advancer(utility: int, slot: int, book: UtilityBook) -> partial[Advance]:
    """The step for one utility and report, in the form that a recount takes."""
    return partial(advance, utility, utilities=book.at(slot))


def _sum(step: _Step, counted: int, utility: Utility, readings: Sequence[Interval], policy: UtilityPolicy) -> None:
    """Add what the readings say to `counted`, which is what the register holds, units.

    A slot of a report holds `slot_max` whoever tells it, and all slots since the first one no more than that each: reports
    bring a slot's meters one by one too. What outgrows that outgrows the ceiling on chain, which would refuse every report.
    """
    most = policy.slot_max[utility] * ONE
    for reading in readings:
        if utility is not Utility.DATA and reading.meter.startswith(CHECK):
            continue  # it measures what another one measures
        found = said(utility, reading, step.context.get("source", ""), policy)
        if found is None:
            continue
        first = step.context["first"] = min(step.context.get("first", reading.slot), reading.slot)
        last = step.context["last"] = max(step.context.get("last", reading.slot), reading.slot)
        held = found.held
        if not held and (
            step.units.get(reading.slot, 0) + found.units > most or counted + found.units > most * (last - first + 1)
        ):
            held = (OVER,)
        if not held:
            counted += found.units
            if found.source:
                step.context["source"] = found.source
        step.count(reading.slot, found.units, held, found.inputs)


def _save(step: _Step, readings: Sequence[Interval], policy: UtilityPolicy) -> None:
    baseline = Baseline.of(step.context.get("baseline", {}), policy)
    for reading in readings:
        drawn = reading.measures.get("importWh")
        if reading.meter != "main" or drawn is None or reading.quality == "missing":
            continue
        held = [NEGATIVE] if drawn < 0 else []
        if reading.quality == "integrated":
            held.append(UNMEASURED)
        if held:
            step.count(reading.slot, 0, held, {"importWh": drawn})
            continue
        saved = baseline.take(reading.slot, drawn, policy)
        if saved is not None:
            step.count(reading.slot, saved, (), {})
    step.context["baseline"] = baseline.to_json()


def _result(register: Register, step: _Step, ordered: Sequence[Interval], slot: int) -> Advance:
    added = sum(step.units.values())
    net = register.net + added
    mintable = max(register.mintable, net)
    own = step.units.get(slot, 0)
    fresh = [reading for reading in ordered if reading.slot == slot]
    quality = 0 if slot not in step.good else VALIDATED if step.good[slot] else RAW
    return Advance(
        register=Register(net, net, mintable, mintable, step.context),
        verdicts=tuple(step.verdicts),
        energy=max(0, mintable - max(register.mintable, net - own)),
        quality=quality,
        profile_hash=fresh[0].profile_hash if fresh else bytes(32),
        slots=tuple(
            SlotResult(
                at,
                units,
                VALIDATED if step.good[at] else RAW,
                "measured",
                tuple(verdict for verdict in step.verdicts if verdict.slot == at),
            )
            for at, units in sorted(step.units.items())
        ),
    )


def _carbon(
    register: Register,
    readings: Sequence[Interval],
    slot: int,
    parameters: StationParameters,
    policy: Policy,
    utilities: UtilityPolicy,
) -> Advance:
    """Tonnes avoided: what E's rules newly let mint, times the factor of the report's hour. The remainder is carried exactly."""
    held: Mapping[str, Any] = register.context or {"form": FORM, "carry": 0, "energy": {}}
    before = Register.from_json(json.dumps(held["energy"])) if held["energy"] else Register()
    step = settle.advance(before, readings, slot=slot, parameters=parameters, policy=policy)
    fed = step.register.mintable - before.mintable
    factor = utilities.factor(parameters.station, slot)
    units, carry = divmod(fed * factor + held["carry"], _GRAMS_PER_KWH_TO_UNITS)
    energy = json.loads(step.register.to_json())
    mintable = register.mintable + units
    own = units if step.energy == fed else min(units, step.energy * factor // _GRAMS_PER_KWH_TO_UNITS)
    return Advance(
        register=Register(mintable, mintable, mintable, mintable, {"form": FORM, "carry": carry, "energy": energy}),
        verdicts=step.verdicts,
        energy=own,
        quality=step.quality,
        profile_hash=step.profile_hash,
        slots=(SlotResult(slot, units, step.quality or RAW, f"mrv-{utilities.version}:{factor}", step.verdicts),),
    )


def whole_tokens(units: int) -> str:
    """Units as whole tokens for people, nine places, exact."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), ONE)
    return f"{sign}{whole}.{rest:09d}"
