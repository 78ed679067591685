# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A paid row of a direct utility becomes one mint an owner, each at a place of its own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.errors import NodeUnavailable
from indexer.projection import DecodedLog
from indexer.rows import spread

TREASURY, TOKEN = b"\x11" * 20, b"\x44" * 20
ROOF, BARN = b"\x22" * 20, b"\x33" * 20
SLOT, SHARE = 2_000_000, 200


def log(contract: str, event: str, index: int, tx: bytes = b"\x01" * 32, **args: Any) -> DecodedLog:
    """A log of block 7."""
    return DecodedLog(
        contract=contract,
        event=event,
        args=args,
        address=TREASURY if contract == "Treasury" else TOKEN,
        block_number=7,
        block_hash=b"\x07" * 32,
        block_time=datetime(2026, 11, 21, tzinfo=UTC),
        tx_hash=tx,
        log_index=index,
    )


def transfer(index: int, to: bytes, value: int) -> DecodedLog:
    """New tokens of the direct utility."""
    return log("EnergyToken", "TransferSingle", index, _operator=TREASURY, _from=bytes(20), _to=to, _id=2, _value=value)


def paid() -> list[DecodedLog]:
    """A report that paid a contract and a wallet, after somebody else's credit in the same block."""
    return [
        log("Treasury", "PendingCredited", 3, tx=b"\x02" * 32, owner=BARN, token_id=1, amount=5),
        log("Oracle", "ReportAccepted", 4),
        log("Treasury", "PendingCredited", 5, owner=ROOF, token_id=2, amount=9_800),
        log(
            "Treasury",
            "RowMinted",
            6,
            utility=2,
            terms=SLOT << 16 | SHARE,
            row=[1 << 128 | 1 << 96 | 10_000, 2 << 128 | 3 << 96 | 500 << 16 | 20_000],
        ),
        transfer(7, TREASURY, 9_800),
        transfer(8, BARN, 19_600),
    ]


def test_spread__paid_row__is_a_mint_an_owner() -> None:
    logs = paid()
    found = spread(logs)
    mints = [one for one in found if one.event == "Minted"]
    assert [(one.log_index, one.args["station"], one.args["owner"], one.args["to_owner"]) for one in mints] == [
        (6, 1, ROOF, 9_800),
        (7, 2, BARN, 19_600),
    ]
    assert [(one.args["from_register"], one.args["to_register"]) for one in mints] == [(0, 10_000), (500, 20_500)]
    assert all((one.args["slot"], one.args["mode"], one.args["token_id"]) == (SLOT, 3, 2) for one in mints)
    assert [one for one in found if one.event != "Minted"] == [one for one in logs if one.event != "RowMinted"]
    assert "RowMinted" not in {one.event for one in found}


@pytest.mark.parametrize("left_out", [2, 4, 5])
def test_spread__a_log_left_out__waits_for_a_better_node(left_out: int) -> None:
    logs = paid()
    del logs[left_out]
    with pytest.raises(NodeUnavailable):
        spread(logs)
