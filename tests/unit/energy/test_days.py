# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rules about days at their thresholds; like days and their donors; the table of all rules."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from energy.day.like import like_estimate, nearest
from energy.day.rules import DAY_RULES, DAY_SLOTS, Day, Values, judge_day, local_counts, outliers
from energy.policies.book import book
from energy.policy import Thresholds
from energy.quality.rules import RULES
from energy.quality.table import LADDER, TABLE, markdown
from greencore.cli import main

KWH = 10**9
CAP = 10 * KWH
PV, HOUSEHOLD, WIND = (book().newest.of(kind) for kind in (1, 2, 4))
FLAT = [KWH] * DAY_SLOTS
HILL = [max(0, 20 - abs(at - 48)) * KWH // 10 for at in range(DAY_SLOTS)]


def day(values: Values, **more: object) -> Day:
    return replace(Day(100, values, 0, CAP), **more)  # type: ignore[arg-type]  # names are those of Day


def fired(one: Day, policy: Thresholds = PV) -> dict[str, str]:
    return {rule.id: result for rule, (result, _) in judge_day(one, policy)}


def put(values: list[int], at: int, value: int) -> list[int]:
    return [*values[:at], value, *values[at + 1 :]]


CASES = {
    "count": (day(FLAT), day(FLAT, missing=1), "V5", "gap"),
    "spike of a day": (day(put(FLAT, 9, 2 * KWH)), day(put(FLAT, 9, 2 * KWH + 1)), "V10", "warn"),
    "outlier": (day(put(FLAT, 9, KWH + CAP // 20)), day(put(FLAT, 9, KWH + CAP // 20 + 1)), "V10h", "warn"),
    "dark": (
        day([0] * 15 + FLAT[15:], sun=[100_001] * 96),
        day([0] * 16 + FLAT[16:], sun=[100_001] * 96),
        "V12",
        "suspect",
    ),
    "night": (
        day([0] * 16 + FLAT[16:], sun=[100_000] * 96),
        day([0] * 16 + FLAT[16:], sun=[100_001] * 96),
        "V12",
        "suspect",
    ),
    "high": (day(FLAT, like=[48 * KWH] * 3), day(put(FLAT, 0, KWH + 1), like=[48 * KWH] * 3), "V13", "warn"),
    "low": (day(FLAT, like=[192 * KWH] * 3), day(put(FLAT, 0, KWH - 1), like=[192 * KWH] * 3), "V13", "warn"),
    "too few like days": (day(FLAT, like=[KWH] * 2), day(FLAT, like=[KWH] * 3), "V13", "warn"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_on_one_side_of_its_threshold_only(name: str) -> None:
    silent, loud, rule, result = CASES[name]
    assert rule not in fired(silent)
    assert fired(loud)[rule] == result


def test_every_rule_about_days_is_tried_and_none_judges_a_gust() -> None:
    assert {rule.id for rule in DAY_RULES} == {rule for _, _, rule, _ in CASES.values()}
    assert fired(day(put(FLAT, 9, 9 * KWH), like=[KWH] * 3), WIND) == {}


@pytest.mark.parametrize(("day_of", "expected"), [((2026, 3, 29), 92), ((2026, 10, 25), 100), ((2026, 6, 1), 96)])
def test_people_have_days_of_92_and_100_quarter_hours(day_of: tuple[int, int, int], expected: int) -> None:
    assert local_counts(lambda slot: slot % 4 != 0, date(*day_of), ZoneInfo("Europe/Berlin")) == (
        expected,
        expected * 3 // 4,
    )


def test_outliers_are_those_far_from_their_neighbours_only() -> None:
    values: Values = [KWH, None, KWH + 5, KWH - 3, 7 * KWH, KWH + 1, KWH, None, KWH + 2, KWH - 4, KWH]
    assert outliers(values, window=11, mad_ppm=3_000_000, floor_uwh=10) == [4]
    assert outliers([None, 5, None], window=11, mad_ppm=1, floor_uwh=0) == []


def test_a_gap_is_given_by_the_nearest_days_that_are_whole() -> None:
    days: dict[int, Values] = {number: [number * KWH] * 96 for number in (90, 95, 98, 99, 101)}
    days[99] = [*days[99][:50], None, *days[99][51:]]
    found = like_estimate(100 * 96 + 40, 100 * 96 + 59, days, PV)
    assert found is not None
    assert (found.donors, found.method, found.haircut_ppm) == ((95, 98, 101), "E4", 100_000)
    assert set(found.values) == {98 * KWH}
    assert like_estimate(100 * 96, 100 * 96 + 10, {70: FLAT}, PV) is None  # a month ago is not like today


def test_a_house_is_like_itself_on_the_same_kind_of_day() -> None:
    monday = 4 + 7 * 100  # day 4 was a Monday
    days: dict[int, Values] = dict.fromkeys(range(monday - 9, monday), FLAT)
    assert nearest(monday, range(96), days, HOUSEHOLD) == [monday - 3, monday - 4, monday - 5]
    assert nearest(monday, range(96), days, PV) == [monday - 1, monday - 2, monday - 3]


def test_like_days_are_scaled_by_the_sun_and_by_registers() -> None:
    days: dict[int, Values] = {99: HILL, 98: HILL, 97: HILL}
    gap = (100 * 96 + 40, 100 * 96 + 55)
    bright = {99: [400_000] * 96, 98: [400_000] * 96, 97: [400_000] * 96, 100: [200_000] * 96}
    plain, dimmed = (like_estimate(*gap, days, PV, sun=sun) for sun in (None, bright))
    assert plain is not None
    assert dimmed is not None
    assert [value // 2 for value in plain.values] == list(dimmed.values)
    scaled = like_estimate(*gap, days, PV, total=7 * KWH + 1)
    assert scaled is not None
    assert (sum(scaled.values), scaled.method) == (7 * KWH + 1, "E4+E5")


@given(
    st.lists(st.integers(-CAP, CAP), min_size=96, max_size=96),
    st.integers(0, 95),
    st.integers(1, 200),
    st.integers(-(10**12), 10**12),
)
def test_whatever_the_donors_say_the_sum_is_the_registers(values: list[int], at: int, length: int, total: int) -> None:
    days: dict[int, Values] = dict.fromkeys([*range(95, 100), *range(104, 109)], values)
    found = like_estimate(100 * 96 + at, 100 * 96 + at + length - 1, days, PV, total=total)
    assert found is not None
    assert (len(found.values), sum(found.values)) == (length, total)


def test_the_table_holds_every_rule_and_the_docs_hold_the_table() -> None:
    assert {line.id for line in TABLE} >= {f"V{number}" for number in range(18)}
    assert [rung.id for rung in LADDER] == ["E1", "E2", "E3", "E4", "E5", "E6"]
    heart = {(rule.id, rule.version) for rule in RULES}
    assert heart <= {(line.id, line.version) for line in TABLE if line.layer == "heart"}
    assert {rule.id for rule in DAY_RULES} == {line.id for line in TABLE if line.layer == "platform"}
    named = {name for line in TABLE for name in line.thresholds}
    assert named <= set(Thresholds.__dataclass_fields__)
    docs = Path(__file__).parents[3] / "docs" / "energy.md"
    assert markdown() in docs.read_text(encoding="utf-8")


def test_an_operator_sees_the_rules_and_every_number_with_its_reason() -> None:
    run = CliRunner().invoke
    assert run(main, ["energy", "rules", "--markdown"]).output == markdown()
    shown = run(main, ["energy", "rules", "--class", "wind"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "power goes with the cube of the wind" in shown.output
    assert book().newest.digest in shown.output
    wrong = run(main, ["energy", "rules", "--class", "moon"])
    assert wrong.exit_code == 2
    assert "constant" in wrong.output
    assert "there are [1, 2]" in run(main, ["energy", "rules", "--policy", "9"]).output
