# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reading the facts from a node of the chain: events from the first block on, views at one block, calldata of every report."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from eth_hash.auto import keccak

from chain.client import EnergyTokenClient, OracleClient, TreasuryClient
from chain.contract import load_abi
from chain.deployment import Deployment
from chain.direct import RowError, minted_by
from chain.rpc import Rpc, RpcError, bytes_of
from chain.signer import recover
from kit.errors import Malformed, Unavailable
from oracle.accepted import accepted_report
from oracle.rules import Content, Report
from oracle.verify.facts import (
    BooksSeen,
    DelaySeen,
    Facts,
    FuseSeen,
    HeadSeen,
    MintSeen,
    Position,
    RateSeen,
    ReportSeen,
    ReserveSeen,
    Rotation,
    SignedCall,
    TransferSeen,
)

Told = Callable[[str], None]
T = TypeVar("T")

_CONTRACTS = ("Oracle", "Treasury", "EnergyToken")
_BLOCKS_PER_QUERY = 20_000
_AT_ONCE = 8
_REPORTING = frozenset({"report", "direct_packed"})
_TIMED = ("ChallengeDelayChanged", "ReportAccepted", "Minted", "RowMinted")


class Log:
    """One decoded event."""

    __slots__ = ("args", "at", "event", "raw", "tx")

    def __init__(self, event: str, args: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
        self.event = event
        self.args = args
        self.raw = raw
        self.at: Position = (int(raw["blockNumber"], 16), int(raw["logIndex"], 16))
        self.tx = bytes_of(raw["transactionHash"])


async def read_facts(rpc: Rpc, deployment: Deployment, *, told: Told = lambda _: None) -> Facts:
    """Everything the check needs, as of the newest block. `told` hears what is being read.

    Raises Unavailable if the chain's node does not answer or has not what is asked, Malformed for a node of another chain.
    """
    if await rpc.chain_id() != deployment.chain_id:
        raise Malformed(
            "verify.wrong_chain", f"the node is not on chain {deployment.chain_id}, where the deployment is"
        )
    block = await rpc.block_number()
    oracle, treasury = OracleClient(rpc, deployment), TreasuryClient(rpc, deployment)
    told(f"reading events up to block {block}")
    logs = await _logs(rpc, deployment, block)
    by_event: defaultdict[str, list[Log]] = defaultdict(list)
    for log in logs:
        by_event[log.event].append(log)
    modes = {log.args["utility"]: log.args["mode"] for log in by_event["UtilityOpened"]}
    mints = sorted([*(_mint(log) for log in by_event["Minted"]), *_row_mints(logs, treasury.deployed.raw)], key=_at)
    transfers = [transfer for log in logs for transfer in _transfers(log)]
    # views first: a node may forget old states while the calldata of many reports is read
    told("reading the contracts' own sums")
    try:
        heads = {u: await _head(oracle, u, block) for u in modes}
        books = {u: await _books(treasury, u, block) for u in modes}
        settled = await _settled(treasury, mints, block)
        supplies = await _supplies(EnergyTokenClient(rpc, deployment), transfers, modes, block)
        codes = {name: await _is_code(rpc, deployment, name, block) for name in _CONTRACTS}
    except RpcError as error:
        raise Unavailable("verify.no_state", f"the node does not tell the state at block {block}: {error}") from error
    delays = [DelaySeen(log.args["new"], log.at) for log in by_event["ChallengeDelayChanged"]]
    watched = [log for name in _TIMED for log in by_event[name]]
    times = await _times(rpc, {block, *(log.at[0] for log in watched)} if delays else set())
    told(f"reading the transactions of {len(by_event['ReportAccepted'])} reports")
    return Facts(
        chain_id=deployment.chain_id,
        block=block,
        treasury=treasury.deployed.raw,
        modes=modes,
        reports=await _each(by_event["ReportAccepted"], lambda log: _report(rpc, oracle, deployment.chain_id, log)),
        rotations=[_rotation(log) for log in by_event["SignerSetRotated"]],
        mints=mints,
        reserves=[_reserve(log) for log in by_event["ReserveCollected"]],
        rates=[RateSeen(log.args["new"], log.at) for log in by_event["ReserveRateChanged"]],
        transfers=transfers,
        fuses=[_fuse(log) for log in by_event["Fused"]],
        heads=heads,
        books=books,
        settled=settled,
        supplies=supplies,
        delays=delays,
        times=times,
        codes={name: same for name, same in codes.items() if same is not None},
    )


async def _logs(rpc: Rpc, deployment: Deployment, block: int) -> list[Log]:
    names = {deployment.address(name).lower(): name for name in _CONTRACTS}
    found: list[Log] = []
    for first in range(deployment.first_block, block + 1, _BLOCKS_PER_QUERY):
        last = min(first + _BLOCKS_PER_QUERY - 1, block)
        for raw in await rpc.logs(addresses=list(names), from_block=first, to_block=last):
            decoded = load_abi(names[raw["address"].lower()]).decode_log(raw)
            if decoded is not None:
                found.append(Log(decoded[0], decoded[1], raw))
    return sorted(found, key=lambda log: log.at)


async def _report(rpc: Rpc, oracle: OracleClient, chain_id: int, log: Log) -> ReportSeen:
    accepted = accepted_report(log.args, log.raw)
    transaction = await rpc.transaction("0x" + log.tx.hex())
    if transaction is None:
        raise Unavailable("verify.no_transaction", f"the node does not have transaction 0x{log.tx.hex()}")
    call = _call(bytes_of(transaction["input"]), chain_id, oracle.deployed.raw)
    return ReportSeen(accepted.content, log.args["content_hash"], accepted.epoch, log.at, log.tx, call)


def _call(data: bytes, chain_id: int, oracle: bytes) -> SignedCall | None:
    """The report in a transaction's calldata, straight to the Oracle or through the Treasury; None if it is neither."""
    for name in ("Oracle", "Treasury"):
        try:
            function, arguments = load_abi(name).decode_call(data)
        except Malformed:
            continue
        if function == "direct":  # it carries the call of the Oracle, and nothing else may stand there
            try:
                function, arguments = load_abi("Oracle").decode_call(arguments["report"])
            except Malformed:
                return None
        if function not in _REPORTING:
            continue
        r = arguments["r"]
        content = Content(
            r["utility"],
            r["slot"],
            r["prev"],
            r["root"],
            r["increase"],
            r["total"],
            r["stations"],
            r["data_hash"],
            r["valid_from"],
        )
        digest = Report(content, r["deadline"], r["epoch"]).digest(chain_id=chain_id, oracle=oracle)
        words: Sequence[bytes] = arguments["signatures"]
        pairs = [words[i] + words[i + 1] for i in range(0, len(words) - 1, 2)]
        signed_by = tuple(_signer_of(digest, pair) for pair in pairs)
        return SignedCall(r["deadline"], r["epoch"], content, tuple(arguments["signers"]), signed_by)
    return None


def _signer_of(digest: bytes, signature: bytes) -> bytes | None:
    try:
        return recover(digest, signature)
    except Malformed:
        return None


async def _head(oracle: OracleClient, utility: int, block: int) -> HeadSeen:
    head = await oracle.head(utility, block=block)
    return HeadSeen(head.slot, head.total, head.content_hash)


async def _books(treasury: TreasuryClient, utility: int, block: int) -> BooksSeen:
    return BooksSeen(await treasury.minted(utility, block=block), await treasury.reserve(utility, block=block))


async def _settled(treasury: TreasuryClient, mints: Sequence[MintSeen], block: int) -> dict[tuple[int, int, int], int]:
    keys = sorted({(mint.utility, mint.station, mint.tenure) for mint in mints if mint.station})

    async def register(key: tuple[int, int, int]) -> int:
        return (await treasury.settled(*key, block=block)).register

    return dict(zip(keys, await _each(keys, register), strict=True))


async def _supplies(
    token: EnergyTokenClient, transfers: Iterable[TransferSeen], modes: Iterable[int], block: int
) -> dict[int, int]:
    ids = sorted({transfer.token_id for transfer in transfers} | set(modes))

    async def supply(token_id: int) -> int:
        return await token.total_supply(token_id, block=block)

    return dict(zip(ids, await _each(ids, supply), strict=True))


async def _times(rpc: Rpc, blocks: set[int]) -> dict[int, int]:
    ordered = sorted(blocks)

    async def time_of(number: int) -> int:
        found = await rpc.block(number)
        if found is None:
            raise Unavailable("verify.no_block", f"the node does not have block {number}")
        return int(found["timestamp"], 16)

    return dict(zip(ordered, await _each(ordered, time_of), strict=True))


async def _is_code(rpc: Rpc, deployment: Deployment, name: str, block: int) -> bool | None:
    expected = deployment.contract(name).code_hash
    if expected is None:
        return None
    return keccak(await rpc.code(deployment.address(name), block=block)) == expected


async def _each(items: Sequence[Any], work: Callable[[Any], Awaitable[T]]) -> list[T]:
    """A few at a time, in order."""
    done: list[T] = []
    for first in range(0, len(items), _AT_ONCE):
        done += await asyncio.gather(*(work(item) for item in items[first : first + _AT_ONCE]))
    return done


def _rotation(log: Log) -> Rotation:
    a = log.args
    return Rotation(a["epoch"], a["k"], tuple(a["signers"]), a["from_slot"], a["previous_until_slot"], log.at)


def _mint(log: Log) -> MintSeen:
    return MintSeen(**log.args, at=log.at, tx=log.tx)


def _row_mints(logs: Sequence[Log], treasury: bytes) -> Iterator[MintSeen]:
    """What the rows of direct utilities paid. A mint's place is that of its transfer."""
    for i, log in enumerate(logs):
        if log.event != "RowMinted":
            continue
        try:
            mints = minted_by(logs, i, treasury, transaction=lambda one: one.tx)
        except RowError as error:
            raise Unavailable("verify.logs_left_out", f"transaction 0x{log.tx.hex()}: {error}") from error
        transfers = logs[i + 1 : i + 1 + len(mints)]
        for args, transfer in zip(mints, transfers, strict=True):
            yield MintSeen(**args, at=transfer.at, tx=log.tx)


def _at(mint: MintSeen) -> Position:
    return mint.at


def _reserve(log: Log) -> ReserveSeen:
    return ReserveSeen(log.args["utility"], log.args["beneficiary"], log.args["amount"], log.at, log.tx)


def _fuse(log: Log) -> FuseSeen:
    a = log.args
    return FuseSeen(a["owner"], a["batch_id"], a["class_id"], a["amount"], log.at, log.tx)


def _transfers(log: Log) -> list[TransferSeen]:
    a = log.args
    if log.event == "TransferSingle":
        return [TransferSeen(a["_from"], a["_to"], a["_id"], a["_value"], log.at, log.tx)]
    if log.event == "TransferBatch":
        pairs = zip(a["_ids"], a["_values"], strict=True)
        return [TransferSeen(a["_from"], a["_to"], token_id, value, log.at, log.tx) for token_id, value in pairs]
    return []
