# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Typed reads of GreenCore's contracts, and the bytes of calls to them. Energy in µWh, addresses of 20 bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain.contract import ContractAbi, load_abi
from chain.deployment import Deployment
from chain.direct import Seat, seats_hash
from chain.rpc import Block, Rpc
from kit.errors import Unavailable

MODE_CLOSED, MODE_CLAIMED, MODE_DIRECT, MODE_POOLED = range(4)
BATCH_BIT = 1 << 255


@dataclass(frozen=True, slots=True)
class Head:
    """The newest accepted report of a utility. Before the first one `reports` is 0 and `content_hash` zero."""

    slot: int
    total: int
    content_hash: bytes
    reports: int


@dataclass(frozen=True, slots=True)
class SignerTerms:
    """What the Oracle keeps of a signer set: the hash of its list, signatures needed, first and last slot it may sign."""

    hash: bytes
    k: int
    from_slot: int
    until_slot: int


@dataclass(frozen=True, slots=True)
class SignerSet:
    """A signer set with its list, strictly ascending. `until_slot` is the last slot it may sign."""

    epoch: int
    k: int
    signers: tuple[bytes, ...]
    from_slot: int
    until_slot: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a tenure has settled: its register and, at unix second `at`, the allowance left; rated power in W."""

    register: int
    allowance: int
    at: int
    rated_w: int


@dataclass(frozen=True, slots=True)
class Station:
    """A station as the Registry has it now; `since` is the unix second at which the present tenure began."""

    owner: bytes
    tenure: int
    since: int
    rated_w: int
    kind: int
    demo: bool


@dataclass(frozen=True, slots=True)
class Tenure:
    """One ownership of a station. Instants are unix seconds, `until` is 0 while it lasts."""

    owner: bytes
    since: int
    until: int
    rated_w: int


class Contract:
    """One deployed contract: calls by name, at any block."""

    def __init__(self, rpc: Rpc, deployment: Deployment, name: str, *, abi: str | None = None) -> None:
        """`abi` names the kind of contract where a deployment has several of it, as pools."""
        self.rpc = rpc
        self.deployed = deployment.contract(name)
        self.abi: ContractAbi = load_abi(abi or self.deployed.source)

    @property
    def address(self) -> str:
        """Where it stands."""
        return self.deployed.address

    async def read(self, function: str, *arguments: Any, block: Block = "latest") -> Any:
        """Call a view. Raises Unavailable, RpcError for a revert, Malformed if nothing of the kind stands there."""
        data = self.abi.encode_call(function, *arguments)
        return self.abi.decode_result(function, await self.rpc.call(self.address, data, block=block))


class OracleClient(Contract):
    """The Oracle: reports and signer sets."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "Oracle")

    async def head(self, utility: int, *, block: Block = "latest") -> Head:
        """The newest accepted report."""
        return Head(**await self.read("head", utility, block=block))

    async def mode_of(self, utility: int, *, block: Block = "latest") -> int:
        """0 not open, 1 claimed, 2 direct, 3 pooled."""
        return int(await self.read("mode_of", utility, block=block))

    async def valid_from(self, utility: int, *, block: Block = "latest") -> int:
        """The first slot whose report can still be claimed against."""
        return int(await self.read("valid_from", utility, block=block))

    async def ceiling(self, utility: int, slot: int, *, block: Block = "latest") -> int:
        """How much energy a report of a slot may bring at most."""
        return int(await self.read("ceiling", utility, slot, block=block))

    async def root_of(self, utility: int, slot: int, *, block: Block = "latest") -> bytes:
        """The root that claims of a slot are proved against, zero if they are refused."""
        return bytes(await self.read("root_of", utility, slot, block=block))

    async def challenge_delay(self, *, block: Block = "latest") -> int:
        """How many seconds after its acceptance nobody can claim against a report."""
        return int(await self.read("challenge_delay", block=block))

    async def claimable_at_many(self, utility: int, slots: Sequence[int], *, block: Block = "latest") -> list[int]:
        """From which unix second on the challenge delay lets anybody claim against the reports of these slots, in order."""
        calls = [self.abi.encode_call("claimable_at", utility, slot) for slot in slots]
        answers = await self.rpc.calls(self.address, calls, block=block)
        return [int(self.abi.decode_result("claimable_at", data)) for data in answers]

    async def epoch(self, *, block: Block = "latest") -> int:
        """The number of the newest signer set; 0 before the first."""
        return int(await self.read("epoch", block=block))

    async def paused(self, *, block: Block = "latest") -> bool:
        """True while reports are refused."""
        return bool(await self.read("paused", block=block))

    async def signer_terms(self, epoch: int, *, block: Block = "latest") -> SignerTerms:
        """What the contract keeps of a signer set; all zero when there is none."""
        return SignerTerms(**await self.read("signer_set", epoch, block=block))

    async def signer_set(self, epoch: int) -> SignerSet | None:
        """A signer set with its list, which stands only in the event of its rotation. None if there was none such."""
        logs = await self.rpc.logs(
            addresses=[self.address],
            topics=[self.abi.topic("SignerSetRotated"), "0x" + epoch.to_bytes(32, "big").hex()],
            from_block=self.deployed.block,
        )
        if not logs:
            return None
        decoded = self.abi.decode_log(logs[-1])
        if decoded is None:
            return None
        terms = await self.signer_terms(epoch)
        return SignerSet(epoch, terms.k, tuple(decoded[1]["signers"]), terms.from_slot, terms.until_slot)

    def report_call(self, report: Sequence[Any], signers: Sequence[bytes], signatures: Sequence[bytes]) -> bytes:
        """The bytes of `report`. `report` has the struct's fields in order, `signers` the epoch's whole list, and
        `signatures` are compact, in ascending order of their signers.
        """
        return self.abi.encode_call("report", tuple(report), list(signers), signature_words(signatures))


