# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whether what became tokens was signed for, and whether the supply is what became tokens. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from oracle.verify.facts import (
    BATCH_BIT,
    MINT_BATCH,
    MINT_POOL,
    Facts,
    Finding,
    MintSeen,
    RateSeen,
    ReportSeen,
)

_BPS = 10_000
_ZERO = bytes(20)

Row = Mapping[tuple[int, int], tuple[bytes, int, int]]
"""(station, tenure) → owner, mintable, energy"""


def reserve_of(start: int, end: int, bps: int) -> int:
    """The reserve's part of a stretch of a register: a difference of rounded-down registers, so any split gives the same sum."""
    return end * bps // _BPS - start * bps // _BPS


def check_mints(facts: Facts, rows: Mapping[tuple[int, int], Row]) -> Iterator[Finding]:
    """Every mint continues its tenure's register, stays within the leaf it was proved by and within the running total."""
    settled: dict[tuple[int, int, int], int] = defaultdict(int)
    minted: Counter[int] = Counter()
    reserves: Counter[int] = Counter()
    totals: dict[int, int] = {}
    bps = 0
    events: list[ReportSeen | RateSeen | MintSeen] = sorted(
        [*facts.reports, *facts.rates, *facts.mints], key=lambda event: event.at
    )
    for event in events:
        if isinstance(event, ReportSeen):
            totals[event.content.utility] = event.content.total
        elif isinstance(event, RateSeen):
            bps = event.bps
        else:
            yield from _check_mint(event, settled, rows, bps)
            minted[event.utility] += event.to_register - event.from_register
            reserves[event.utility] += event.reserve
            signed = totals.get(event.utility, 0)
            if minted[event.utility] > signed:
                over = minted[event.utility] - signed
                yield _tampered("mints", _name(event), f"with this mint {over} µWh more are minted than were signed")
    without = Counter(
        (m.utility, m.slot) for m in facts.mints if m.mode != MINT_POOL and (m.utility, m.slot) not in rows
    )
    for (utility, slot), count in sorted(without.items()):
        where = f"utility {utility}, slot {slot}"
        yield Finding("unchecked", "mints", where, f"{count} mints could not be compared with leaves that are not here")
    for reserve in facts.reserves:
        reserves[reserve.utility] -= reserve.amount
    yield from _check_books(facts, settled, minted, reserves)


def _check_mint(
    mint: MintSeen,
    settled: dict[tuple[int, int, int], int],
    rows: Mapping[tuple[int, int], Row],
    bps: int,
) -> Iterator[Finding]:
    here = _name(mint)
    amount = mint.to_register - mint.from_register
    if amount <= 0:
        yield _tampered("mints", here, "the register did not move forward")
    if mint.to_owner + mint.reserve != amount:
        yield _tampered("mints", here, f"{mint.to_owner} and {mint.reserve} do not sum up to {amount} µWh")
    if mint.reserve != reserve_of(mint.from_register, mint.to_register, bps):
        yield _tampered(
            "mints", here, f"the reserve of {mint.reserve} µWh is not the rounded share of {bps} basis points"
        )
    if mint.mode == MINT_POOL:
        return
    key = (mint.utility, mint.station, mint.tenure)
    if mint.from_register != settled[key]:
        yield _tampered("mints", here, f"the mint begins at {mint.from_register} µWh, {settled[key]} were settled")
    settled[key] = mint.to_register
    batch = mint.mode == MINT_BATCH
    wanted = BATCH_BIT | mint.utility << 32 | mint.slot if batch else mint.utility
    if mint.token_id != wanted:
        yield _tampered("mints", here, "the token's id is not the one of this utility and slot")
    row = rows.get((mint.utility, mint.slot))
    if row is None:
        return
    leaf = row.get((mint.station, mint.tenure))
    if leaf is None:
        yield _tampered("mints", here, "there is no such leaf in the report that was claimed against")
        return
    owner, mintable, energy = leaf
    if owner != mint.owner:
        yield _tampered("mints", here, f"0x{mint.owner.hex()} was paid, the leaf's owner is 0x{owner.hex()}")
    if mint.to_register > mintable:
        yield _tampered("mints", here, f"minted up to {mint.to_register} µWh, the leaf allows {mintable}")
    if batch and (amount != energy or mint.to_register != mintable):
        yield _tampered("mints", here, "the batch is not exactly its slot")


