# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Each utility's conversion, cap and hold; high-water marks; and that the order of arrival changes no sum."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.protocol import Interval, Quality
from energy.policies.book import book as quality_book
from energy.policy import RAW, VALIDATED, StationParameters
from energy.settle import rules as settle
from energy.settle.rules import Advance, Register
from energy.utility.policy import UtilityPolicy, book
from energy.utility.rules import advance, signing_version, whole_tokens
from energy.utility.table import ONE
from kit.units import SLOTS_PER_DAY, Utility

STATION = UUID(int=7)
PARAMETERS = StationParameters(STATION, rated_w=40_000)
QUALITY = quality_book().newest
POLICY = book().at(0)
QUICK = replace(POLICY, baseline_days=1)
MICRO = 10**6


def reading(
    slot: int,
    *,
    meter: str | None = None,
    devices: Mapping[str, int] | None = None,
    quality: Quality | None = None,
    **measures: int,
) -> Interval:
    return Interval(
        STATION,
        slot,
        {"meterWh": 0, **measures},
        bytes([slot % 256]) * 32,
        meter_id=meter,
        devices=devices,
        quality=quality,
    )


def step(
    utility: Utility,
    register: Register,
    readings: Sequence[Interval],
    slot: int = 10,
    *,
    policy: UtilityPolicy = POLICY,
) -> Advance:
    return advance(utility, register, readings, slot=slot, parameters=PARAMETERS, policy=QUALITY, utilities=policy)


