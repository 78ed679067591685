# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The rules on measurements that nobody made for them: honest meters are believed, planted faults are not."""

from collections import Counter
from uuid import UUID

import pytest

from edge.protocol import Interval
from energy.policies.book import book
from energy.settle.rules import ESTIMATED, RAW, Advance, Register, SlotResult, StationParameters, advance
from simulator.library import load

STATION = UUID(int=7)
WEEK = 96 * 7


def series(name: str) -> tuple[int, list[tuple[int, int]]]:
    """Rated power, W, and (import, export) of every slot, µWh."""
    profile = load(name)
    per = 900 // profile.step
    pairs = [(a or 0, b or 0) for a, b in zip(profile.import_uwh, profile.export_uwh, strict=True)]
    slots = [pairs[at : at + per] for at in range(0, len(pairs) - per + 1, per)]
    energies = [(sum(a for a, _ in slot), sum(b for _, b in slot)) for slot in slots]
    return max(b for _, b in energies) * 4 * 12 // 10 // 10**6, energies


def readings(energies: list[tuple[int, int]]) -> list[Interval]:
    imported = exported = 10**12
    made = []
    for slot, (drawn, given) in enumerate(energies):
        imported, exported = imported + drawn, exported + given
        registers = {"importRegisterWh": imported, "exportRegisterWh": exported}
        measures = {"meterWh": given - drawn, "importWh": drawn, "exportWh": given, **registers}
        made.append(Interval(STATION, slot, measures, bytes(32), seq=slot))
    return made


def replay(rated_w: int, given: list[Interval]) -> tuple[list[Advance], dict[int, SlotResult]]:
    register, steps, results = Register(), [], {}
    parameters = StationParameters(STATION, rated_w)
    for reading in given:
        steps.append(advance(register, [reading], slot=reading.slot, parameters=parameters, policy=book().newest))
        register = steps[-1].register
        results |= {result.slot: result for result in steps[-1].slots}
    return steps, results


@pytest.mark.parametrize(("name", "suspect"), [("pv", 0), ("household", 3)])
def test_an_honest_meter_is_believed(name: str, suspect: int) -> None:
    rated_w, energies = series(name)
    energies = energies[: 31 * 96 if name == "household" else 14 * 96]
    steps, results = replay(rated_w, readings(energies))
    assert sum(result.quality == RAW for result in results.values()) == suspect
    held_back = sum(max(result.e_net, 0) for result in results.values() if result.quality == RAW)
    net = sum(given - drawn for drawn, given in energies)
    assert steps[-1].register.net == net - held_back
    assert held_back * 100 <= sum(given for _, given in energies)


def test_planted_faults_are_found_and_cost_nobody_but_their_slots() -> None:
    rated_w, energies = series("pv")
    honest = readings(energies[:WEEK])
    day = max(range(96, 192), key=lambda slot: energies[slot][1])
    faulty = [it for it in honest if it.slot not in range(day - 3, day)]  # a gap of three slots before the day's best
    gone = sum(it.meter_uwh for it in honest if it.slot in range(day - 3, day))
    steps, results = replay(rated_w, faulty)
    estimated = {slot: result.e_net for slot, result in results.items() if result.quality == ESTIMATED}
    assert (sorted(estimated), sum(estimated.values())) == ([day - 3, day - 2, day - 1], gone)
    assert steps[-1].register.net == sum(it.meter_uwh for it in faulty)
    (late,) = replay_late(steps[-1].register, rated_w, [it for it in honest if it.slot in estimated])
    assert late.register.net == sum(it.meter_uwh for it in honest)

    broken = dict(enumerate(energies[:WEEK]))
    night = 96 * 3 + 8
    broken[night] = (0, rated_w * 250_000)  # a slot at rated power at two in the morning
    for slot in range(day + 96, day + 101):
        broken[slot] = broken[day + 96]  # a value that does not move
    _, results = replay(rated_w, readings(list(broken.values())))
    found = {
        slot: {verdict.rule for verdict in result.verdicts} for slot, result in results.items() if result.quality == RAW
    }
    assert found == {night: {"V10"}, **{slot: {"V11"} for slot in range(day + 96, day + 101)}}
    assert Counter(result.quality for result in results.values())[RAW] == 6


def replay_late(register: Register, rated_w: int, late: list[Interval]) -> list[Advance]:
    parameters = StationParameters(STATION, rated_w)
    return [advance(register, late, slot=WEEK, parameters=parameters, policy=book().newest)]
