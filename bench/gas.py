# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Gas of everything that the contracts do, from the receipts of a real anvil.

`python -m bench gas` prints a table and one JSON object per row. `--quick` leaves out the tree of 1,000,000 stations
(it takes most of a minute to build). `--write` renews the snapshot, docs/gas.json, and its table, docs/gas.md.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, finish
from bench.gas_chain import anvil_house
from bench.gas_rows import Bench, Row

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "docs" / "gas.json"
TABLE = ROOT / "docs" / "gas.md"
REFRESH = "python -m bench gas --write"
SNAPSHOT_SIZES = (1, 1_000, 100_000)
ALL_SIZES = (*SNAPSHOT_SIZES, 1_000_000)

_HEAD = """# Gas

Written by `{refresh}` from the receipts of transactions on anvil (Cancun), exact to the unit and the same on every machine.
A test compares docs/gas.json with the contracts as they are; a change of a contract comes with the change of its numbers.
Size is the number of stations in the slot, of slots settled, or of readings. The proof of a claim grows with the row by
one hash a doubling; nothing else grows with it. A report's few units between sizes are the bytes of its larger numbers.

| what | size | gas | target | beside it, in the same run |
|---|---|---|---|---|
"""


def measure(sizes: Sequence[int] = SNAPSHOT_SIZES) -> list[Row]:
    """Every figure, on a fresh chain. Sizes are the rows of stations that reports and claims are measured with."""
    with anvil_house() as house:
        return list(Bench(house, sizes).figures())


def snapshot(rows: Sequence[Row]) -> str:
    """The snapshot file: whole transactions, in the order of the table."""
    return json.dumps({f"{row.name} [{row.size}]": row.gas for row in rows}, indent=2) + "\n"


def table(rows: Sequence[Row]) -> str:
    """The Markdown page."""
    lines = []
    for row in rows:
        beside = ""
        if row.baseline:
            times = row.baseline_gas / row.value
            beside = f"{row.baseline}: {row.baseline_gas:,.0f} ({times:.1f}×)"
        target = f"≤ {row.target:,}" if row.target else ""
        value = f"{row.value:,}" + ("" if row.target is None or row.value <= row.target else " **missed**")
        lines.append(f"| {row.name} | {row.size:,} | {value} | {target} | {beside} |\n")
    missed = [row for row in rows if row.target is not None and row.value > row.target]
    reasons = dict.fromkeys(f"\n{row.name}: {row.reason}.\n" for row in missed if row.reason)
    return _HEAD.format(refresh=REFRESH) + "".join([*lines, *reasons])


def as_figure(row: Row) -> Figure:
    """The row as every bench prints it."""
    return Figure(row.name, row.value, "gas", row.size, row.baseline or None, row.baseline_gas or None)


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="python -m bench gas", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the tree of 1,000,000 stations")
    parser.add_argument("--write", action="store_true", help="renew docs/gas.json and docs/gas.md")
    options = parser.parse_args()
    began = time.monotonic()
    rows = measure(SNAPSHOT_SIZES if options.quick or options.write else ALL_SIZES)
    if options.write:
        SNAPSHOT.write_text(snapshot(rows))
        TABLE.write_text(table(rows))
    width = max(len(row.name) for row in rows)
    missed = [row for row in rows if row.target is not None and row.value > row.target]
    print(f"{'':{width}} {'size':>9} {'gas':>11} {'target':>9}")
    for row in rows:
        target = f"{row.target:,}" if row.target else ""
        note = f"  {row.baseline}: {row.baseline_gas:,.0f}" if row.baseline else ""
        note += "  MISSED" if row in missed else ""
        print(f"{row.name:{width}} {row.size:9,} {row.value:11,} {target:>9}{note}")
    print(f"anvil, Cancun; {time.monotonic() - began:.1f} s")
    finish([as_figure(row) for row in rows])


if __name__ == "__main__":
    main()
