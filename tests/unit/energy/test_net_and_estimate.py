# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""E_net and the estimation ladder: exact integers, and never more than the meters say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.estimate.rules import Gap, estimate, scale
from energy.net.rules import e_net, register_energy, start_counters
from energy.policies.book import book

KWH = 10**9
CAP = 10 * KWH
POLICY = book().newest.of(0)
PPM = 1_000_000

energy = st.integers(-(10**12), 10**12)
positive = st.integers(0, 10**12)


def test_the_boundary_decides_where_there_is_one() -> None:
    meters = {
        "main": {"meterWh": 2, "exportWh": 5, "importWh": 3, "importRegisterWh": 100, "exportRegisterWh": 200},
        "pv": {"meterWh": 9, "genWh": 9},
    }
    net = e_net(meters, PPM)
    assert (net.uwh, net.method, net.node_uwh) == (2, "boundary", 9)
    assert start_counters(net) == {"importWh": 97, "exportWh": 195}


def test_without_a_boundary_it_is_generation_less_auxiliaries_and_losses_times_k() -> None:
    meters = {
        "pv": {"meterWh": 10, "genWh": 10},
        "wind": {"meterWh": 7, "genWh": 7},
        "aux": {"meterWh": 0, "auxWh": 2, "lossWh": 3},
    }
    assert e_net(meters, PPM).uwh == 12
    assert e_net(meters, 1_100_000).uwh == 11  # 3 × 1.1 is 3.3: the loss is rounded up
    assert not e_net(meters, PPM).counters


def test_discharge_is_never_generation() -> None:
    assert e_net({"main": {"meterWh": 8, "dischargeWh": 5}}, PPM).uwh == 3
    assert e_net({"main": {"meterWh": 8, "genWh": 6, "dischargeWh": 5}}, PPM).uwh == 6
    assert e_net({"battery": {"meterWh": 4, "chargeWh": 0, "dischargeWh": 4}}, PPM).uwh == 0


def test_only_one_meter_speaks_where_none_has_a_role() -> None:
    assert e_net({"a": {"meterWh": 5}, "b": {"meterWh": 5}}, PPM).uwh == 5
    assert e_net({"a": {"meterWh": 5}, "main": {"meterWh": 6}}, PPM).uwh == 6
    assert e_net({"aux": {"meterWh": 3, "auxWh": 3}}, PPM).uwh == -3


@given(positive, positive, positive, st.integers(PPM, 2 * PPM))
def test_the_safety_factor_never_makes_energy(gen: int, aux: int, loss: int, k: int) -> None:
    net = e_net({"main": {"meterWh": gen, "genWh": gen, "auxWh": aux, "lossWh": loss}}, k).uwh
    assert gen - aux - 2 * loss <= net <= gen - aux - loss
    assert (gen - aux - net - 1) * PPM < loss * k <= (gen - aux - net) * PPM


def test_registers_that_fell_tell_nothing() -> None:
    assert register_energy({"importWh": 5, "exportWh": 5}, {"importWh": 6, "exportWh": 9}) == 3
    assert register_energy({"importWh": 5, "exportWh": 5}, {"importWh": 6, "exportWh": 4}) is None
    assert register_energy({"genWh": 5}, {"exportWh": 6}) is None
    assert register_energy({}, {}) is None


@given(st.lists(energy, min_size=1, max_size=12), energy)
def test_a_scaled_shape_sums_exactly(shape: list[int], total: int) -> None:
    values = scale(shape, total)
    assert sum(values) == total
    assert len(values) == len(shape)


@given(st.lists(positive, min_size=1, max_size=12).filter(any), st.integers(1, 10**12))
def test_a_generation_is_scaled_without_a_negative_slot(shape: list[int], total: int) -> None:
    values = scale(shape, total)
    assert min(values) >= 0
    assert [0 for value, part in zip(values, shape, strict=True) if part == 0 and value] == []


@given(energy, energy, st.integers(1, 8))
def test_a_line_stays_between_its_ends(left: int, right: int, slots: int) -> None:
    found = estimate(Gap(1, slots, left_uwh=left, right_uwh=right), cap_uwh=CAP, policy=POLICY)
    assert found.method == "E3"
    assert all(min(left, right) <= value <= max(left, right) for value in found.values)
    assert sorted(found.values, reverse=left > right) == list(found.values)
    assert found.counted(mint=False) == min(sum(found.values), 0)


@pytest.mark.parametrize(
    ("gap", "method", "values", "total"),
    [
        (Gap(1, 2, {"genWh": 0}, {"genWh": 7}), "E5", (3, 4), 7),
        (Gap(1, 2, {"genWh": 0}, {"genWh": 9}, 1, 4), "E3+E5", (3, 6), 9),
        (Gap(1, 2, {"genWh": 9}, {"genWh": 0}, 1, 4), "E3", (2, 3), None),
        (Gap(1, 2, {"genWh": 0}, {"genWh": 26 * KWH}, 1, 4), "E3", (2, 3), None),
        (Gap(1, 2, {"genWh": 0}, None, 1, None), "E6", (0, 0), None),
        (Gap(1, 9, {"genWh": 0}, {"genWh": 9}, 1, 4), "E5", (0,) * 9, 9),
        (Gap(1, 9, None, None, 1, 4), "E6", (0,) * 9, None),
    ],
    ids=["registers", "registers and neighbours", "fell", "not believable", "nothing", "long", "long, no registers"],
)
def test_the_ladder(gap: Gap, method: str, values: tuple[int, ...], total: int | None) -> None:
    found = estimate(gap, cap_uwh=CAP, policy=POLICY)
    assert (found.method, found.values, found.total) == (method, values, total)
    assert found.counted(mint=False) == 0


def test_a_long_gaps_deficit_counts_and_its_surplus_only_by_policy() -> None:
    down = estimate(Gap(1, 9, {"importWh": 0}, {"importWh": 9}), cap_uwh=CAP, policy=POLICY)
    assert (down.counted(mint=False), down.counted(mint=True)) == (-9, -9)
    up = estimate(Gap(1, 9, {"genWh": 0}, {"genWh": 9}), cap_uwh=CAP, policy=POLICY)
    assert (up.counted(mint=False), up.counted(mint=True)) == (0, 9)
    first = estimate(Gap(1, 9, {"genWh": 0}, {"genWh": 9}), cap_uwh=CAP, policy=book().version(1).of(0))
    assert (first.method, first.counted(mint=True)) == ("E6", 0)
