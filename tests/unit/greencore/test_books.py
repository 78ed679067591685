# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The verdict of the demo: agreement is told as agreement, and every kind of disagreement is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain.market import Asset
from greencore.demo.books import ChainSide, verdict
from greencore.demo.observe import Row, View
from greencore.demo.stations import Station, plan
from greencore.demo.trading.books import MarketSide
from greencore.stack import Stack
from kit.ids import station_number
from oracle.rules import Leaf

SLOT, UWH = 2_000_000, 5_000_000_000
TO_OWNER = UWH - UWH // 50
BURNED = UWH // 7
E = Asset(bytes(20), 1, erc1155=True)
STATION = plan([])[0]
NUMBER = station_number(STATION.id)
LEAF = Leaf(1, NUMBER, 1, bytes(20), SLOT, 0, UWH, UWH, 2, bytes(32))
AGREED = ChainSide(
    slot=SLOT,
    total_uwh=UWH,
    leaves={NUMBER: LEAF},
    settled={NUMBER: UWH},
    minted={NUMBER: UWH},
    to_owner={NUMBER: TO_OWNER},
    given={NUMBER: TO_OWNER},
    supply_uwh=TO_OWNER - BURNED,
    issued_uwh=TO_OWNER,
    burned_uwh=BURNED,
    market=MarketSide({E: 7}, {E: 7}, orders=1, trades=1, index_worth=5_000_000, index_supply=5),
)
SEEN = Row(STATION.name, built=9, delivered=9, accepted=9)


def judge(
    tmp_path: Path, chain: ChainSide = AGREED, row: Row = SEEN, *, last: int = SLOT, pending: int = 0
) -> dict[str, Any]:
    folder = tmp_path / "edge" / STATION.name
    folder.mkdir(parents=True)
    status = {"pending": pending, "receipts": {"accepted": 9, "rejected": 0, "conflict": 0}, "last_slot": None}
    (folder / "status.json").write_text(json.dumps(status))
    stack = cast("Stack", SimpleNamespace(folder=SimpleNamespace(root=tmp_path)))
    stations: list[Station] = [STATION]
    return verdict(stations, stack, View({STATION.name: row}), chain, last_slot=last)


def test_agreement(tmp_path: Path) -> None:
    told = judge(tmp_path)
    assert told["reconciled"] is True
    (station,) = told["stations"]
    assert (station["oracle_uwh"], station["chain_uwh"]) == (str(UWH), str(UWH))
    assert (station["sent"], station["accepted"]) == (9, 9)
    assert station["findings"] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda chain: replace(chain, total_uwh=UWH + 1),
        lambda chain: replace(chain, minted={NUMBER: UWH + 1}),
        lambda chain: replace(chain, settled={NUMBER: UWH - 1}),
        lambda chain: replace(chain, leaves={NUMBER: replace(LEAF, mintable=UWH - 1)}),
        lambda chain: replace(chain, leaves={}),
        lambda chain: replace(chain, given={NUMBER: TO_OWNER - 1}),
        lambda chain: replace(chain, supply_uwh=TO_OWNER),
        lambda chain: replace(chain, minted={NUMBER: UWH, 7: 1}),
        lambda chain: replace(chain, market=replace(chain.market, held={E: 8})),
        lambda chain: replace(chain, market=replace(chain.market, held={E: 6})),
        lambda chain: replace(chain, market=replace(chain.market, index_worth=4_999_999)),
    ],
)
def test_a_chain_that_differs_by_one_is_found(tmp_path: Path, change: Callable[[ChainSide], ChainSide]) -> None:
    assert judge(tmp_path, change(AGREED))["reconciled"] is False


def test_what_is_still_on_its_way_is_no_agreement(tmp_path: Path) -> None:
    assert judge(tmp_path, last=SLOT + 1)["checks"]["every_recorded_slot_is_reported"] is False


@pytest.mark.parametrize(("row", "pending"), [(replace(SEEN, accepted=8), 0), (SEEN, 1)])
def test_an_interval_without_receipt_or_row_is_found(tmp_path: Path, row: Row, pending: int) -> None:
    told = judge(tmp_path, row=row, pending=pending)
    assert told["reconciled"] is False
    assert len(told["stations"][0]["findings"]) == 1
