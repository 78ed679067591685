# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A small history as the indexer and the nodes would have stored it: three reports, mints, balances, leaves, intervals."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from energy.models import EnergyInterval
from indexer.models import Balance, Cursor, MintedRow, ReportRow, Transaction
from oracle.models import OracleLeaves
from oracle.rules import Content, Leaf, Tree, build_content, render_leaves
from tests.integration.api.world import KWH, LAST, NOON, Device

REPORTS = 3


@dataclass
class Written:
    """What was accepted, newest last."""

    contents: list[Content]
    trees: list[Tree]
    leaves: list[list[Leaf]]


def leaf_of(device: Device, slot: int, mintable: int) -> Leaf:
    return Leaf(1, device.station.int, 1, device.owner, slot, KWH, mintable, mintable, 2, bytes(32))


def write(session: AsyncSession, devices: list[Device], intervals: int = 10) -> Written:
    """Reports of slots LAST-2 to LAST; every device earns a kWh a slot, all but the last report is minted."""
    written = Written([], [], [])
    ordered = sorted(devices, key=lambda device: device.station.int)
    prev, total = bytes(32), 0
    for number in range(REPORTS):
        slot = LAST - REPORTS + 1 + number
        leaves = [leaf_of(device, slot, (number + 1) * KWH) for device in ordered]
        content, tree = build_content(
            leaves, utility=1, slot=slot, prev=prev, previous_total=total, valid_from=0, readings=bytes(32)
        )
        data = render_leaves(leaves, bytes(32))
        session.add(OracleLeaves(data_hash=content.data_hash, utility=1, slot=slot, data=data))
        session.add(_report(content, block=10 + number))
        if number < REPORTS - 1:
            for index, device in enumerate(ordered):
                session.add(_mint(device, slot, number, block=20 + number, index=index))
        written.contents.append(content)
        written.trees.append(tree)
        written.leaves.append(leaves)
        prev, total = content.hash(), content.total
    session.add(
        Cursor(
            chain_id=31337,
            block_number=30,
            block_hash=b"\x0b" * 32,
            fingerprint=bytes(32),
            head=31,
            reorgs=0,
            updated_at=NOON,
        )
    )
    for device in ordered:
        session.add(Balance(owner=device.owner, token_id=1, balance=2 * KWH))
        session.add(Balance(owner=device.owner, token_id=1 << 255 | 1 << 32 | LAST, balance=5))
        session.add(Balance(owner=device.owner, token_id=7, balance=0))
        for back in range(intervals):
            session.add(_interval(device, LAST - back, version=1, uwh=1, quality="raw"))
        session.add(_interval(device, LAST, version=2, uwh=-KWH, quality="validated"))
    return written


def _report(content: Content, *, block: int) -> ReportRow:
    tx_hash = block.to_bytes(32, "big")
    return ReportRow(
        block_number=block,
        log_index=0,
        block_time=NOON + timedelta(seconds=block),
        tx_hash=tx_hash,
        utility=1,
        slot=content.slot,
        content_hash=content.hash(),
        prev=content.prev,
        root=content.root,
        increase=content.increase,
        total=content.total,
        stations=content.stations,
        data_hash=content.data_hash,
        valid_from=0,
        epoch=1,
    )


def _mint(device: Device, slot: int, number: int, *, block: int, index: int) -> MintedRow:
    return MintedRow(
        block_number=block,
        log_index=index,
        block_time=NOON,
        tx_hash=(block * 1000 + index).to_bytes(32, "big"),
        utility=1,
        station=device.station,
        owner=device.owner,
        tenure=1,
        slot=slot,
        from_register=number * KWH,
        to_register=(number + 1) * KWH,
        to_owner=KWH * 98 // 100,
        reserve=KWH * 2 // 100,
        token_id=1,
        mode=1,
    )


def transaction(block: int, index: int) -> Transaction:
    """What a mint's transaction cost."""
    tx_hash = (block * 1000 + index).to_bytes(32, "big")
    return Transaction(
        hash=tx_hash, block_number=block, sender=bytes(20), target=None, gas_used=60_000, gas_price=10**9
    )


def _interval(device: Device, slot: int, *, version: int, uwh: int, quality: str) -> EnergyInterval:
    return EnergyInterval(
        station=device.station,
        slot=slot,
        version=version,
        e_net_uwh=uwh,
        quality=quality,
        state="STORED",
        method="boundary",
        qa=[{"rule": "spike", "result": "warn"}],
        profile_hash=bytes(32),
        demo=False,
        created_at=NOON,
    )
