# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the chain says, in GraphQL: reports, mints, balances, and the block up to which all of it is true."""

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from api.graphql.context import AppInfo
from api.graphql.fields import field
from api.graphql.scalars import Address, BigInt, Bytes32
from chain.client import BATCH_BIT
from indexer.models import Balance as BalanceRow
from indexer.models import Cursor, MintedRow, ReportRow
from kit.units import slot_start

_MODES = {1: "CLAIM", 2: "BATCH", 3: "DIRECT", 4: "POOL"}


@strawberry.enum(description="Which way a mint went.")
class MintMode(Enum):
    """As Treasury.Minted numbers them."""

    CLAIM = "CLAIM"
    BATCH = "BATCH"
    DIRECT = "DIRECT"
    POOL = "POOL"


@strawberry.type(description="Up to where the answers are true.")
class Meta:
    """The indexer's cursor."""

    chain_id: BigInt
    head: BigInt = strawberry.field(description="the newest indexed block")
    hash: Bytes32
    behind: BigInt = strawberry.field(description="blocks that the chain is ahead")
    reorgs: BigInt
    updated_at: datetime


@strawberry.type(description="What a quorum of oracle nodes signed of one slot, and the chain accepted.")
class Report:
    """Oracle.ReportAccepted."""

    utility: int
    slot: int
    start: datetime
    content_hash: Bytes32
    prev: Bytes32
    root: Bytes32
    data_hash: Bytes32
    increase_uwh: BigInt
    total_uwh: BigInt
    stations: int
    valid_from: int
    epoch: int
    block_number: BigInt
    block_time: datetime
    tx_hash: Bytes32

    @field(description="utility and slot")
    def id(self) -> strawberry.ID:
        """No slot is reported twice."""
        return strawberry.ID(f"{self.utility}:{self.slot}")

    @field(description="what its transaction cost")
    async def gas_used(self, info: AppInfo) -> BigInt | None:
        """From the indexed transaction."""
        found = await info.context.transactions.load(self.tx_hash)
        return None if found is None else BigInt(found.gas_used)


@strawberry.type(description="A register settled up to a point: energy became tokens.")
class Mint:
    """Treasury.Minted."""

    utility: int
    station_id: UUID
    owner: Address
    tenure: BigInt
    slot: int
    from_register_uwh: BigInt
    to_register_uwh: BigInt
    amount_uwh: BigInt = strawberry.field(description="to the owner and to the reserve together")
    to_owner_uwh: BigInt
    reserve_uwh: BigInt
    token_id: BigInt
    mode: MintMode
    block_number: BigInt
    log_index: int
    block_time: datetime
    tx_hash: Bytes32

    @field(description="block and log")
    def id(self) -> strawberry.ID:
        """Its place on chain."""
        return strawberry.ID(f"{self.block_number}:{self.log_index}")

    @field(description="what its transaction cost")
    async def gas_used(self, info: AppInfo) -> BigInt | None:
        """From the indexed transaction."""
        found = await info.context.transactions.load(self.tx_hash)
        return None if found is None else BigInt(found.gas_used)


@strawberry.type(description="How much of a token an address holds; one unit of E is 1 µWh.")
class Balance:
    """`slot` is that of a batch id, null for a class token."""

    owner: Address
    token_id: BigInt
    utility: int
    slot: int | None
    amount_units: BigInt


def report_shown(row: ReportRow) -> Report:
    """A row as GraphQL shows it."""
    return Report(
        utility=row.utility,
        slot=row.slot,
        start=slot_start(row.slot),
        content_hash=Bytes32(row.content_hash),
        prev=Bytes32(row.prev),
        root=Bytes32(row.root),
        data_hash=Bytes32(row.data_hash),
        increase_uwh=BigInt(row.increase),
        total_uwh=BigInt(row.total),
        stations=row.stations,
        valid_from=row.valid_from,
        epoch=row.epoch,
        block_number=BigInt(row.block_number),
        block_time=row.block_time,
        tx_hash=Bytes32(row.tx_hash),
    )


def mint_shown(row: MintedRow) -> Mint:
    """A row as GraphQL shows it."""
    return Mint(
        utility=row.utility,
        station_id=row.station,
        owner=Address(row.owner),
        tenure=BigInt(row.tenure),
        slot=row.slot,
        from_register_uwh=BigInt(row.from_register),
        to_register_uwh=BigInt(row.to_register),
        amount_uwh=BigInt(row.to_owner + row.reserve),
        to_owner_uwh=BigInt(row.to_owner),
        reserve_uwh=BigInt(row.reserve),
        token_id=BigInt(row.token_id),
        mode=MintMode(_MODES[row.mode]),
        block_number=BigInt(row.block_number),
        log_index=row.log_index,
        block_time=row.block_time,
        tx_hash=Bytes32(row.tx_hash),
    )


def balance_shown(row: BalanceRow) -> Balance:
    """A row as GraphQL shows it."""
    batch = bool(row.token_id & BATCH_BIT)
    return Balance(
        owner=Address(row.owner),
        token_id=BigInt(row.token_id),
        utility=row.token_id >> 32 & 0xFF if batch else row.token_id,
        slot=row.token_id & 0xFFFFFFFF if batch else None,
        amount_units=BigInt(row.balance),
    )


def meta_shown(row: Cursor) -> Meta:
    """The cursor as GraphQL shows it."""
    return Meta(
        chain_id=BigInt(row.chain_id),
        head=BigInt(row.block_number),
        hash=Bytes32(row.block_hash),
        behind=BigInt(max(0, row.head - row.block_number)),
        reorgs=BigInt(row.reorgs),
        updated_at=row.updated_at,
    )
