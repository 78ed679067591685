# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Gas of everything that the contracts do, from the receipts of a real anvil.

`python -m bench gas` prints a table and one JSON object per row. `--quick` leaves out the tree of 1,000,000 stations
(it takes most of a minute to build). `--write` renews the snapshot, docs/gas.json, and its table, docs/gas.md.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

from bench.figures import Figure, finish
from bench.gas_book import BookBench
from bench.gas_certificates import CertificateBench
from bench.gas_chain import House, anvil_chain
from bench.gas_dao import DaoBench
from bench.gas_floor import Floor
from bench.gas_money import MoneyBench
from bench.gas_row import Row
from bench.gas_rows import Bench
from bench.gas_wallets import WalletBench

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "docs" / "gas.json"
TABLE = ROOT / "docs" / "gas.md"
REFRESH = "python -m bench gas --write"
SNAPSHOT_SIZES = (1, 1_000, 100_000)
ALL_SIZES = (*SNAPSHOT_SIZES, 1_000_000)

_HEAD = """# Gas

Written by `{refresh}` from the receipts of transactions on anvil (Cancun), exact to the unit and the same on every machine.
A test compares docs/gas.json with the contracts as they are; a change of a contract comes with the change of its numbers.
Names like this: `take_1` are those of the figures that have targets.
"""

_COLUMNS = """
| what | size | gas | target | beside it, in the same run |
|---|---|---|---|---|
"""

_PARTS = {
    "Energy": """Size is the number of stations in the slot, of slots settled, or of readings. The proof of a claim grows with the
row by one hash a doubling; nothing else grows with it. A report's few units between sizes are the bytes of its larger
numbers.""",
    "Certificates": """Ranges of 100 Wh, cited with the proof of one of 1,002 stations; size is the number of ranges.""",
    "Book": """One transaction of an account that has balances in the vault, in a market with fees of 0.1 % for makers and 0.2 % for
takers. Size is the number of orders at the price, or of levels. A used place is one whose order was closed before. The book
beside it is contracts/mocks/NaiveBook.vy: one word an order, one an account, no fees, no checks, no tokens; it pays each
maker and goes from tick to tick.""",
    "Wallets, pool and router": """From a wallet that has approved once, or signs a permit. Size is the number of levels; what
the router sees of both sides it weighs on chain, so it pays for looking at every level.""",
    "Index, coin, bank and settlement": """Size is the number of utilities in the basket, or of positions in a window, each of
which pays out of a deposit or into one.""",
    "Marketplace, assets, votes, earnings, rounds": """Size is the number of periods, or of orders in a round.""",
}


class Measured(Protocol):
    """Yields its rows, in order."""

    def figures(self) -> Iterator[Row]:
        """The rows."""
        ...


def measure(sizes: Sequence[int] = SNAPSHOT_SIZES) -> list[Row]:
    """Every figure, on fresh chains. Sizes are the rows of stations that reports and claims are measured with."""
    rows: list[Row] = []
    houses: dict[str, Callable[[House], Measured]] = {
        "Energy": lambda house: Bench(house, sizes),
        "Certificates": CertificateBench,
    }
    for part, made in houses.items():
        with anvil_chain() as chain:
            rows += [replace(row, part=part) for row in made(House(chain)).figures()]
    floors: dict[str, Callable[[Floor], Measured]] = {
        "Book": BookBench,
        "Wallets, pool and router": WalletBench,
        "Index, coin, bank and settlement": MoneyBench,
        "Marketplace, assets, votes, earnings, rounds": DaoBench,
    }
    with anvil_chain() as chain:
        floor = Floor(chain)
        for part, opened in floors.items():
            with chain.undone():
                rows += [replace(row, part=part) for row in opened(floor).figures()]
    return rows


def snapshot(rows: Sequence[Row]) -> str:
    """The snapshot file: whole transactions, in the order of the table."""
    return json.dumps({f"{row.name} [{row.size}]": row.gas for row in rows}, indent=2) + "\n"


def table(rows: Sequence[Row]) -> str:
    """The Markdown page."""
    page = _HEAD.format(refresh=REFRESH)
    for part, members in groupby(rows, lambda row: row.part):
        page += f"\n## {part}\n\n{_PARTS[part]}\n{_COLUMNS}"
        lines = list(members)
        page += "".join(map(_line, lines))
        page += "".join(dict.fromkeys(f"\n{row.name}: {row.reason}.\n" for row in lines if row.missed and row.reason))
    return page


def _line(row: Row) -> str:
    beside = ""
    if row.baseline:
        beside = f"{row.baseline}: {row.baseline_gas:,.0f} ({row.baseline_gas / row.value:.1f}×)"
    name = f"{row.name} `{row.figure}`" if row.figure else row.name
    target = f"≤ {row.target:,}" if row.target else ""
    value = f"{row.value:,}" + (" **missed**" if row.missed else "")
    return f"| {name} | {row.size:,} | {value} | {target} | {beside} |\n"


def as_figure(row: Row) -> Figure:
    """The row as every bench prints it."""
    name = row.figure or row.name
    return Figure(name, row.value, "gas", row.size, row.baseline or None, row.baseline_gas or None, row.target)


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
    print(f"{'':{width}} {'size':>9} {'gas':>11} {'target':>9}")
    for row in rows:
        target = f"{row.target:,}" if row.target else ""
        note = f"  {row.baseline}: {row.baseline_gas:,.0f}" if row.baseline else ""
        note += "  MISSED" if row.missed else ""
        print(f"{row.name:{width}} {row.size:9,} {row.value:11,} {target:>9}{note}")
    print(f"anvil, Cancun; {time.monotonic() - began:.1f} s")
    finish([as_figure(row) for row in rows])


if __name__ == "__main__":
    main()
