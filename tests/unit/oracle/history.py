# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An honest history of a small deployment, as the check reads it, made without a chain."""

from dataclasses import dataclass
from uuid import UUID

from oracle.rules import ZERO_HASH, Content, Leaf, build_content, render_leaves
from oracle.verify.facts import (
    BATCH_BIT,
    BooksSeen,
    Facts,
    FuseSeen,
    HeadSeen,
    MintSeen,
    RateSeen,
    ReportSeen,
    ReserveSeen,
    Rotation,
    SignedCall,
    TransferSeen,
)
from oracle.verify.tokens.rules import reserve_of

SIGNERS = tuple(bytes([n]) * 20 for n in (1, 2, 3, 4))
OWNER, OTHER, TREASURY, BENEFICIARY, ZERO = b"o" * 20, b"p" * 20, b"t" * 20, b"b" * 20, bytes(20)
ROOF = UUID(int=7).int
HOUSE = UUID(int=9).int
BPS = 200
E = 1


def leaf(slot: int, station: int, mintable: int, energy: int, *, tenure: int = 1, owner: bytes = OWNER) -> Leaf:
    return Leaf(E, station, tenure, owner, slot, energy, mintable, mintable, 2, ZERO_HASH)


@dataclass(slots=True)
class History:
    """Facts and the published files by slot."""

    facts: Facts
    files: dict[int, bytes]


def report(slot: int, row: list[Leaf], before: Content | None, *, epoch: int = 1, block: int = 0) -> ReportSeen:
    content, _ = build_content(
        row,
        utility=E,
        slot=slot,
        prev=ZERO_HASH if before is None else before.hash(),
        previous_total=0 if before is None else before.total,
        valid_from=0,
    )
    call = SignedCall(0, epoch, content, SIGNERS, SIGNERS[:3])
    return ReportSeen(content, content.hash(), epoch, (block or slot, 0), slot.to_bytes(32, "big"), call)


def mint(slot: int, station: int, start: int, end: int, *, mode: int = 1, at: int = 0) -> MintSeen:
    kept = reserve_of(start, end, BPS)
    token = BATCH_BIT | E << 32 | slot if mode == 2 else E
    tx = (at << 8 | station).to_bytes(32, "big")
    return MintSeen(E, station, OWNER, 1, slot, start, end, end - start - kept, kept, token, mode, (at, 5), tx)


def honest() -> History:
    """Three reports with a gap, a claim of two slots, a batch that is fused, a collected reserve, a transfer, a burn."""
    rows = {
        100: [leaf(100, ROOF, 1_000, 1_000), leaf(100, HOUSE, 0, 0)],
        101: [leaf(101, ROOF, 1_777, 777), leaf(101, HOUSE, 0, 0)],
        104: [leaf(104, ROOF, 1_777, 0), leaf(104, HOUSE, 333, 333)],
    }
    reports: list[ReportSeen] = []
    for slot, row in rows.items():
        reports.append(report(slot, row, reports[-1].content if reports else None))
    claim, batch = mint(101, ROOF, 0, 1_777, at=102), mint(104, HOUSE, 0, 333, mode=2, at=105)
    kept = claim.reserve + batch.reserve
    collect = ReserveSeen(E, BENEFICIARY, kept, (106, 0), b"c" * 32)
    fuse = FuseSeen(OWNER, batch.token_id, E, 100, (107, 2), b"f" * 32)
    transfers = [
        TransferSeen(ZERO, OWNER, E, claim.to_owner, (102, 6), claim.tx),
        # the house's owner is a contract that refused: its tokens wait at the treasury
        TransferSeen(ZERO, TREASURY, batch.token_id, batch.to_owner, (105, 6), batch.tx),
        TransferSeen(TREASURY, OWNER, batch.token_id, batch.to_owner, (105, 9), b"w" * 32),
        TransferSeen(ZERO, BENEFICIARY, E, kept, (106, 1), collect.tx),
        TransferSeen(OWNER, ZERO, batch.token_id, 100, (107, 0), fuse.tx),
        TransferSeen(ZERO, OWNER, E, 100, (107, 1), fuse.tx),
        TransferSeen(OWNER, OTHER, E, 50, (108, 0), b"m" * 32),
        TransferSeen(OTHER, ZERO, E, 20, (109, 0), b"n" * 32),
    ]
    last = reports[-1].content
    facts = Facts(
        chain_id=31337,
        block=200,
        treasury=TREASURY,
        modes={E: 1},
        reports=reports,
        rotations=[Rotation(1, 3, SIGNERS, 0, 0, (1, 0))],
        mints=[claim, batch],
        reserves=[collect],
        rates=[RateSeen(BPS, (0, 0))],
        transfers=transfers,
        fuses=[fuse],
        heads={E: HeadSeen(last.slot, last.total, last.hash())},
        books={E: BooksSeen(1_777 + 333, 0)},
        settled={(E, ROOF, 1): 1_777, (E, HOUSE, 1): 333},
        supplies={E: claim.to_owner + kept + 100 - 20, batch.token_id: batch.to_owner - 100},
        codes={"Oracle": True},
    )
    return History(facts, {slot: render_leaves(row) for slot, row in rows.items()})
