# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The formula of a home's income: exact, rounded once a line, the same for any pieces."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from flows.homes.rules import COEFFICIENT_ONE, IN_INCOME, Adjustment, Line, lines_of, total
from kit.units import Utility

TOKEN = GCM = 10**9


def test_income__the_formula_of_the_protocol() -> None:
    minted = [
        (Utility.E, 2_000_000, 10 * TOKEN),
        (Utility.H, 500_000, 4 * TOKEN),
        (Utility.W, 100_000, 3 * TOKEN),
        (Utility.EFF, 1_000_000, 5 * TOKEN),
        (Utility.DATA, 1_000, 96 * TOKEN),
        (Utility.SRV, 250_000, 2 * TOKEN),
    ]
    lines = lines_of(minted)
    assert [line.utility.name for line in lines] == ["E", "H", "W", "SRV", "DATA", "EFF"]
    assert total(lines, [Adjustment("penalty", GCM), Adjustment("bonus", GCM // 2)]) == (
        20 * GCM + 2 * GCM + GCM * 3 // 10 + 5 * GCM + GCM * 96 // 1_000 + GCM // 2 - GCM + GCM // 2
    )


def test_income__harvest_carbon_and_devices__have_no_place_in_it() -> None:
    assert lines_of([(code, COEFFICIENT_ONE, TOKEN) for code in (Utility.AGR, Utility.CRB, Utility.DEV)]) == []


def test_income__coefficient_that_changed__two_lines() -> None:
    lines = lines_of([(1, 3, TOKEN), (1, 5, TOKEN), (1, 3, TOKEN)])
    assert [(line.coefficient, line.units) for line in lines] == [(3, 2 * TOKEN), (5, TOKEN)]


def test_income__penalties_outweigh__is_below_zero() -> None:
    assert total([Line(Utility.E, 1, 1)], [Adjustment("penalty", 7)]) == -7


claims = st.lists(
    st.tuples(st.sampled_from(list(Utility)), st.sampled_from((0, 1, 333_333, 10**9)), st.integers(0, 10**24)),
    max_size=20,
)


@given(claims, st.randoms(use_true_random=False))
def test_income__any_order__never_above_the_exact_sum_and_a_unit_a_line_below_it(
    minted: list[tuple[int, int, int]], order: object
) -> None:
    lines = lines_of(minted)
    shuffled = list(minted)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lines_of(shuffled) == lines
    exact = sum(Fraction(units * c, COEFFICIENT_ONE) for utility, c, units in minted if utility in IN_INCOME)
    assert exact - len(lines) < total(lines, []) <= exact or not lines
