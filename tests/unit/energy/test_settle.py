# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The register: what mints, what never does, and that the order of arrival changes nothing in the end."""

import random
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.protocol import Interval
from energy.policies.book import book
from energy.policy import Policy
from energy.settle.context import METERS_MAX
from energy.settle.rules import (
    ESTIMATED,
    RAW,
    VALIDATED,
    Advance,
    Register,
    StationParameters,
    advance,
)

STATION = UUID(int=7)
KWH = 10**9
PARAMETERS = StationParameters(STATION, rated_w=40_000)  # 10 kWh a slot
POLICY = book().newest
NO_SPIKES = POLICY.changed(spike_floor_ppm=10_000_000)


def boundary(
    slot: int, export: int, imported: int, *, registers: tuple[int, int] | None = None, **more: int
) -> Interval:
    measures = {"meterWh": export - imported, "importWh": imported, "exportWh": export, **more}
    if registers is not None:
        measures |= {"importRegisterWh": registers[0], "exportRegisterWh": registers[1]}
    return Interval(STATION, slot, measures, bytes([slot % 256]) * 32)


def net(slot: int, uwh: int, **more: int) -> Interval:
    return boundary(slot, max(uwh, 0), max(-uwh, 0), **more)


def run(register: Register, *steps: tuple[int, Sequence[Interval]], policy: Policy = POLICY) -> list[Advance]:
    done = []
    for slot, readings in steps:
        done.append(advance(register, readings, slot=slot, parameters=PARAMETERS, policy=policy))
        register = done[-1].register
    return done


def test_consumption_is_made_good_before_more_is_minted() -> None:
    steps = run(Register(), (10, [net(10, 5 * KWH)]), (11, [net(11, -3 * KWH)]), (12, [net(12, 4 * KWH)]))
    assert [step.register.mintable for step in steps] == [5 * KWH, 5 * KWH, 6 * KWH]
    assert [step.energy for step in steps] == [5 * KWH, 0, KWH]
    assert [step.register.net for step in steps] == [5 * KWH, 2 * KWH, 6 * KWH]
    assert [step.quality for step in steps] == [VALIDATED] * 3
    assert steps[1].profile_hash == bytes([11]) * 32


def test_meters_that_are_invented_do_not_fill_every_nodes_memory() -> None:
    """And they add nothing; what they take off counts all the same."""

    def invented(slot: int, **measures: int) -> list[Interval]:
        given = {"meterWh": 0, **measures}
        return [Interval(STATION, slot, given, bytes(32), meter_id=f"{slot}-{n}") for n in range(2 * METERS_MAX)]

    main = Interval(STATION, 10, {"meterWh": KWH, "genWh": KWH}, bytes(32))
    steps = run(
        Register(),
        (10, [main, *invented(10, genWh=1)]),
        (11, invented(11, genWh=1)),
        (12, invented(12, auxWh=1)),
    )
    assert [len(step.register.context["meters"]) for step in steps] == [METERS_MAX] * 3
    assert [step.register.net for step in steps] == [
        KWH + METERS_MAX - 1,
        KWH + METERS_MAX - 1,
        KWH + METERS_MAX - 1 - 2 * METERS_MAX,
    ]
    assert [len(entry[1][0]) for entry in steps[-1].register.context["slots"]] == [METERS_MAX]


def test_a_slot_without_a_reading_says_so() -> None:
    first, empty = run(Register(), (10, [net(10, KWH)]), (11, []))
    assert (empty.quality, empty.energy, empty.profile_hash) == (0, 0, bytes(32))
    assert empty.register == first.register


def test_several_slots_in_one_report_mint_their_sum_and_the_energy_is_of_the_last() -> None:
    (step,) = run(Register(), (12, [net(12, 4 * KWH), net(10, 5 * KWH), net(11, -3 * KWH)]))
    assert step.register.mintable == 6 * KWH
    assert step.energy == 4 * KWH


