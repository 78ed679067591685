# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Faults in real series and what the rules make of them: labelled by others, or injected with a fixed seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

from bench.figures import Figure
from bench.qa_data import CAP, RATED_W, Series
from edge.protocol import Interval
from energy.day.rules import outliers
from energy.policies.book import book
from energy.policy import PPM, StationParameters
from energy.settle.rules import RAW, Register, SlotResult, advance

STATION = UUID(int=7)
FAULTS = 40  # of each sort in a series
APART = 40  # slots between two
DAYS = 120  # of a series that faults are planted in

Readings = dict[int, Interval]


@dataclass(frozen=True)
class Score:
    """Events that were to be found and that were; alarms and those of them that were right."""

    planted: int
    found: int
    alarms: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the planted that was found."""
        return self.found / self.planted if self.planted else 0.0

    @property
    def precision(self) -> float:
        """Share of the alarms that were right."""
        return self.right / self.alarms if self.alarms else 0.0

    def __str__(self) -> str:
        told = f"precision {self.precision:.2f} ({self.right} of {self.alarms})"
        return f"recall {self.recall:.2f} ({self.found} of {self.planted}), {told}"

    def figures(self, name: str) -> list[Figure]:
        """Both shares."""
        return [
            Figure(f"{name}_recall", self.recall, "share", self.planted),
            Figure(f"{name}_precision", self.precision, "share", self.alarms),
        ]


def honest(series: Series) -> tuple[float, float]:
    """Shares of slots that are suspected, and of energy that is held, where nobody planted anything."""
    results = run(series, readings(series.values))
    held = [it.e_net for it in results.values() if it.quality == RAW]
    made = sum(value for value in series.values.values() if value > 0)
    return len(held) / len(series.values), sum(value for value in held if value > 0) / made


def labelled(series: Series) -> dict[str, Score]:
    """Each slot's label against each rule that fired anywhere, against the Hampel filter, and against what is held at all."""
    results = run(series, readings(series.values, registers=False))
    fired: dict[str, set[int]] = {"held": {it.slot for it in results.values() if it.quality == RAW}}
    for it in results.values():
        for verdict in it.verdicts:
            if verdict.result == "suspect":
                fired.setdefault(verdict.rule, set()).add(it.slot)
    fired["V10h"] = hampel(series.values, series.kind)
    fired["held or V10h"] = fired["held"] | fired["V10h"]
    marked = series.labels
    return {
        rule: Score(len(marked), len(marked & alarms), len(alarms), len(marked & alarms))
        for rule, alarms in sorted(fired.items())
    }


def injected(series: Series, chance: Random) -> dict[tuple[str, str], Score]:
    """Plant each sort of fault alone, and score the rule that should find it. An event is found if the rule fires within it."""
    first = min(series.values)
    part = {slot: value for slot, value in series.values.items() if slot < first + DAYS * 96}
    series = replace(series, values=part)
    scores = {}
    for fault, (rule, plant) in PLANTERS.items():
        faulty = readings(series.values)
        events = [plant(faulty, slot, chance) for slot in places(series, chance)]
        results = run(series, faulty)
        alarms = {it.slot for it in results.values() if any(v.rule == rule and v.result != "hold" for v in it.verdicts)}
        scores[fault, rule] = _score(events, alarms & series.values.keys())
        if fault == "spike":
            values = {slot: given.meter_uwh for slot, given in faulty.items()}
            scores[fault, "V10h"] = _score(events, hampel(values, series.kind))
    return scores


def hampel(values: Mapping[int, int], kind: int) -> set[int]:
    """The slots that the Hampel filter warns of."""
    policy, slots = book().newest.of(1 if kind == 1 else 0), sorted(values)
    floor = CAP * policy.day_spike_floor_ppm // PPM
    row = [values[slot] for slot in slots]
    found = outliers(row, window=policy.hampel_slots, mad_ppm=policy.hampel_mad_ppm, floor_uwh=floor)
    return {slots[at] for at in found}


def _score(events: Sequence[set[int]], alarms: set[int]) -> Score:
    planted = set[int]().union(*events)
    return Score(len(events), sum(bool(event & alarms) for event in events), len(alarms), len(alarms & planted))