def _check_books(
    facts: Facts,
    settled: Mapping[tuple[int, int, int], int],
    minted: Mapping[int, int],
    reserves: Mapping[int, int],
) -> Iterator[Finding]:
    for utility, books in facts.books.items():
        where = f"treasury, utility {utility}"
        if books.minted != minted.get(utility, 0):
            yield _tampered(
                "mints", where, f"the contract has settled {books.minted} µWh, its events say {minted.get(utility, 0)}"
            )
        if books.reserve != reserves.get(utility, 0):
            yield _tampered(
                "mints",
                where,
                f"the contract keeps {books.reserve} µWh of reserve, its events say {reserves.get(utility, 0)}",
            )
    for key, register in facts.settled.items():
        if register != settled.get(key, 0):
            where = f"utility {key[0]}, station {UUID(int=key[1])}, tenure {key[2]}"
            yield _tampered(
                "mints", where, f"the contract settled {register} µWh, its events say {settled.get(key, 0)}"
            )


def check_supply(facts: Facts) -> Iterator[Finding]:
    """Every token came out of a mint, a collected reserve or a fuse, and every id's supply is what came in less what went out."""
    yield from _check_origins(facts)
    balances: Counter[tuple[bytes, int]] = Counter()
    supply: Counter[int] = Counter()
    for transfer in facts.transfers:
        if transfer.sender != _ZERO:
            balances[transfer.sender, transfer.token_id] -= transfer.amount
            if balances[transfer.sender, transfer.token_id] < 0:
                where = f"0x{transfer.sender.hex()}, token {id_text(transfer.token_id)}"
                yield _tampered("supply", where, f"gave more than it had, in 0x{transfer.tx.hex()}")
        else:
            supply[transfer.token_id] += transfer.amount
        if transfer.receiver != _ZERO:
            balances[transfer.receiver, transfer.token_id] += transfer.amount
        else:
            supply[transfer.token_id] -= transfer.amount
    for token_id, held in facts.supplies.items():
        if held != supply[token_id]:
            where = f"token {id_text(token_id)}"
            yield _tampered(
                "supply", where, f"the contract says {held} µWh exist, its transfers leave {supply[token_id]}"
            )


def _check_origins(facts: Facts) -> Iterator[Finding]:
    """Within every transaction, what appeared out of nothing is what its mints, collections and fuses say."""
    made: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    told: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    paid: defaultdict[bytes, Counter[tuple[bytes, int]]] = defaultdict(Counter)
    for transfer in facts.transfers:
        if transfer.sender == _ZERO:
            made[transfer.tx][transfer.token_id] += transfer.amount
            paid[transfer.tx][transfer.receiver, transfer.token_id] += transfer.amount
    for mint in facts.mints:
        told[mint.tx][mint.token_id] += mint.to_owner
        got = paid[mint.tx][mint.owner, mint.token_id] + paid[mint.tx][facts.treasury, mint.token_id]
        if got < mint.to_owner:
            yield _tampered("supply", _name(mint), f"the owner was told {mint.to_owner} µWh and given {got}")
    for reserve in facts.reserves:
        told[reserve.tx][reserve.utility] += reserve.amount
    for fuse in facts.fuses:
        told[fuse.tx][fuse.class_id] += fuse.amount
    for tx in sorted(set(made) | set(told)):
        for token_id in sorted(set(made[tx]) | set(told[tx])):
            if made[tx][token_id] != told[tx][token_id]:
                yield _tampered(
                    "supply",
                    f"transaction 0x{tx.hex()}, token {id_text(token_id)}",
                    f"{made[tx][token_id]} µWh appeared, {told[tx][token_id]} were minted, collected or fused",
                )


def id_text(token_id: int) -> str:
    """A token's id for people: the class, or the class and the slot of a batch."""
    if token_id & BATCH_BIT:
        return f"{token_id >> 32 & 0xFF}/{token_id & 0xFFFFFFFF}"
    return str(token_id)


def _name(mint: MintSeen) -> str:
    return f"mint of utility {mint.utility}, station {UUID(int=mint.station)}, tenure {mint.tenure}, slot {mint.slot}"


def _tampered(check: str, where: str, what: str) -> Finding:
    return Finding("tampering", check, where, what)