def test_a_suspect_surplus_is_not_minted_and_a_suspect_deficit_counts() -> None:
    steps = run(Register(), (10, [net(10, 12 * KWH)]), (11, [net(11, -51 * KWH)]))
    assert [(step.quality, step.register.net, step.register.mintable) for step in steps] == [
        (RAW, 0, 0),
        (RAW, -51 * KWH, 0),
    ]
    assert [verdict.rule for verdict in steps[0].verdicts] == ["V8"]
    assert steps[0].verdicts[0].inputs == {"e_net_uwh": 12 * KWH, "limit_uwh": 11 * KWH}


def test_a_steep_rise_is_held_until_the_next_slot_clears_or_condemns_it() -> None:
    before = [net(10, KWH), net(11, KWH)]
    held, cleared = run(Register(), (12, [*before, net(12, 6 * KWH)]), (13, [net(13, 5 * KWH)]))
    assert (held.quality, held.register.mintable) == (RAW, 2 * KWH)
    assert held.verdicts[-1].provisional
    assert cleared.register.mintable == 13 * KWH
    assert {result.slot: result.quality for result in cleared.slots} == {12: VALIDATED, 13: VALIDATED}
    held, condemned = run(Register(), (12, [*before, net(12, 6 * KWH)]), (13, [net(13, KWH)]))
    assert condemned.register.mintable == 3 * KWH
    (later,) = run(condemned.register, (40, [net(slot, KWH + slot) for slot in range(14, 41)]))
    assert later.register.net == 30 * KWH + sum(range(14, 41))  # the spike is condemned for good


def test_a_frozen_value_takes_back_what_it_added_but_never_what_was_minted() -> None:
    steps = run(Register(), *((slot, [net(slot, 3 * KWH)]) for slot in range(10, 15)))
    assert [step.register.net for step in steps] == [3 * KWH, 6 * KWH, 9 * KWH, 0, 0]
    assert [step.register.mintable for step in steps] == [3 * KWH, 6 * KWH, 9 * KWH, 9 * KWH, 9 * KWH]
    zeros = run(Register(), *((slot, [net(slot, 0)]) for slot in range(10, 30)))
    assert not any(step.verdicts for step in zeros)  # every night


def test_registers_contradict_an_interval_and_a_rollover_does_not() -> None:
    top = 2**32 * 10**6  # a counter of 32 bits in Wh, in µWh
    reads = [
        net(10, KWH, registers=(0, top - 2 * KWH)),
        net(11, KWH, registers=(0, top - KWH)),
        net(12, 2 * KWH, registers=(0, KWH)),
        net(13, KWH, registers=(0, 5 * KWH)),
        net(14, KWH, registers=(0, 3 * KWH)),
    ]
    steps = run(Register(), *((it.slot, [it]) for it in reads))
    assert [[verdict.rule for verdict in step.verdicts] for step in steps] == [[], [], [], ["V9"], ["V7"]]
    assert steps[-1].register.mintable == 4 * KWH


@pytest.mark.parametrize(("mint", "mintable"), [(False, 2 * KWH), (True, 5 * KWH)])
def test_a_gap_between_registers_is_estimated_exactly_and_minted_only_by_policy(mint: bool, mintable: int) -> None:
    policy = POLICY.changed(mint_estimated=mint)
    start, end = net(10, KWH, registers=(0, 100 * KWH)), net(14, KWH, registers=(0, 104 * KWH))
    _, step = run(Register(), (10, [start]), (14, [end]), policy=policy)
    assert step.register.mintable == mintable
    assert step.register.net_measured == 2 * KWH
    assert step.register.measured == 2 * KWH
    drawn = [result for result in step.slots if result.quality == ESTIMATED]
    assert [result.slot for result in drawn] == [11, 12, 13]
    assert sum(result.e_net for result in drawn) == 3 * KWH
    assert step.verdicts[-1].rule == "V5"
    assert step.verdicts[-1].inputs["method"] == "E3+E5"