def places(series: Series, chance: Random) -> list[int]:
    """Slots to plant faults at: productive, apart from each other, with whole hours on both sides."""
    fit = [
        slot
        for slot, value in series.values.items()
        if value > CAP // 20 and all(slot + near in series.values for near in range(-4, 12))
    ]
    chance.shuffle(fit)
    chosen: list[int] = []
    for slot in fit:
        if len(chosen) < FAULTS and all(abs(slot - other) >= APART for other in chosen):
            chosen.append(slot)
    return sorted(chosen)


def readings(values: Mapping[int, int], *, registers: bool = True) -> Readings:
    """A boundary meter's intervals of these energies."""
    made, imported, exported = {}, 10**13, 10**13
    for slot in sorted(values):
        drawn, given = max(-values[slot], 0), max(values[slot], 0)
        imported, exported = imported + drawn, exported + given
        measures = {"meterWh": given - drawn, "importWh": drawn, "exportWh": given}
        if registers:
            measures |= {"importRegisterWh": imported, "exportRegisterWh": exported}
        made[slot] = Interval(STATION, slot, measures, bytes(32), seq=slot)
    return made


def run(series: Series, given: Readings) -> dict[int, SlotResult]:
    """The last word of the heart about every slot, readings delivered a day at a time."""
    parameters, policy = StationParameters(STATION, RATED_W, kind=series.kind), book().newest
    register, results = Register(), dict[int, SlotResult]()
    ordered = [given[slot] for slot in sorted(given)]
    for at in range(0, len(ordered), 96):
        batch = ordered[at : at + 96]
        step = advance(register, batch, slot=batch[-1].slot, parameters=parameters, policy=policy)
        register = step.register
        results |= {it.slot: it for it in step.slots}
    return results


def _changed(reading: Interval, uwh: int, **more: Any) -> Interval:
    # the meter believes itself: its register says the same as its interval, so that only the rule in question can tell
    measures = {name: value for name, value in reading.measures.items() if "Register" not in name}
    measures |= {"meterWh": uwh, "importWh": max(-uwh, 0), "exportWh": max(uwh, 0)}
    return replace(reading, measures=measures, **more)


def _spike(given: Readings, slot: int, chance: Random) -> set[int]:
    near = [given[other].meter_uwh for other in (slot - 1, slot, slot + 1)]
    given[slot] = _changed(given[slot], min(max(near) * chance.randrange(3, 9), CAP * 109 // 100))
    return {slot}


def _over(given: Readings, slot: int, chance: Random) -> set[int]:
    given[slot] = _changed(given[slot], CAP * chance.randrange(112, 125) // 100)
    return {slot}


def _stale(given: Readings, slot: int, chance: Random) -> set[int]:
    rows = range(slot, slot + chance.randrange(4, 9))
    for other in rows:
        given[other] = _changed(given[other], given[slot].meter_uwh)
    return set(rows)


def _gap(given: Readings, slot: int, chance: Random) -> set[int]:
    rows = range(slot, slot + chance.randrange(1, 9))
    for other in rows:
        del given[other]
    return set(rows)


def _negative(given: Readings, slot: int, chance: Random) -> set[int]:
    uwh = -given[slot].meter_uwh * chance.randrange(1, 4)
    given[slot] = replace(given[slot], measures={"meterWh": uwh, "genWh": uwh, "importWh": 0, "exportWh": 0})
    return {slot}


def _reset(given: Readings, slot: int, chance: Random) -> set[int]:
    lost = chance.randrange(10**12, 10**13)
    measures = dict(given[slot].measures)
    measures["exportRegisterWh"] -= lost
    given[slot] = replace(given[slot], measures=measures)
    for other in range(slot + 1, slot + 8):
        later = dict(given[other].measures)
        later["exportRegisterWh"] -= lost
        given[other] = replace(given[other], measures=later)
    # from here on the true register may go on unseen: one slot tells none
    given[slot + 8] = _changed(given[slot + 8], given[slot + 8].meter_uwh)
    return {slot}


def _clock(given: Readings, slot: int, chance: Random) -> set[int]:
    given[slot] = replace(given[slot], devices={"clockOffset": chance.randrange(6_000_000, 300_000_000)})
    return {slot}


PLANTERS: Mapping[str, tuple[str, Callable[[Readings, int, Random], set[int]]]] = {
    "spike": ("V10", _spike),
    "over": ("V8", _over),
    "stale": ("V11", _stale),
    "gap": ("V5", _gap),
    "negative": ("V8", _negative),
    "reset": ("V7", _reset),
    "clock": ("V4", _clock),
}
