# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The gas of every operation, to the unit, is reviewed like code: a change of a contract shows what it costs."""

import json

import pytest

from bench.gas import REFRESH, SNAPSHOT, TABLE, measure, snapshot, table
from bench.gas_rows import Row


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
