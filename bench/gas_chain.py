# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The house on a real anvil, for measuring: every figure is the `gasUsed` of a transaction's receipt.

Everything that could move a receipt is fixed: accounts, keys, clock, chain id. Two runs print the same numbers.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from bench.contracts import Artifact, artifact, revert_reason
from greencore.embedded.anvil import CHAIN_ID, Anvil
from greencore.embedded.ports import HOST, free_ports
from greencore.embedded.program import running
from oracle.rules import Content, Leaf, Report, Tree

START = 1_800_000_000 - 1_800_000_000 % 900
SLOT = 900
RING = 128
GAS_LIMIT = 16_000_000
_GAS_TOGETHER = 400_000  # of one of many: a block must take some dozens
_PATIENCE = 100_000  # questions, each of some milliseconds: a machine may be busy
RESERVE_BPS = 200
CLAIMED, DIRECT, POOLED = 1, 2, 3


class Reverted(RuntimeError):
    """A transaction that a measurement needs did not go through."""


@dataclass(frozen=True)
class Contract:
    """A deployed contract."""

    artifact: Artifact
    address: bytes


@dataclass(frozen=True)
class SignerSet:
    """The nodes of an epoch in ascending order of address, and how many must sign."""

    epoch: int
    keys: tuple[PrivateKey, ...]
    k: int

    @property
    def addresses(self) -> list[bytes]:
        """The list that a report carries."""
        return [key.public_key.to_canonical_address() for key in self.keys]

    def sign(self, digest: bytes, count: int | None = None) -> list[bytes]:
        """So many compact signatures, as many as are needed unless told, in the order that the Oracle asks for."""
        words: list[bytes] = []
        for key in self.keys[: count or self.k]:
            signature = key.sign_msg_hash(digest)
            words += [signature.r.to_bytes(32, "big"), (signature.v << 255 | signature.s).to_bytes(32, "big")]
        return words