def test_an_estimated_deficit_counts_and_its_late_original_replaces_it() -> None:
    start, end = net(10, 5 * KWH, registers=(0, 100 * KWH)), net(12, 5 * KWH, registers=(2 * KWH, 105 * KWH))
    _, gap = run(Register(), (10, [start]), (12, [end]))
    assert (gap.register.net, gap.register.mintable) == (8 * KWH, 8 * KWH)
    assert gap.register.measured == 8 * KWH  # certificates never cite more than may be minted
    (late,) = run(gap.register, (13, [net(11, -2 * KWH, registers=(2 * KWH, 100 * KWH))]))
    assert (late.register.net, late.register.net_measured) == (8 * KWH, 8 * KWH)
    assert [(result.slot, result.e_net, result.quality) for result in late.slots] == [(11, -2 * KWH, VALIDATED)]


def test_a_late_original_below_a_minted_estimate_lowers_the_net_and_not_the_mark() -> None:
    policy = POLICY.changed(mint_estimated=True)
    _, gap = run(Register(), (10, [net(10, 4 * KWH)]), (12, [net(12, 4 * KWH)]), policy=policy)
    assert gap.register.mintable == 12 * KWH
    late, more = run(gap.register, (13, [net(11, 2 * KWH)]), (14, [net(13, 4 * KWH), net(14, KWH)]), policy=policy)
    assert (late.register.net, late.register.mintable) == (10 * KWH, 12 * KWH)
    assert (more.register.net, more.register.mintable) == (15 * KWH, 15 * KWH)


def test_a_long_gap_is_zero_for_issuance_but_its_deficit_is_known() -> None:
    start = net(10, 5 * KWH, registers=(0, 0))
    away = [net(60, 0, registers=(30 * KWH, 10 * KWH)), net(60, 0, registers=(10 * KWH, 30 * KWH))]
    for end, expected in zip(away, (-15 * KWH, 5 * KWH), strict=True):
        _, step = run(Register(), (10, [start]), (60, [end]))
        assert step.register.net == expected
        assert step.register.mintable == 5 * KWH
        assert {(r.e_net, r.method) for r in step.slots if r.quality == ESTIMATED} == {(0, "E5")}
        assert len(step.slots) == 50


def test_a_missing_measure_is_not_a_zero() -> None:
    whole = net(10, -KWH)
    broken = Interval(STATION, 11, {"meterWh": KWH, "exportWh": KWH}, bytes(32))
    steps = run(Register(), (10, [whole]), (11, [broken]))
    assert [verdict.rule for verdict in steps[1].verdicts] == ["V6"]
    assert steps[1].register.net == -KWH


def test_a_register_of_another_version_is_refused_and_not_guessed_at() -> None:
    (step,) = run(Register(), (10, [net(10, KWH)]))
    other = Register.from_json(step.register.to_json().replace('"form":2', '"form":1'))
    with pytest.raises(ValueError, match="form 1"):
        run(other, (11, [net(11, KWH)]))


def test_what_is_not_ours_or_given_twice_is_refused() -> None:
    (step,) = run(Register(), (10, [net(10, KWH)]))
    with pytest.raises(ValueError, match="already"):
        run(step.register, (11, [net(10, KWH)]))
    with pytest.raises(ValueError, match="can't be counted"):
        run(Register(), (9, [net(10, KWH)]))
    with pytest.raises(ValueError, match="does not belong"):
        advance(Register(), [net(1, 1)], slot=1, parameters=StationParameters(UUID(int=8), 1), policy=POLICY)


