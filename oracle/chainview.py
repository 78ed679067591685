# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a node reads from the chain: the head, the signer set, the accepted reports."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from chain.client import (
    MODE_CLOSED,
    MODE_DIRECT,
    Head,
    OracleClient,
    RegistryClient,
    SignerSet,
    TreasuryClient,
)
from chain.deployment import Deployment
from chain.direct import Seat, row_words
from chain.rpc import Rpc
from kit.errors import Refused, Unavailable
from kit.units import SLOT_SECONDS
from oracle.accepted import AcceptedReport, accepted_report
from oracle.rules import Leaf, Report

_BLOCKS_PER_QUERY = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """The Oracle contract's state of one utility at one block. `delay` is the challenge delay, seconds."""

    block: int
    head: Head
    mode: int
    valid_from: int
    epoch: int
    delay: int = 0

    def require_open(self, utility: int) -> None:
        """Raises Refused for a utility that is closed on chain: no report of it could be brought."""
        if self.mode == MODE_CLOSED:
            raise Refused("oracle.utility_closed", f"utility {utility} is closed on chain; nothing is reported of it")


class ChainView:
    """The Oracle contract as one node sees it, `confirmations` blocks below the newest."""

    def __init__(self, rpc: Rpc, deployment: Deployment, *, confirmations: int = 0) -> None:
        self.rpc = rpc
        self.oracle = OracleClient(rpc, deployment)
        self.treasury = TreasuryClient(rpc, deployment)
        self.registry = RegistryClient(rpc, deployment)
        self.chain_id = deployment.chain_id
        self._confirmations = confirmations
        self._lists: dict[int, SignerSet] = {}
        self._seats: dict[int, list[Seat]] = {}

    async def view(self, utility: int) -> View:
        """The present state. Raises Unavailable if the chain does not answer, Refused on a foreign chain."""
        block = max(await self.rpc.block_number() - self._confirmations, 0)
        return View(
            block,
            await self.oracle.head(utility, block=block),
            await self.oracle.mode_of(utility, block=block),
            await self.oracle.valid_from(utility, block=block),
            await self.oracle.epoch(block=block),
            await self.oracle.challenge_delay(block=block),
        )

    async def check_chain(self) -> None:
        """Refuse a node of another network, or one that has no Oracle where ours should stand."""
        found = await self.rpc.chain_id()
        if found != self.chain_id:
            raise Refused("oracle.wrong_chain", f"the deployment is on chain {self.chain_id}, the node on {found}")
        if not await self.rpc.code(self.oracle.address):
            raise Refused("oracle.no_contract", f"there is no contract at {self.oracle.address} on chain {found}")

    async def signers(self, epoch: int, *, block: int) -> SignerSet:
        """A signer set with its present terms. The list comes from the rotation's event and is kept as long as its terms fit.

        Raises Refused if there is no such set.
        """
        terms = await self.oracle.signer_terms(epoch, block=block)
        if terms.k == 0:
            raise Refused("oracle.no_signer_set", f"there is no signer set of epoch {epoch}")
        known = self._lists.get(epoch)
        if known is None or known.k != terms.k or known.from_slot != terms.from_slot:
            known = await self.oracle.signer_set(epoch)
            if known is None:
                raise Unavailable("oracle.no_rotation_event", f"the chain's node shows no rotation to epoch {epoch}")
            self._lists[epoch] = known
        return SignerSet(epoch, terms.k, known.signers, terms.from_slot, terms.until_slot)

    async def signers_for(self, slot: int, view: View) -> SignerSet | None:
        """The newest signer set that may sign a slot: the present one, or the one before while its time lasts."""
        for epoch in (view.epoch, view.epoch - 1):
            if epoch > 0:
                found = await self.signers(epoch, block=view.block)
                if found.from_slot <= slot <= found.until_slot:
                    return found
        return None

    async def accepted(
        self, utility: int, *, from_block: int, to_block: int, content_hash: bytes | None = None
    ) -> list[AcceptedReport]:
        """The accepted reports of a utility in a range of blocks, ends included, in order; or the one of a content."""
        topics: list[str | Sequence[str] | None] = [
            self.oracle.abi.topic("ReportAccepted"),
            "0x" + utility.to_bytes(32, "big").hex(),
        ]
        if content_hash is not None:
            topics += [None, "0x" + content_hash.hex()]
        found: list[AcceptedReport] = []
        for first in range(max(from_block, self.oracle.deployed.block), to_block + 1, _BLOCKS_PER_QUERY):
            logs = await self.rpc.logs(
                addresses=[self.oracle.address],
                topics=topics,
                from_block=first,
                to_block=min(first + _BLOCKS_PER_QUERY - 1, to_block),
            )
            found += [self._report(log) for log in logs]
        return sorted(found, key=lambda report: report.content.slot)

    async def opened_slot(self, utility: int) -> int:
        """The slot in which a utility was opened. Raises Unavailable if the chain's node does not show its opening."""
        found = await self.rpc.logs(
            addresses=[self.oracle.address],
            topics=[self.oracle.abi.topic("UtilityOpened"), "0x" + utility.to_bytes(32, "big").hex()],
            from_block=self.oracle.deployed.block,
        )
        block = await self.rpc.block(int(found[0]["blockNumber"], 16)) if found else None
        if block is None:
            raise Unavailable("oracle.behind", f"the chain's node does not show when utility {utility} was opened")
        return int(block["timestamp"], 16) // SLOT_SECONDS

    def _report(self, log: Mapping[str, Any]) -> AcceptedReport:
        decoded = self.oracle.abi.decode_log(log)
        assert decoded is not None
        return accepted_report(decoded[1], log)

    def message(self, report: Report) -> bytes:
        """The bytes whose hash nodes sign for this Oracle contract."""
        return report.message(chain_id=self.chain_id, oracle=self.oracle.deployed.raw)

    def digest(self, report: Report) -> bytes:
        """What nodes sign for this Oracle contract."""
        return report.digest(chain_id=self.chain_id, oracle=self.oracle.deployed.raw)

    async def submission(
        self, mode: int, report: Report, signers: Sequence[bytes], signatures: Sequence[bytes], leaves: Sequence[Leaf]
    ) -> tuple[str, bytes]:
        """Where to send a signed report, and the bytes: to the Oracle, or through the Treasury if the utility is direct. Raises
        Unavailable if the chain's node does not answer.
        """
        words = (*astuple(report.content), report.deadline, report.epoch)
        call = self.oracle.report_call(words, signers, signatures)
        if mode == MODE_DIRECT:
            return self.treasury.address, self.treasury.direct_call(
                call, await self._row(report.content.utility, leaves)
            )
        return self.oracle.address, call

    async def _row(self, utility: int, leaves: Sequence[Leaf]) -> list[int]:
        """A direct utility's row. It is seated anew where the Registry has other tenures, owners, ratings or ends by now."""
        sitting = await self.treasury.seated(utility, self._seats.get(utility, ()))
        self._seats[utility] = sitting
        own, base, share = await self.treasury.rate_of(utility)
        tenured = [(leaf.station, leaf.tenure) for leaf in leaves]
        seats = [
            Seat(
                *place,
                owner=tenure.owner,
                rated_w=base + tenure.rated_w * share // 1_000_000 if own else tenure.rated_w,
                ended=tenure.until != 0,
            )
            for place, tenure in zip(tenured, await self.registry.tenures(tenured), strict=True)
        ]
        registers = [(leaf.station, leaf.tenure, leaf.mintable) for leaf in leaves]
        if seats == [replace(seat, is_contract=False) for seat in sitting]:
            return row_words(registers, sitting)
        codes = [await self.rpc.code("0x" + seat.owner.hex()) for seat in seats]
        seats = [replace(seat, is_contract=bool(code)) for seat, code in zip(seats, codes, strict=True)]
        return row_words(registers, seats, before=sitting)
