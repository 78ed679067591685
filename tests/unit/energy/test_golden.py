# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the research measured on real data, held as golden numbers: on series that come along, and on labelled ones if fetched."""

import pytest

from bench.qa_data import CACHE, Series, marked
from bench.qa_faults import Score, labelled
from energy.day.like import like_estimate
from energy.day.rules import DAY_SLOTS, Day, Values, judge_day
from energy.policies.book import book
from simulator.library import load

PV, GENERIC = book().newest.of(1), book().newest.of(0)
FETCHED = CACHE / "pvanalytics" / "data"


def days_of(name: str, way: str) -> dict[int, Values]:
    """A built-in series by local day: what was delivered, or drawn, µWh a slot."""
    profile = load(name)
    steps = profile.export_uwh if way == "export" else profile.import_uwh
    per = 900 // profile.step
    slots = [sum(it or 0 for it in steps[at : at + per]) for at in range(0, len(steps) - per + 1, per)]
    return {day: slots[at : at + DAY_SLOTS] for day, at in enumerate(range(0, len(slots) - 95, DAY_SLOTS), 100)}


@pytest.mark.parametrize(
    ("name", "way", "flagged"), [("pv", "export", 0), ("household", "export", 0), ("household", "import", 1)]
)
def test_few_real_days_have_a_highest_slot_far_above_the_third(name: str, way: str, flagged: int) -> None:
    days = days_of(name, way)
    cap = max(max(it or 0 for it in values) for values in days.values())
    found = [
        number
        for number, values in days.items()
        if "V10" in {rule.id for rule, _ in judge_day(Day(number, values, 0, cap), GENERIC)}
    ]
    assert len(found) == flagged


def test_a_line_is_better_for_two_hours_and_a_like_day_for_half_a_day() -> None:
    days = days_of("pv", "export")

    def errors(first: int, slots: int) -> tuple[int, int]:
        line = like = 0
        for day in range(110, 135):
            truth = [days[day][at] or 0 for at in range(first, first + slots)]
            left, right = days[day][first - 1] or 0, days[day][first + slots] or 0
            drawn = [left + (right - left) * number // (slots + 1) for number in range(1, slots + 1)]
            others = {number: values for number, values in days.items() if number != day}
            found = like_estimate(day * 96 + first, day * 96 + first + slots - 1, others, PV)
            assert found is not None
            line += sum(abs(one - other) for one, other in zip(drawn, truth, strict=True))
            like += sum(abs(one - other) for one, other in zip(found.values, truth, strict=True))
        return line, like

    line, like = errors(44, 8)
    assert line < like
    line, like = errors(26, 48)
    assert like < line


@pytest.fixture(scope="module")
def real() -> dict[str, Series]:
    """The labelled series of pvanalytics."""
    if not FETCHED.exists():
        pytest.skip("labelled data is not here: `make bench BENCH=qa` fetches pvanalytics 0.2.2 into .cache/qa")
    return marked(FETCHED)


def test_all_labelled_stale_values_are_found_and_nothing_else(real: dict[str, Series]) -> None:
    assert labelled(real["stale"])["V11"] == Score(245, 245, 245, 245)


def test_labelled_outliers_are_held_or_warned_of(real: dict[str, Series]) -> None:
    scores = labelled(real["outliers"])
    assert scores["V8"] == Score(6, 3, 3, 3)
    assert scores["held or V10h"].found >= 5
