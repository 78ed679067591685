# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Actors on a real chain with the real contracts: a registrar, owners, oracle signers, holders. Every act is a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from eth_account import Account
from eth_keys.datatypes import PrivateKey

from chain.client import signature_words
from chain.contract import load_abi
from chain.deployment import Deployment
from oracle.rules import Content, Leaf, Report, Tree, build_content
from tests.conftest import Deployed

E = 1
RATED_W = 10**12
_WEALTH = hex(10**24)
_SIGNERS = sorted(
    (PrivateKey(bytes([n]) * 32) for n in range(1, 5)), key=lambda key: key.public_key.to_canonical_address()
)


class Refused(Exception):
    """A transaction reverted."""


@dataclass(slots=True)
class World:
    """The chain of a test, and what its actors remember of it."""

    deployed: Deployed
    chance: Random = field(default_factory=lambda: Random(1))
    registers: dict[tuple[UUID, int], int] = field(default_factory=dict)
    owners: dict[tuple[UUID, int], bytes] = field(default_factory=dict)
    leaves: Sequence[Leaf] = ()
    tree: Tree | None = None

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.deployed.path)

    def call(self, method: str, *params: object) -> Any:
        return self.deployed.chain.call(method, *params)

    def read(self, contract: str, function: str, *arguments: Any) -> Any:
        abi = load_abi(contract)
        where = {"to": self.deployment.address(contract), "data": "0x" + abi.encode_call(function, *arguments).hex()}
        return abi.decode_result(function, bytes.fromhex(self.call("eth_call", where, "latest")[2:]))

    def send(self, sender: bytes, contract: str, function: str, *arguments: Any) -> Mapping[str, Any]:
        """Raises Refused if it reverts."""
        data = load_abi(contract).encode_call(function, *arguments)
        transaction = {
            "from": "0x" + sender.hex(),
            "to": self.deployment.address(contract),
            "data": "0x" + data.hex(),
            "gas": hex(5_000_000),
        }
        receipt: Mapping[str, Any] = self.call("eth_sendTransactionSync", transaction)
        if receipt["status"] != "0x1":
            raise Refused(f"{contract}.{function}")
        return receipt

    def topic(self, contract: str, event: str) -> str:
        return load_abi(contract).topic(event)

    def actor(self) -> bytes:
        """A new account with gas to spend."""
        address = self.chance.randbytes(20)
        self.call("anvil_setBalance", "0x" + address.hex(), _WEALTH)
        return address

    def owner_of(self, contract: str) -> bytes:
        owner = bytes(self.read(contract, "owner"))
        self.call("anvil_setBalance", "0x" + owner.hex(), _WEALTH)
        return owner

    def begin(self) -> None:
        """Appoint our signers and open E, unless the deployment did."""
        self.call("anvil_autoImpersonateAccount", True)
        oracle_owner = self.owner_of("Oracle")
        registrar = self.owner_of("Registry")
        if self.read("Oracle", "mode_of", E) == 0:
            self.send(oracle_owner, "Oracle", "open_utility", E, 1)
        signers = [key.public_key.to_canonical_address() for key in _SIGNERS]
        self.send(oracle_owner, "Oracle", "rotate", signers, 3, 1, self.slot, 0)
        self.send(registrar, "Registry", "set_registrar", registrar, True)

    @property
    def slot(self) -> int:
        return self.deployed.chain.timestamp() // 900

    def pass_slots(self, count: int = 1) -> None:
        """Time goes to the beginning of a later slot."""
        self.deployed.chain.mine(timestamp=(self.slot + count) * 900)

    def station(self, owner: bytes | None = None, *, demo: bool | None = None) -> UUID:
        """Register a station with one meter."""
        station = UUID(bytes=self.chance.randbytes(16), version=4)
        owner = owner or self.actor()
        kept = demo if demo is not None else not self.read("Registry", "live")
        self.send(self.owner_of("Registry"), "Registry", "register_station", station.int, owner, RATED_W, 1, kept)
        self.meter(station)
        self.registers[station, 1] = 0
        self.owners[station, 1] = owner
        return station

    def meter(self, station: UUID) -> bytes:
        key = self.chance.randbytes(32)
        self.send(self.owner_of("Registry"), "Registry", "register_meter", station.int, key, 1)
        return key

    def hand_over(self, station: UUID) -> bytes:
        """Both steps of a handover; returns the new owner."""
        tenure = max(t for s, t in self.owners if s == station)
        receiver = self.actor()
        self.send(self.owners[station, tenure], "Registry", "offer_station", station.int, receiver)
        self.send(receiver, "Registry", "accept_station", station.int)
        self.registers[station, tenure + 1] = 0
        self.owners[station, tenure + 1] = receiver
        return receiver

    def report(self, energy: Mapping[UUID, int]) -> Content:
        """A report of the next slot that adds energy to the present tenures, signed by three of four."""
        self.pass_slots()
        head = self.read("Oracle", "head", E)
        for station, amount in energy.items():
            tenure = max(t for s, t in self.owners if s == station)
            self.registers[station, tenure] += amount
        self.leaves = [
            Leaf(
                utility=E,
                station=station.int,
                tenure=tenure,
                owner=self.owners[station, tenure],
                slot=self.slot,
                energy=energy.get(station, 0) if (station, tenure + 1) not in self.owners else 0,
                measured=register,
                mintable=register,
                quality=2,
                profile_hash=bytes(32),
            )
            for (station, tenure), register in sorted(self.registers.items())
        ]
        content, self.tree = build_content(
            self.leaves,
            utility=E,
            slot=self.slot,
            prev=head["content_hash"],
            previous_total=head["total"],
            valid_from=0,
        )
        self._bring(content)
        return content

    def _bring(self, content: Content) -> None:
        report = Report(content, deadline=2**40, epoch=self.read("Oracle", "epoch"))
        oracle = self.deployment.contract("Oracle").raw
        digest = report.digest(chain_id=self.deployment.chain_id, oracle=oracle)
        signatures = [_compact(key, digest) for key in _SIGNERS[:3]]
        signers = [key.public_key.to_canonical_address() for key in _SIGNERS]
        struct = (*astuple(content), report.deadline, report.epoch)
        self.send(self.actor(), "Oracle", "report", struct, signers, signature_words(signatures))

    def claim(self, station: UUID, tenure: int = 1, *, batch: bool = False) -> Mapping[str, Any]:
        """A stranger claims a tenure's leaf of the newest report for its owner."""
        assert self.tree is not None
        index = next(i for i, leaf in enumerate(self.leaves) if (leaf.station, leaf.tenure) == (station.int, tenure))
        function = "claim_batch" if batch else "claim"
        return self.send(self.actor(), "Treasury", function, astuple(self.leaves[index]), index, self.tree.proof(index))

    def transfer(self, giver: bytes, receiver: bytes, token_id: int, amount: int) -> None:
        self.send(giver, "EnergyToken", "safeTransferFrom", giver, receiver, token_id, amount, b"")

    def balance(self, owner: bytes, token_id: int) -> int:
        return int(self.read("EnergyToken", "balanceOf", owner, token_id))


def _compact(key: PrivateKey, digest: bytes) -> bytes:
    """EIP-2098."""
    signed = Account.unsafe_sign_hash(digest, key.to_bytes())
    return signed.r.to_bytes(32, "big") + ((signed.v - 27) << 255 | signed.s).to_bytes(32, "big")