class TreasuryClient(Contract):
    """The Treasury: what was settled, and claims."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "Treasury")

    async def settled(self, utility: int, station: int, tenure: int, *, block: Block = "latest") -> Settled:
        """What a tenure has settled."""
        return Settled(**await self.read("settled", utility, station, tenure, block=block))

    async def settled_many(
        self, utility: int, tenures: Sequence[tuple[int, int]], *, block: Block = "latest"
    ) -> list[Settled]:
        """What each (station, tenure) has settled, in order, in few requests."""
        calls = [self.abi.encode_call("settled", utility, station, tenure) for station, tenure in tenures]
        answers = await self.rpc.calls(self.address, calls, block=block)
        return [Settled(**self.abi.decode_result("settled", data)) for data in answers]

    async def minted(self, utility: int, *, block: Block = "latest") -> int:
        """All energy ever settled, reserve included."""
        return int(await self.read("minted", utility, block=block))

    async def reserve(self, utility: int, *, block: Block = "latest") -> int:
        """The reserve that was counted and not yet collected."""
        return int(await self.read("reserve", utility, block=block))

    async def issued(self, utility: int, *, block: Block = "latest") -> int:
        """All energy that ever became tokens."""
        return int(await self.read("issued", utility, block=block))

    async def paused(self, *, block: Block = "latest") -> bool:
        """True while minting is stopped."""
        return bool(await self.read("paused", block=block))

    def claim_call(self, leaf: Sequence[Any], index: int, proof: Sequence[bytes]) -> bytes:
        """The bytes of `claim`: class tokens up to the register of a leaf, given as `dataclasses.astuple` writes it."""
        return self.abi.encode_call("claim", tuple(leaf), index, list(proof))

    def claim_batch_call(self, leaf: Sequence[Any], index: int, proof: Sequence[bytes]) -> bytes:
        """The bytes of `claim_batch`: tokens of exactly the leaf's slot."""
        return self.abi.encode_call("claim_batch", tuple(leaf), index, list(proof))

    async def seated(self, utility: int, known: Sequence[Seat] = ()) -> list[Seat]:
        """Who sits in the row of a direct utility, in order; `known` is what this told before. Raises Unavailable if the chain's
        node does not show how the row was seated.
        """
        wanted = bytes(await self.read("seats", utility))
        if seats_hash(known) == wanted:
            return list(known)
        logs = await self.rpc.logs(
            addresses=[self.address],
            topics=[self.abi.topic("Seated"), "0x" + utility.to_bytes(32, "big").hex()],
            from_block=self.deployed.block,
        )
        seats: list[Seat] = []
        for log in logs:
            decoded = self.abi.decode_log(log)
            assert decoded is not None
            args = decoded[1]
            if args["place"] == 0:
                seats = []
            fields = ("station", "tenure", "owner", "rated_w", "is_contract", "ended")
            seats.append(Seat(**{name: args[name] for name in fields}))
        if seats_hash(seats) != wanted:
            raise Unavailable("chain.seats_unknown", f"the node does not show who sits in the row of utility {utility}")
        return seats

    async def rate_of(self, utility: int) -> tuple[bool, int, int]:
        """Whether the utility has a rate of its own, its base in W, and its share of the rated power in millionths."""
        own, base, share = await self.read("rate_of", utility)
        return bool(own), int(base), int(share)

    def direct_call(self, report_call: bytes, row: Sequence[int]) -> bytes:
        """The bytes of `direct`: what `OracleClient.report_call` gave, and the words of `chain.direct.row_words`."""
        return self.abi.encode_call("direct", report_call, list(row))