@pytest.mark.parametrize(
    ("utility", "given", "units"),
    [
        (Utility.W, {"waterM3": 1}, 1_000),  # a millilitre is a millionth of a token
        (Utility.W, {"waterM3": 2 * MICRO}, 2 * ONE),
        (Utility.H, {"heat": 3 * MICRO}, 3 * ONE),
        (Utility.H, {"gasM3": MICRO}, 9_304_000_000),  # 1 m³ is 9.304 kWh
        (Utility.H, {"heat": MICRO, "gasM3": 5 * MICRO}, ONE),  # a boiler's gas is its heat, not more
        (Utility.AGR, {"devices": {"agr_kg-silo1": MICRO, "agr_kg-silo2": 2 * MICRO}}, 3 * ONE),
        (Utility.AGR, {"devices": {"agr_h-tractor": MICRO // 4}}, ONE // 4),
        (Utility.SRV, {"devices": {"srv_ops-bikes": 2 * MICRO, "dev_h-bikes": MICRO // 8}}, 2 * ONE),
        (Utility.DEV, {"devices": {"dev_h-robot": MICRO // 4, "other": MICRO}}, ONE // 4),
        (Utility.DATA, {}, ONE),
    ],
    ids=str,
)
def test_one_reading__is_worth(utility: Utility, given: dict[str, object], units: int) -> None:
    made = step(utility, Register(), [reading(10, **given)])  # type: ignore[arg-type]
    assert (made.register.mintable, made.register.measured, made.energy) == (units, units, units)
    assert (made.quality, made.verdicts) == (VALIDATED, ())
    assert made.profile_hash == bytes([10]) * 32


@pytest.mark.parametrize(
    ("utility", "given", "rule"),
    [
        (Utility.W, {"waterM3": -1}, "U1"),
        (Utility.W, {"waterM3": 25 * MICRO + 1}, "U2"),
        (Utility.H, {"gasM3": 11 * MICRO}, "U2"),
        (Utility.DEV, {"devices": {"dev_h-robot": MICRO // 4 + 1}}, "U2"),
        (Utility.W, {"waterM3": MICRO, "quality": "integrated"}, "U3"),
        (Utility.SRV, {"devices": {"srv_ops": -1, "srv_ops-b": 5}}, "U1"),
    ],
    ids=str,
)
def test_bad_reading__is_held_and_named(utility: Utility, given: dict[str, object], rule: str) -> None:
    made = step(utility, Register(), [reading(10, **given)])  # type: ignore[arg-type]
    assert made.register.mintable == 0
    assert made.quality == RAW
    assert [(verdict.rule, verdict.result) for verdict in made.verdicts] == [(rule, "suspect")]


@pytest.mark.parametrize("utility", [u for u in Utility if u not in (Utility.E, Utility.DATA, Utility.CRB)])
def test_reading_without_the_measure__says_nothing(utility: Utility) -> None:
    made = step(utility, Register(), [reading(10)])
    assert (made.register.mintable, made.quality, made.verdicts, made.slots) == (0, 0, (), ())


def test_missing_reading__is_no_packet() -> None:
    assert step(Utility.DATA, Register(), [reading(10, quality="missing")]).register.mintable == 0


def test_correction_by_people__is_no_packet() -> None:
    made = step(Utility.DATA, Register(), [reading(10, meter=f"{settle.CORRECTION}-1"), reading(10)])
    assert made.register.mintable == ONE


def test_packets__of_more_meters_than_believed__are_held() -> None:
    readings = [reading(10, meter=f"m{number}") for number in range(20)]
    made = step(Utility.DATA, Register(), readings)
    assert made.register.mintable == 16 * ONE
    assert [verdict.rule for verdict in made.verdicts] == ["U2"] * 4


def test_check_meter__adds_nothing_but_its_packet() -> None:
    readings = [reading(10, waterM3=MICRO), reading(10, meter="check-1", waterM3=MICRO)]
    assert step(Utility.W, Register(), readings).register.mintable == ONE
    assert step(Utility.DATA, Register(), readings).register.mintable == 2 * ONE


def test_slot__holds_no_more_than_believed_however_many_meters_tell_it() -> None:
    readings = [reading(10, meter=f"m{number}", waterM3=10 * MICRO) for number in range(5)]
    made = step(Utility.W, Register(), readings)
    assert made.register.mintable == 20 * ONE
    assert [(verdict.rule, verdict.slot) for verdict in made.verdicts] == [("U2", 10)] * 3


@pytest.mark.parametrize("utility", [Utility.W, Utility.DATA])
def test_slots__hold_no_more_than_believed_however_many_reports_bring_them(utility: Utility) -> None:
    """More would outgrow the ceiling on chain, which refuses the whole report, and the next one, for everybody."""
    register, most = Register(), POLICY.slot_max[utility] * ONE
    for report in range(4):
        readings = [reading(slot, meter=f"m{report}-{n}", waterM3=25 * MICRO) for slot in (9, 10) for n in range(20)]
        register = step(utility, register, readings).register
        assert register.mintable == 2 * most
    later = step(utility, register, [reading(11, waterM3=MICRO)], slot=11).register
    assert later.mintable == 2 * most + ONE


def test_heat_station__gas_later_on__is_held_so_that_nothing_counts_twice() -> None:
    first = step(Utility.H, Register(), [reading(10, heat=MICRO)])
    second = step(Utility.H, first.register, [reading(10, meter="gas", gasM3=MICRO)], 11)
    assert second.register.mintable == ONE
    assert [verdict.rule for verdict in second.verdicts] == ["U4"]
    third = step(Utility.H, second.register, [reading(12, heat=MICRO)], 12)
    assert third.register.mintable == 2 * ONE


def test_harvest_in_hours_after_kilograms__is_held() -> None:
    first = step(Utility.AGR, Register(), [reading(10, devices={"agr_kg": MICRO})])
    second = step(Utility.AGR, first.register, [reading(11, devices={"agr_h": MICRO})], 11)
    assert [verdict.rule for verdict in second.verdicts] == ["U4"]
    assert second.register.mintable == ONE


def test_late_readings__raise_the_register_and_not_this_slots_energy() -> None:
    made = step(Utility.W, Register(), [reading(slot, waterM3=MICRO) for slot in (8, 9, 10)])
    assert made.register.mintable == 3 * ONE
    assert made.energy == ONE
    assert [result.slot for result in made.slots] == [8, 9, 10]


@pytest.mark.parametrize("slot", [9, 10])
def test_foreign_or_future_reading__raises(slot: int) -> None:
    stranger = replace(reading(10), home_id=UUID(int=8)) if slot == 10 else reading(10)
    with pytest.raises(ValueError, match=r"belong|counted"):
        step(Utility.W, Register(), [stranger], slot)


def test_register_of_another_form__raises() -> None:
    with pytest.raises(ValueError, match="form 2"):
        step(Utility.W, Register(context={"form": 2}), [reading(10, waterM3=1)])


def test_electricity__goes_by_its_own_rules() -> None:
    readings = [_fed(10, 5 * ONE)]
    made = step(Utility.E, Register(), readings)
    assert made == settle.advance(Register(), readings, slot=10, parameters=PARAMETERS, policy=QUALITY)
    assert made.register.mintable == 5 * ONE


def _fed(slot: int, uwh: int) -> Interval:
    return Interval(STATION, slot, {"meterWh": uwh, "importWh": 0, "exportWh": uwh}, bytes([slot % 256]) * 32)


def test_carbon__is_what_energy_mints_times_the_factor() -> None:
    """5 kWh at 481 g/kWh are 2.405 kg: 2,405,000 units of 10⁻⁹ t."""
    made = step(Utility.CRB, Register(), [_fed(10, 5 * ONE)])
    assert made.register.mintable == made.energy == 2_405_000
    assert whole_tokens(made.register.mintable) == "0.002405000"
    drawn = Interval(STATION, 11, {"meterWh": -ONE, "importWh": ONE, "exportWh": 0}, bytes(32))
    after = step(Utility.CRB, made.register, [drawn], 11)
    assert after.register.mintable == 2_405_000
    assert step(Utility.CRB, after.register, [_fed(12, 2 * ONE)], 12).register.mintable == 2_405_000 + 481_000


def test_carbon__factor_of_the_hour_and_of_the_stations_region() -> None:
    hours = tuple(range(100, 124))
    policy = replace(POLICY, factors={**POLICY.factors, "XX": hours}, region_of={STATION: "XX"})
    assert [policy.factor(STATION, slot) for slot in (0, 3, 4, 95, 96)] == [100, 100, 101, 123, 100]
    assert policy.factor(UUID(int=9), 5) == 481
    assert step(Utility.CRB, Register(), [_fed(5, ONE)], 5, policy=policy).register.mintable == 101_000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3 * ONE), min_size=1, max_size=12))
def test_carbon__any_split__loses_nothing_to_rounding(fed: list[int]) -> None:
    register = Register()
    for slot, uwh in enumerate(fed, start=100):
        register = step(Utility.CRB, register, [_fed(slot, uwh)], slot).register
    energy = register.context["energy"]["mintable"]
    assert register.mintable * MICRO + register.context["carry"] == energy * 481


def _home(slot: int, drawn: int) -> Interval:
    return Interval(STATION, slot, {"meterWh": -drawn, "importWh": drawn, "exportWh": 0}, bytes(32))


def _with_baseline(drawn: int) -> Register:
    readings = [_home(slot, drawn) for slot in range(SLOTS_PER_DAY)]
    return step(Utility.EFF, Register(), readings, SLOTS_PER_DAY - 1, policy=QUICK).register


def test_saving__nothing_until_the_baseline_stands() -> None:
    register = _with_baseline(1_000)
    assert register.mintable == 0
    assert register.context["baseline"]["fixed"] == SLOTS_PER_DAY - 1


def test_saving__a_day_of_half__is_fifty_per_cent_and_a_worse_day_is_made_good_first() -> None:
    register = _with_baseline(960_000)
    saved = [_home(slot, 480_000) for slot in range(96, 192)]
    half = step(Utility.EFF, register, saved, 191, policy=QUICK).register
    assert 50 * ONE - 96 < half.mintable <= 50 * ONE
    more = [_home(slot, 1_200_000) for slot in range(192, 288)]
    worse = step(Utility.EFF, half, more, 287, policy=QUICK).register
    assert worse.mintable == half.mintable
    assert 25 * ONE - 192 < worse.net <= 25 * ONE
    again = step(Utility.EFF, worse, [_home(slot, 720_000) for slot in range(288, 384)], 383, policy=QUICK).register
    assert again.mintable == half.mintable


def test_saving__nothing_drawn_or_ten_times_as_much__is_bounded() -> None:
    register = _with_baseline(1_000)
    full = step(Utility.EFF, register, [_home(96, 0)], 96, policy=QUICK)
    assert full.energy == 100 * ONE // 96
    burst = step(Utility.EFF, register, [_home(96, 10_000)], 96, policy=QUICK)
    assert burst.register.net == -(-(-100 * ONE) // 96) - 1  # rounded down, against the one who mints


def test_saving__late_reading_of_the_baselines_time_and_another_version() -> None:
    register = _with_baseline(1_000)
    late = step(Utility.EFF, register, [replace(_home(50, 0), meter_id=None)], 96, policy=QUICK)
    assert late.register.mintable == 0
    newer = replace(QUICK, baseline_version=2)
    begun = step(Utility.EFF, register, [_home(96, 0)], 96, policy=newer)
    assert begun.register.mintable == 0
    assert begun.register.context["baseline"]["fixed"] is None


def test_saving__rounds_down_never_up() -> None:
    register = _with_baseline(7)
    assert step(Utility.EFF, register, [_home(96, 3)], 96, policy=QUICK).energy == 4 * 100 * ONE // (7 * 96)


values = st.integers(-MICRO, 30 * MICRO)


@settings(max_examples=60, deadline=None)
@given(
    utility=st.sampled_from([Utility.W, Utility.H, Utility.SRV, Utility.AGR, Utility.DATA]),
    amounts=st.lists(values, min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_any_order_and_any_batches__end_in_the_same_register(
    utility: Utility, amounts: list[int], cuts: set[int], order: object
) -> None:
    """Marks never fall, their steps sum up, and who delivers late ends where the punctual one ends."""
    readings = [
        reading(slot, waterM3=value, heat=value, devices={"srv_ops": value, "agr_kg": value})
        for slot, value in enumerate(amounts)
    ]
    at_once = step(utility, Register(), readings, 100).register
    shuffled = list(readings)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    register, bounds = Register(), [0, *sorted(cut for cut in cuts if cut < len(shuffled)), len(shuffled)]
    for number, (first, last) in enumerate(pairwise(bounds)):
        made = step(utility, register, shuffled[first:last], 100 + number)
        assert made.register.mintable >= register.mintable
        assert made.register.mintable == max(register.mintable, made.register.net)
        register = Register.from_json(made.register.to_json())
    assert register.mintable == at_once.mintable
    assert register.context == at_once.context


def test_signing_version__names_both_policies() -> None:
    assert signing_version(Utility.E, 10, QUALITY, book()) == QUALITY.version
    assert signing_version(Utility.W, 10, QUALITY, book()) == QUALITY.version * 1_000 + 1