class Chain:
    """An anvil with automatic mining and a clock that only moves when it is told."""

    def __init__(self, anvil: Anvil) -> None:
        # One connection for all: a book of 1,000 makers takes thousands of calls.
        self._connection = HTTPConnection(HOST, anvil.port, timeout=60)
        self.now = START
        self._sent: list[str] | None = None
        accounts: list[str] = self.call("eth_accounts")
        self.accounts = [bytes.fromhex(account[2:]) for account in accounts]

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def call(self, method: str, *params: object) -> Any:
        """One JSON-RPC call. Raises Reverted for the chain's own errors."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        reply = json.load(self._connection.getresponse())
        if "error" in reply:
            raise Reverted(f"{method}: {reply['error'].get('message', reply['error'])}")
        return reply["result"]

    def invite(self, account: bytes) -> None:
        """Let an address without a key send transactions."""
        self.call("anvil_impersonateAccount", _hex(account))
        self.call("anvil_setBalance", _hex(account), hex(10**24))

    def deploy(self, name: str, *args: Any) -> Contract:
        """Deploy from the first account, the house's owner."""
        compiled = artifact(name)
        receipt = self._send({"data": "0x" + compiled.initcode(*args).hex()}, self.accounts[0])
        return Contract(compiled, bytes.fromhex(receipt["contractAddress"][2:]))

    def next_address(self, ahead: int) -> bytes:
        """Where the owner's deployment after so many others will stand."""
        nonce = int(self.call("eth_getTransactionCount", _hex(self.accounts[0]), "latest"), 16) + ahead
        return keccak(rlp.encode([self.accounts[0], nonce]))[12:]

    def send(self, contract: Contract, function: str, *args: Any, sender: bytes | None = None) -> int:
        """Send a transaction; returns the gas of its receipt, 0 inside `together`. Raises Reverted with the reason."""
        data = contract.artifact.functions[function].calldata(*args)
        call = {"to": _hex(contract.address), "data": "0x" + data.hex()}
        if self._sent is not None:
            transaction = {**call, "from": _hex(sender or self.accounts[0]), "gas": hex(_GAS_TOGETHER)}
            self._sent.append(self.call("eth_sendTransaction", transaction))
            return 0
        receipt = self._send(call, sender or self.accounts[0])
        if receipt["status"] != "0x1":
            reason = revert_reason(bytes.fromhex(self._trace_output(receipt["transactionHash"])))
            raise Reverted(f"{contract.artifact.name}.{function}: {reason or 'no reason'}")
        return int(receipt["gasUsed"], 16)

    def view(self, contract: Contract, function: str, *args: Any) -> Any:
        """Read the newest state."""
        spec = contract.artifact.functions[function]
        call = {"to": _hex(contract.address), "data": "0x" + spec.calldata(*args).hex()}
        return spec.result(bytes.fromhex(self.call("eth_call", call, "latest")[2:]))

    def pass_time(self, seconds: int) -> None:
        """Move the clock of the next block."""
        self.now += seconds

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is sent inside is mined in few blocks, in the order in which it was sent: for crowds, and not measured.
        Raises Reverted if one of it was."""
        sent: list[str] = []
        self._sent = sent
        self.call("evm_setAutomine", False)
        yield
        self._sent = None
        mined: list[str] = []
        while len(mined) < len(sent):
            self.now += 1
            self.call("evm_setNextBlockTimestamp", self.now)
            self.call("evm_mine")
            receipts = self.call("eth_getBlockReceipts", "latest")
            mined += [receipt["transactionHash"] for receipt in receipts]
            if mined != sent[: len(mined)] or not receipts or any(receipt["status"] != "0x1" for receipt in receipts):
                raise Reverted("a crowd's transactions did not all go through, or not in their order")
        self._drain()
        self.call("evm_setAutomine", True)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is sent inside leaves no trace."""
        now, snapshot = self.now, self.call("evm_snapshot")
        yield
        # Undone before the pool is empty, a nonce comes again, and the late clearing takes the new transaction out too.
        self._drain()
        self.call("evm_revert", snapshot)
        self.now = now

    def _send(self, call: dict[str, str], sender: bytes) -> dict[str, Any]:
        self.now += 1
        self.call("evm_setNextBlockTimestamp", self.now)
        transaction = {**call, "from": _hex(sender), "gas": hex(GAS_LIMIT)}
        hash_ = self.call("eth_sendTransaction", transaction)
        receipt: dict[str, Any] = self._until(lambda: self.call("eth_getTransactionReceipt", hash_), "a receipt")
        return receipt

    def _drain(self) -> None:
        """Wait until the pool is empty: a receipt is there a moment before its transaction leaves it."""
        self._until(lambda: self.call("txpool_status")["pending"] == "0x0" or None, "the pool to be empty")

    @staticmethod
    def _until(asked: Callable[[], Any], what: str) -> Any:
        """Ask until there is an answer: anvil is done with a block a moment after it says so."""
        for _ in range(_PATIENCE):
            answer = asked()
            if answer is not None:
                return answer
            time.sleep(0.001)
        raise Reverted(f"waited in vain for {what}")

    def _trace_output(self, transaction: str) -> str:
        call = self.call("eth_getTransactionByHash", transaction)
        trace = self.call("debug_traceTransaction", transaction, {"tracer": "callTracer"})
        return str(trace.get("output") or call["hash"])[2:]