def test_a_second_meter_completes_a_slot_and_a_very_late_one_only_lowers() -> None:
    def gen(slot: int) -> Interval:
        return Interval(STATION, slot, {"meterWh": (slot % 7 + 1) * KWH, "genWh": (slot % 7 + 1) * KWH}, bytes(32))

    def aux(slot: int) -> Interval:
        return Interval(STATION, slot, {"meterWh": 0, "auxWh": KWH // 2}, bytes(32), meter_id="aux")

    first = run(Register(), (7, [gen(7)]), (8, [aux(7), gen(8)]), (9, [aux(8)]), policy=NO_SPIKES)
    assert [step.register.net for step in first] == [KWH, KWH // 2, 2 * KWH]  # what aux will take off is waited for
    silent = run(Register(), *((slot, [gen(slot)]) for slot in range(7, 40)), policy=NO_SPIKES)[-1]
    (late,) = run(silent.register, (40, [aux(8)]), policy=NO_SPIKES)
    assert silent.register.net - late.register.net == KWH // 2
    assert late.verdicts[0].inputs["closed"]


energies = st.integers(-9 * KWH, 9 * KWH)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Interval], list[tuple[int, list[Interval]]]]:
    """Valid readings with registers, and an arrival of them in some order over growing report slots."""
    values = draw(st.lists(energies, min_size=1, max_size=60))
    imported, exported = 10 * KWH, 10 * KWH
    readings = []
    for slot, value in enumerate(values, start=100):
        imported, exported = imported + max(-value, 0), exported + max(value, 0)
        kept = draw(st.booleans())
        readings.append(net(slot, value, registers=(imported, exported)) if kept else net(slot, value))
    order = draw(st.permutations(readings)) if draw(st.booleans()) else readings
    steps: list[tuple[int, list[Interval]]] = []
    left = list(order)
    report = 100
    while left:
        size = draw(st.integers(1, 12))
        chunk, left = left[:size], left[size:]
        report = max(report + 1, *(it.slot for it in chunk))
        steps.append((report, chunk))
    return readings, steps


@given(histories(), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_in_the_end_the_order_of_arrival_does_not_matter(
    history: tuple[list[Interval], list[tuple[int, list[Interval]]]], mint: bool, chance: random.Random
) -> None:
    readings, steps = history
    policy = POLICY.changed(mint_estimated=mint, flat_slots=100, flat_clipped_slots=100, spike_floor_ppm=10_000_000)
    register, mark, certified = Register(), 0, 0
    for slot, chunk in steps:
        shuffled = list(chunk)
        chance.shuffle(shuffled)
        step = advance(register, chunk, slot=slot, parameters=PARAMETERS, policy=policy)
        again = advance(
            Register.from_json(register.to_json()), shuffled, slot=slot, parameters=PARAMETERS, policy=policy
        )
        assert again == step
        register = step.register
        assert Register.from_json(register.to_json()) == register
        assert register.mintable >= mark
        assert register.mintable >= register.measured >= certified
        assert 0 <= step.energy <= register.mintable - mark
        mark, certified = register.mintable, register.measured
    total = sum(it.meter_uwh for it in readings)
    assert register.net == register.net_measured == total
    assert register.mintable >= max(total, 0)
    if not mint:
        assert register.mintable <= sum(max(it.meter_uwh, 0) for it in readings)


@given(histories())
@settings(max_examples=100, deadline=None)
def test_whatever_the_rules_say_nothing_is_minted_that_was_not_there(
    history: tuple[list[Interval], list[tuple[int, list[Interval]]]],
) -> None:
    readings, steps = history
    done = run(Register(), *steps)
    positive = sum(max(it.meter_uwh, 0) for it in readings)
    assert done[-1].register.mintable <= positive
    seen: dict[int, Interval] = {}
    for (_, chunk), step in zip(steps, done, strict=True):
        seen |= {it.slot: it for it in chunk}
        deficits = sum(min(it.meter_uwh, 0) for it in seen.values())
        surplus = sum(max(it.meter_uwh, 0) for it in seen.values())
        assert step.register.net <= surplus + deficits
