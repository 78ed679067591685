# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an indexer stored, as plain values, and what the chain itself says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from chain.contract import load_abi
from chain.deployment import Deployment
from indexer.derived import DERIVATIONS
from indexer.projection import Projection
from indexer.service import Indexer
from indexer.settings import IndexerSettings
from indexer.tables import EVENT_TABLES
from indexer.upkeep import verify
from kit.clock import FixedClock
from kit.database import Database
from tests.conftest import Deployed
from tests.integration.indexer.world import World

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
QUICK = {"poll_seconds": 0.02}

KEYS = {d.model.__tablename__: len(d.key) for d in DERIVATIONS}
TABLES = (*EVENT_TABLES, "indexer_transaction", *KEYS)


def make_indexer(
    deployed: Deployed,
    database: Database,
    *,
    rpc_url: str | None = None,
    projections: Sequence[Projection] = (),
    **settings: Any,
) -> Indexer:
    return Indexer(
        database,
        rpc_url or deployed.rpc_url,
        Deployment.load(deployed.path),
        projections,
        FixedClock(NOON),
        settings=IndexerSettings(**{**QUICK, **settings}),
    )


async def contents(database: Database, tables: Sequence[str] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the indexer's tables, in order; derived rows of zeros count as absent."""
    found = {}
    async with database.transaction() as session:
        for name in tables:
            rows = [tuple(row) for row in await session.execute(text(f"SELECT * FROM {name}"))]
            if name in KEYS:
                rows = [row for row in rows if any(row[KEYS[name] :])]
            found[name] = sorted(rows, key=repr)
    return found


async def assert_equal_to_chain(world: World, database: Database) -> int:
    """Compare with eth_getLogs, decoded by another decoder, and with the token's balances. Returns the number of logs."""
    deployment = world.deployment
    where = {
        "address": [contract.address for contract in deployment.contracts.values()],
        "fromBlock": "0x0",
        "toBlock": "latest",
    }
    told = world.call("eth_getLogs", where)
    expected = sorted((int(log["blockNumber"], 16), int(log["logIndex"], 16), log["transactionHash"]) for log in told)
    async with database.transaction() as session:
        parts = " UNION ALL ".join(
            f"SELECT DISTINCT block_number, log_index, '0x' || encode(tx_hash, 'hex') FROM {name}"
            for name in EVENT_TABLES
        )
        stored = sorted(tuple(row) for row in await session.execute(text(parts)))
        held = {
            (bytes(owner), int(token_id)): int(balance)
            for owner, token_id, balance in await session.execute(text("SELECT * FROM indexer_balance"))
        }
        supplies = {
            int(token_id): int(minted - burned)
            for token_id, minted, burned in await session.execute(text("SELECT * FROM indexer_supply"))
        }
        assert (await verify(session)).differences == []
    assert stored == expected
    token = deployment.address("EnergyToken").lower()
    for log in told:
        decoded = load_abi("EnergyToken").decode_log(log) if log["address"].lower() == token else None
        if decoded is None or not decoded[0].startswith("Transfer"):
            continue
        args = decoded[1]
        ids = args["_ids"] if "_ids" in args else [args["_id"]]
        for token_id in ids:
            assert supplies[token_id] == world.read("EnergyToken", "total_supply", token_id)
            for owner in (args["_from"], args["_to"]):
                if any(owner):
                    assert held[owner, token_id] == world.balance(owner, token_id)
    return len(told)
