# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The gas bench tells what was measured under the promised names, beside its target, and says when that is missed."""

import json

from bench.gas import as_figure, snapshot, table
from bench.gas_row import Row

TAKE = Row(
    "take, so many makers", 10, 50_539, 51_000, baseline="loop", baseline_gas=134_628, figure="take_10", part="Book"
)
CLAIM = Row("claim, filled", 1, 50_343, 46_000, figure="claim", part="Book", reason="a fee has a word of its own")
MINT = Row("direct, per reading", 100, 112_030, 1_180, per=100, part="Energy")


def test_figure__with_a_target_and_a_baseline__tells_both() -> None:
    told = json.loads(as_figure(TAKE).to_json())
    assert told == {
        "name": "take_10",
        "value": 50_539,
        "unit": "gas",
        "size": 10,
        "target": 51_000,
        "baseline": "loop",
        "baseline_value": 134_628,
        "ratio": 0.3754,
    }


def test_figure__without_a_promised_name__has_its_own() -> None:
    told = json.loads(as_figure(Row("place, far away", 1, 114_525)).to_json())
    assert told == {"name": "place, far away", "value": 114_525, "unit": "gas", "size": 1}


def test_row__per_part__is_compared_with_its_target_by_part() -> None:
    assert (MINT.value, MINT.missed) == (1_120.3, False)
    assert CLAIM.missed


def test_table__a_missed_target__says_so_and_why() -> None:
    page = table([MINT, TAKE, CLAIM])
    assert "| take, so many makers `take_10` | 10 | 50,539 | ≤ 51,000 | loop: 134,628 (2.7×) |\n" in page
    assert "| claim, filled `claim` | 1 | 50,343 **missed** | ≤ 46,000 |  |\n" in page
    assert "\nclaim, filled: a fee has a word of its own.\n" in page
    assert page.index("## Energy") < page.index("| direct, per reading | 100 | 1,120.3 |") < page.index("## Book")


def test_snapshot__every_row__is_a_whole_transaction() -> None:
    assert json.loads(snapshot([MINT, TAKE])) == {
        "direct, per reading [100]": 112_030,
        "take, so many makers [10]": 50_539,
    }
