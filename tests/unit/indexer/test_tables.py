# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Every event of ours becomes rows of exactly one table that exists, with nothing left out."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer.models  # noqa: F401  (the tables)
from chain.contract import load_abi
from indexer.projection import DecodedLog
from indexer.tables import OTHER, TABLES, rows_of
from kit.database import Base
from tests.unit.indexer.test_abi import NOON, OURS, values_of


def decoded(contract: str, event: str, args: dict[str, Any]) -> DecodedLog:
    return DecodedLog(
        contract=contract,
        event=event,
        args=args,
        address=b"\xa1" * 20,
        block_number=7,
        block_hash=b"\xb1" * 32,
        block_time=NOON,
        tx_hash=b"\xc1" * 32,
        log_index=3,
    )


def test_every_table_row__is_of_an_event_that_exists() -> None:
    assert set(TABLES) <= set(OURS)


@pytest.mark.parametrize(("contract", "event"), OURS, ids=str)
@given(data=st.data())
def test_event_of_ours__becomes_rows(contract: str, event: str, data: st.DataObject) -> None:
    inputs = load_abi(contract).events[event].inputs
    args = {i["name"]: data.draw(values_of(i["type"])) for i in inputs}
    if event == "TransferBatch":
        args["_values"] = [n + 1 for n in range(len(args["_ids"]))]
    ((table, rows),) = rows_of([decoded(contract, event, args)]).values()
    columns = Base.metadata.tables[table.name].columns
    assert list(table.columns) == [column.name for column in columns]
    assert all(len(row) == len(columns) for row in rows)
    assert all(row[:4] == (7, 3, NOON, b"\xc1" * 32) for row in rows)
    if event == "TransferBatch":
        assert [row[4] for row in rows] == list(range(len(args["_ids"])))
        assert [row[-2:] for row in rows] == list(zip(args["_ids"], args["_values"], strict=True))
        return
    (row,) = rows
    if table is OTHER:
        assert row[4:6] == (contract, event)
        assert orjson.loads(row[6]).keys() == args.keys()
    elif event == "PauseChanged":
        assert row[4:] == (contract, args["paused"])
    else:
        told = {value.int if hasattr(value, "int") else _fixed(value) for value in row[4:]}
        assert told >= {_fixed(value) for value in args.values()}


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def test_batch_of_different_lengths__refused() -> None:
    args = {"_operator": bytes(20), "_from": bytes(20), "_to": bytes(20), "_ids": [1, 2], "_values": [1]}
    with pytest.raises(ValueError, match="shorter"):
        rows_of([decoded("EnergyToken", "TransferBatch", args)])


def test_other_arguments__lose_nothing() -> None:
    args = {"n": 2**255, "flag": True, "raw": b"\x01\x02", "list": [1, b"\x03"], "struct": {"a": False}, "text": "x"}
    ((_, ((*_, told),)),) = rows_of([decoded("Guard", "", args)]).values()
    assert orjson.loads(told) == {
        "n": str(2**255),
        "flag": True,
        "raw": "0x0102",
        "list": ["1", "0x03"],
        "struct": {"a": False},
        "text": "x",
    }