class House:
    """The contracts with their roles, four of six nodes needed or whatever a measurement asks for."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.owner, self.registrar, self.keeper, self.beneficiary = chain.accounts[:4]
        treasury = chain.next_address(4)
        self.registry = chain.deploy("Registry", True)
        self.guard = chain.deploy("Guard")
        self.oracle = chain.deploy("Oracle", self.registry.address, treasury, self.guard.address)
        self.token = chain.deploy("EnergyToken", treasury, self.guard.address, "https://greencore.example/")
        self.treasury = chain.deploy(
            "Treasury",
            self.registry.address,
            self.oracle.address,
            self.token.address,
            self.guard.address,
            RESERVE_BPS,
            self.beneficiary,
        )
        chain.send(self.registry, "set_registrar", self.registrar, True)
        self.heads: dict[int, Content] = {}
        self.epochs = 0

    def open(self, utility: int, mode: int) -> None:
        """Open a utility; its first slot is the running one."""
        self.chain.send(self.oracle, "open_utility", utility, mode)

    def rotate(self, nodes: int, k: int, faulty: int) -> SignerSet:
        """A new signer set that may sign at once."""
        keys = [PrivateKey(keccak(f"bench node {i}".encode())) for i in range(nodes)]
        self.epochs += 1
        fresh = SignerSet(self.epochs, tuple(sorted(keys, key=lambda key: key.public_key.to_canonical_address())), k)
        self.chain.send(self.oracle, "rotate", fresh.addresses, k, faulty, 0, 0)
        return fresh

    def register(self, station: int, owner: bytes, rated_w: int) -> int:
        """A station's first tenure; returns its gas."""
        return self.chain.send(
            self.registry, "register_station", station, owner, rated_w, 1, False, sender=self.registrar
        )

    def content(self, utility: int, slot: int, leaves: Sequence[Leaf], tree: Tree) -> Content:
        """What a report over these leaves says. The total may not fall where a shorter row follows a longer one, so it is
        not always the sum of the row, and the data hash is any: of a claimed utility no contract can check them."""
        before = self.heads.get(utility)
        rise = sum(leaf.energy for leaf in leaves)
        total = max(sum(leaf.mintable for leaf in leaves), before.total + rise if before else 0)
        return Content(
            utility=utility,
            slot=slot,
            prev=before.hash() if before else bytes(32),
            root=tree.root,
            increase=total - (before.total if before else 0),
            total=total,
            stations=len(leaves),
            data_hash=keccak(tree.root),
            valid_from=0,
        )

    def report(self, content: Content, nodes: SignerSet, *, signatures: int | None = None) -> int:
        """Bring a report of a claimed utility; returns its gas."""
        return self.chain.send(
            self.oracle, "report", *self.signed(content, nodes, signatures=signatures), sender=self.keeper
        )

    def signed(
        self, content: Content, nodes: SignerSet, *, signatures: int | None = None
    ) -> tuple[tuple[Any, ...], list[bytes], list[bytes]]:
        """A report's three arguments. Time passes until its slot has ended."""
        self.chain.pass_time(max(0, (content.slot + 1) * SLOT - self.chain.now))
        report = Report(content, (content.slot + 1) * SLOT + 172_800, nodes.epoch)
        words = nodes.sign(report.digest(chain_id=CHAIN_ID, oracle=self.oracle.address), signatures)
        self.heads[content.utility] = content
        c = content
        fields = (c.utility, c.slot, c.prev, c.root, c.increase, c.total, c.stations, c.data_hash, c.valid_from)
        return (*fields, report.deadline, report.epoch), nodes.addresses, words

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside leaves no trace, on chain or here."""
        heads, epochs = dict(self.heads), self.epochs
        with self.chain.undone():
            yield
        self.heads, self.epochs = heads, epochs


@contextmanager
def anvil_chain() -> Iterator[Chain]:
    """A fresh chain."""
    with TemporaryDirectory(prefix="greencore-gas-") as folder:
        anvil = Anvil(Path(folder), free_ports(1)[0], automine=True, genesis_time=START - 900)
        with running(anvil.prepare(), Path(folder) / "anvil.log"):
            chain = Chain(anvil)
            yield chain
            chain.close()


def leaf_words(leaf: Leaf) -> tuple[Any, ...]:
    """A leaf as the ABI's tuple."""
    return (
        leaf.utility,
        leaf.station,
        leaf.tenure,
        leaf.owner,
        leaf.slot,
        leaf.energy,
        leaf.measured,
        leaf.mintable,
        leaf.quality,
        leaf.profile_hash,
    )


def _hex(address: bytes) -> str:
    return "0x" + address.hex()
