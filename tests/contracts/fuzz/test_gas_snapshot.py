# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The gas of every operation, to the unit, is reviewed like code: a change of a contract shows what it costs."""

import json

import pytest

from bench.gas import REFRESH, SNAPSHOT, TABLE, measure, snapshot, table
from bench.gas_row import Row

PROMISED = [
    "place_live_recycled",
    "place_live_new",
    "place_empty_recycled",
    "place_empty_new",
    "cancel_tail",
    "cancel_middle",
    "claim",
    "take_1",
    "take_10",
    "take_100",
    "take_1000",
    "take_empties",
    "sweep_3_over_3000_ticks",
    "report_signature",
    "report_1_station",
    "direct_mint_100",
    "direct_mint_1000",
    "pilot_2_owners",
    "pilot_10_owners",
    "claim_repeat_1000",
    "claim_first",
]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Measured now, on a real anvil."""
    return measure()


def test_gas__every_operation__is_the_committed_snapshot(rows: list[Row]) -> None:
    committed: dict[str, int] = json.loads(SNAPSHOT.read_text())
    measured: dict[str, int] = json.loads(snapshot(rows))
    changes = [
        f"  {name}: {committed.get(name, 'new')} → {measured.get(name, 'gone')}"
        for name in {**committed, **measured}
        if committed.get(name) != measured.get(name)
    ]
    assert not changes, "\n".join(
        [
            "gas is another than docs/gas.json says:",
            *changes,
            f"If that is meant, run `{REFRESH}` and commit both files.",
        ]
    )


def test_gas__table__is_written_from_the_same_run(rows: list[Row]) -> None:
    assert TABLE.read_text() == table(rows), f"docs/gas.md is stale; run `{REFRESH}`"


def test_gas__report__costs_the_same_for_any_number_of_stations(rows: list[Row]) -> None:
    """Apart from calldata: 12 gas more for every byte of a number that is not zero any longer."""
    gas = [row.gas for row in rows if row.name == "report, 3 of 4 signatures"]
    assert len(gas) == 3
    bytes_of_numbers = 4 + 12 + 12  # stations, increase, total
    hashes_luck = 3 * 32  # root, data hash and signatures may hold a zero byte more or less
    assert max(gas) - min(gas) <= 12 * (bytes_of_numbers + hashes_luck // 8)


def test_gas__claim__does_not_grow_with_the_slots_it_settles(rows: list[Row]) -> None:
    one = next(row.gas for row in rows if row.name == "claim, repeated" and row.size == 1_000)
    many = [row.gas for row in rows if row.name == "claim, repeated, settling many slots"]
    assert len(many) == 2
    assert all(abs(gas - one) <= 12 * 40 for gas in many)


def test_gas__take__costs_the_same_for_any_number_of_makers(rows: list[Row]) -> None:
    """Apart from calldata: the lots of 1,000 makers are two bytes longer."""
    gas = [row.gas for row in rows if row.figure in ("take_1", "take_10", "take_100", "take_1000")]
    assert len(gas) == 4
    assert max(gas) - min(gas) <= 12 * 3


def test_gas__every_target__belongs_to_one_row(rows: list[Row]) -> None:
    """What the benches of the project promise by name is there once; the two of a million stations take the whole bench."""
    figures = [row.figure for row in rows if row.figure]
    assert sorted(figures) == sorted(PROMISED)


def test_gas__a_target_that_is_missed__has_its_reason(rows: list[Row]) -> None:
    missed = {row.name: row.value for row in rows if row.missed and not row.reason}
    assert missed == {}
