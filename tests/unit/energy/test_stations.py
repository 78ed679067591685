# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whole stations over hours: engines, roofs, wind; check meters, silent meters, power failures, corrections, ratings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.protocol import Interval
from energy.policies.book import book
from energy.policy import Policy
from energy.settle.rules import ESTIMATED, RAW, VALIDATED, Advance, Register, StationParameters, advance

STATION = UUID(int=7)
KWH = 10**9
PARAMETERS = StationParameters(STATION, rated_w=40_000)  # 10 kWh a slot
POLICY = book().newest
PV, HOUSEHOLD, WIND, HYDRO, CONSTANT, STORAGE = 1, 2, 4, 5, 6, 7


def reading(slot: int, measures: Mapping[str, int], meter: str = "main", **more: Any) -> Interval:
    whole = {"meterWh": measures.get("exportWh", 0) - measures.get("importWh", 0), **measures}
    return Interval(STATION, slot, whole, bytes(32), meter_id=None if meter == "main" else meter, **more)


def net(slot: int, uwh: int, meter: str = "main", **more: Any) -> Interval:
    return reading(slot, {"importWh": max(-uwh, 0), "exportWh": max(uwh, 0)}, meter, **more)


def run(
    *steps: tuple[int, Sequence[Interval]],
    kind: int = 0,
    policy: Policy = POLICY,
    register: Register | None = None,
    parameters: StationParameters = PARAMETERS,
) -> list[Advance]:
    done: list[Advance] = []
    now = register or Register()
    for slot, readings in steps:
        done.append(advance(now, readings, slot=slot, parameters=replace(parameters, kind=kind), policy=policy))
        now = Register.from_json(done[-1].register.to_json())
    return done


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (CONSTANT, [8 * KWH] * 40),  # an engine at one power
        (CONSTANT, [0, 0, 8 * KWH, 0, 0, 0]),  # and one that runs for a quarter hour
        (HYDRO, [0] * 4 + [6 * KWH] * 20 + [0] * 4),
        (PV, [5 * KWH, 8 * KWH] + [10 * KWH] * 20 + [8 * KWH, 5 * KWH]),  # at the contract's limit over noon
        (WIND, [KWH, 9 * KWH, KWH, 2 * KWH, 8 * KWH, 2 * KWH]),  # gusts
        (STORAGE, [-5 * KWH] * 8 + [9 * KWH] * 12),
    ],
)
def test_what_is_normal_for_a_plant_mints(kind: int, values: list[int]) -> None:
    steps = run(*((slot, [net(slot, value)]) for slot, value in enumerate(values, 100)), kind=kind)
    assert steps[-1].register.net == sum(values)
    assert not [verdict for step in steps for verdict in step.verdicts if verdict.result == "suspect"]
    unknown = run(*((slot, [net(slot, value)]) for slot, value in enumerate(values, 100)), policy=book().version(1))
    assert unknown[-1].register.net < sum(values)  # what the first version made of them


def test_a_check_meter_adds_nothing_and_speaks_where_the_main_meter_is_silent() -> None:
    both = [net(10, 4 * KWH), net(10, 4 * KWH, "check")]
    first, silent, late = run(
        (10, both), (11, [net(11, 5 * KWH, "check")]), (12, [net(12, -KWH, "check"), net(11, 6 * KWH)])
    )
    assert first.register.net == 4 * KWH
    (stood_in,) = [it for it in silent.slots if it.slot == 11]
    assert (stood_in.e_net, stood_in.quality, stood_in.method) == (5 * KWH, ESTIMATED, "E1")
    assert silent.register.mintable == 4 * KWH  # shown, not minted
    assert silent.quality == ESTIMATED
    results = {it.slot: (it.e_net, it.quality, it.method) for it in late.slots}
    assert results[11] == (6 * KWH, VALIDATED, "boundary")  # the original supersedes
    assert results[12] == (-KWH, ESTIMATED, "E1")
    assert (late.register.net, late.register.net_measured) == (9 * KWH, 10 * KWH)  # a deficit counts, whoever saw it
    by_policy = run((10, both), (11, [net(11, 5 * KWH, "check")]), policy=POLICY.changed(mint_check=True))
    assert (by_policy[-1].register.mintable, by_policy[-1].register.measured) == (9 * KWH, 4 * KWH)