class HomePolicyClient(Contract):
    """HomePolicy: what a whole token of each utility adds to a home's income."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "HomePolicy")

    async def coefficients(self, *, block: Block = "latest") -> dict[int, int]:
        """Millionths of a GCM per whole token, by utility code."""
        return {code: int(value) for code, value in enumerate(await self.read("coefficients", block=block)) if code}


class RegistryClient(Contract):
    """The Registry: stations, tenures, meters."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "Registry")

    async def station_of(self, station: int, *, block: Block = "latest") -> Station | None:
        """A station, or None if it is unknown."""
        made = Station(**await self.read("station_of", station, block=block))
        return made if made.tenure else None

    async def tenures(self, tenures: Sequence[tuple[int, int]], *, block: Block = "latest") -> list[Tenure]:
        """Each (station, tenure), in order; `since` is 0 where there is none."""
        calls = [self.abi.encode_call("tenure_of", station, tenure) for station, tenure in tenures]
        answers = await self.rpc.calls(self.address, calls, block=block)
        return [Tenure(**self.abi.decode_result("tenure_of", data)) for data in answers]

    async def total_rated_w(self, *, block: Block = "latest") -> int:
        """The rated power of all stations together, W."""
        return int(await self.read("total_rated_w", block=block))


class EnergyTokenClient(Contract):
    """The EnergyToken: balances and supplies."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None:
        super().__init__(rpc, deployment, "EnergyToken")

    async def balance_of(self, owner: bytes, token_id: int, *, block: Block = "latest") -> int:
        """How much of an id an address holds."""
        return int(await self.read("balanceOf", owner, token_id, block=block))

    async def total_supply(self, token_id: int, *, block: Block = "latest") -> int:
        """How much of an id exists."""
        return int(await self.read("total_supply", token_id, block=block))


def batch_id(utility: int, slot: int) -> int:
    """The id of the tokens of one utility and slot (docs/protocol.md)."""
    return BATCH_BIT | utility << 32 | slot


def signature_words(signatures: Sequence[bytes]) -> list[bytes]:
    """Compact signatures as the row of (r, vs) that the contracts take."""
    return [word for signature in signatures for word in (signature[:32], signature[32:])]