def test_generation_beside_a_silent_boundary_waits_for_it() -> None:
    def gen(slot: int) -> Interval:
        return reading(slot, {"meterWh": 5 * KWH, "genWh": 5 * KWH}, "roof")

    whole = [net(10, 2 * KWH), gen(10)]  # the house takes 3 kWh
    _, alone, late = run((10, whole), (11, [gen(11)]), (12, [net(11, 2 * KWH)]))
    assert [(it.e_net, it.quality, it.method) for it in alone.slots if it.slot == 11] == [(5 * KWH, ESTIMATED, "E2")]
    assert (alone.register.net, late.register.net, late.register.mintable) == (2 * KWH, 4 * KWH, 4 * KWH)
    months_ago = run((10, whole), (2_000, [gen(2_000)]))[-1]
    assert months_ago.register.net == 7 * KWH  # a boundary meter that is gone for days is not waited for


def test_a_main_meter_that_differs_from_its_check_meter_for_three_days_mints_no_more() -> None:
    policy = POLICY.changed(flat_slots=0)
    steps = run(
        *(
            (day * 96 + 20, [net(day * 96 + 20, 4 * KWH), net(day * 96 + 20, 3 * KWH, "check")])
            for day in (10, 11, 12, 13)
        ),
        policy=policy,
    )
    assert [step.quality for step in steps] == [VALIDATED, VALIDATED, RAW, RAW]
    assert [step.register.net for step in steps] == [4 * KWH, 8 * KWH, 8 * KWH, 8 * KWH]


def test_no_line_is_drawn_from_a_slot_in_which_the_power_failed() -> None:
    dark = net(10, 4 * KWH, devices={"powerFail": 30_000_000})
    for first, method in ((net(10, 4 * KWH), "E3"), (dark, "E6")):
        *_, step = run((10, [first]), (12, [net(12, 2 * KWH)]))
        assert [it.method for it in step.slots if it.slot == 11] == [method]
        assert step.register.net == 6 * KWH


def test_too_much_of_a_day_estimated_mints_no_estimate_until_originals_come() -> None:
    policy = POLICY.changed(mint_estimated=True, flat_slots=0)
    day = range(96, 192)
    heard = [slot for slot in day if slot % 7 < 4]  # gaps of three: 41 of 96 slots
    steps = run(*((slot, [net(slot, KWH)]) for slot in heard), policy=policy)
    measured = len(heard) * KWH
    gone = [verdict for step in steps for verdict in step.verdicts if verdict.rule == "V17"]
    assert gone[0].result == "hold"
    assert steps[-1].register.net == measured
    missing = [slot for slot in range(heard[0], heard[-1]) if slot not in heard]
    (late,) = run((192, [net(slot, KWH) for slot in missing[:-20]]), policy=policy, register=steps[-1].register)
    assert late.register.net == measured + len(missing) * KWH  # the rest is little enough to be believed


def test_a_correction_lowers_at_once_and_raises_by_policy_only() -> None:
    def correction(slot: int, uwh: int, number: int = 1) -> Interval:
        return reading(slot, {"meterWh": uwh}, f"correction-{number}")

    start = run((10, [net(10, 5 * KWH)]), (11, [net(11, 20 * KWH)]))[-1].register  # the second is over rating: held
    for slot, uwh, change, worth in (
        (10, -2 * KWH, -2 * KWH, 3 * KWH),
        (11, -17 * KWH, 0, 3 * KWH),
        (10, KWH, 0, 6 * KWH),
    ):
        (step,) = run((12, [correction(slot, uwh)]), register=start)
        assert step.register.net - start.net == change
        assert step.register.mintable == start.mintable
        assert [(it.slot, it.e_net, it.quality, it.method) for it in step.slots] == [
            (slot, worth, ESTIMATED, "corrected")
        ]
    # the same long after, when only what was withheld is remembered
    later = run((60, [net(slot, KWH + slot) for slot in range(12, 61)]), register=start)[-1].register
    for slot, uwh, change in ((10, -2 * KWH, -2 * KWH), (11, -17 * KWH, 0), (11, -21 * KWH, -KWH), (10, KWH, 0)):
        (step,) = run((61, [correction(slot, uwh)]), register=later)
        assert step.register.net - later.net == change
        believed = POLICY.changed(mint_corrected=True)
        (step,) = run((61, [correction(slot, uwh)]), register=later, policy=believed)
        withheld = 20 * KWH if slot == 11 else 0
        assert step.register.net - later.net == withheld + uwh
    up, down = correction(10, KWH), correction(10, -KWH, 2)
    assert (
        run((61, [up]), (62, [down]), register=later)[-1].register.net == later.net
    )  # what was not given is not taken
    (nothing,) = run((61, [correction(9, KWH)]), register=later, policy=POLICY.changed(mint_corrected=True))
    assert nothing.register.net == later.net  # a slot that nobody read


@pytest.mark.parametrize("wait", [1, 20])
def test_a_correction_that_comes_before_its_reading_waits_for_it(wait: int) -> None:
    less = reading(11, {"meterWh": -3 * KWH}, "correction-1")
    late = [net(11, 5 * KWH)]
    between = [(slot, [net(slot, KWH + slot)]) for slot in range(13, 12 + wait)]
    first = [(10, [net(10, 4 * KWH)]), (12, [net(12, 4 * KWH + 1)])]
    early = run(*first, (12, [less]), *between, (12 + wait, late))[-1].register
    usual = run(*first, *between, (12 + wait, late), (12 + wait, [less]))[-1].register
    assert early.net == usual.net


def test_a_slot_is_judged_by_the_rating_of_its_time() -> None:
    grown = replace(PARAMETERS, rated_w=80_000, ratings=((0, 40_000), (11, 80_000)))
    before, after = run((11, [net(10, 15 * KWH), net(11, 15 * KWH)]), parameters=grown)[0].slots
    assert (before.quality, after.quality) == (RAW, VALIDATED)


@st.composite
def stations(draw: st.DrawFn) -> tuple[list[Interval], list[tuple[int, list[Interval]]]]:
    """A house with a roof and a check meter, their readings in any order, some never heard."""
    readings: list[Interval] = []
    for slot in range(200, 200 + draw(st.integers(1, 30))):
        made, used = draw(st.integers(0, 9 * KWH)), draw(st.integers(0, 9 * KWH))
        seen = net(slot, made - used)
        roof = reading(slot, {"meterWh": made, "genWh": made}, "roof")
        both = [seen, replace(seen, meter_id="check"), roof]
        if slot == 200:
            readings += both  # what a station consists of is known from its first report
        else:
            readings += [it for it in both if draw(st.integers(0, 9)) > 1]
    later = draw(st.permutations([it for it in readings if it.slot != 200]))
    first = [it for it in readings if it.slot == 200]
    steps, report = [(200, first)], 200
    while later:
        size = draw(st.integers(1, 9))
        chunk, later = later[:size], later[size:]
        report = max(report + 1, *(it.slot for it in chunk))
        steps.append((report, chunk))
    return readings, steps


@given(stations())
@settings(max_examples=150, deadline=None)
def test_at_no_instant_is_more_minted_than_was_made_and_not_used(
    history: tuple[list[Interval], list[tuple[int, list[Interval]]]],
) -> None:
    """Σ minted ≤ Σ (production − consumption) of what the boundary meter was heard to say, whatever else was heard."""
    readings, steps = history
    heard: dict[int, int] = {}
    done = run(*steps, kind=PV)
    mark = 0
    best = 0
    for (_, chunk), step in zip(steps, done, strict=True):
        heard |= {it.slot: it.meter_uwh for it in chunk if it.meter == "main"}
        best = max(best, sum(heard.values()), 0)
        assert step.register.net <= sum(heard.values())
        assert mark <= step.register.mintable <= best
        mark = step.register.mintable
        assert Register.from_json(step.register.to_json()) == step.register
        assert len(step.register.to_json()) < 700 + 420 * len({it.slot for it in readings})


@given(st.lists(st.integers(-9 * KWH, 9 * KWH), min_size=1, max_size=400))
@settings(max_examples=20, deadline=None)
def test_a_station_that_delivers_is_remembered_in_little_room(values: list[int]) -> None:
    steps = run(*((slot, [net(slot, value)]) for slot, value in enumerate(values, 500)), kind=WIND)
    assert len(steps[-1].register.to_json()) < 5_000
