# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contracts of the house in a py-evm of their own: deployed once, called with raw bytes, answered with reasons."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import boa
from boa.vm.py_evm import register_raw_precompile
from eth.precompiles.ecrecover import ecrecover as slow_ecrecover
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from bench.contracts import Artifact, artifact, revert_reason
from oracle.rules import Report

S_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
S_MAX = S_ORDER // 2
START = 1_800_000_000 - 1_800_000_000 % 900  # any quarter hour
CALL_GAS = 30_000_000

MODES = {1: 1, 4: 1, 2: 2, 3: 3}  # utility → mode: two claimed ones, a direct one, a pooled one
RESERVE_BPS = 250


def account(name: str) -> bytes:
    """An address that nobody has a key for, named by its role."""
    return keccak(f"fuzz {name}".encode())[12:]


OWNER = account("house owner")
GUARDIAN = account("guardian")
REGISTRAR = account("registrar")
BENEFICIARY = account("beneficiary")
RELAYER = account("relayer")
STRANGER = account("stranger")
TREASURY = account("treasury")
PEOPLE = tuple(account(role) for role in ("prosumer", "neighbour", "buyer", "hoarder"))
PEOPLE_AND_RELAYER = (*PEOPLE, RELAYER, STRANGER)


@dataclass(frozen=True)
class Outcome:
    """What a call did: whether it went through, what it returned, why not, and the logs (address, topics, data)."""

    ok: bool
    output: bytes
    reason: str
    gas: int
    logs: tuple[Any, ...]

    @property
    def number(self) -> int:
        """The one number that was returned."""
        return int.from_bytes(self.output[:32], "big")


class Contract:
    """A deployed contract, called without a registered object: titanoboa would render its storage at every revert."""

    def __init__(self, compiled: Artifact, *args: Any, sender: bytes, at: bytes | None = None) -> None:
        self.artifact = compiled
        address, computation = boa.env.deploy(
            sender=_hex(sender), bytecode=compiled.initcode(*args), override_address=_hex(at) if at else None
        )
        assert computation.is_success, revert_reason(computation.output)
        self.address: bytes = address.canonical_address
        self._hex = str(address)

    def call(self, function: str, *args: Any, sender: bytes, gas: int = CALL_GAS) -> Outcome:
        """Send a transaction; nothing is raised when it reverts."""
        data = self.artifact.functions[function].calldata(*args)
        computation = boa.env.execute_code(to_address=self._hex, sender=_hex(sender), data=data, gas=gas)
        ok = not computation.is_error
        return Outcome(
            ok=ok,
            output=computation.output,
            reason="" if ok else revert_reason(computation.output),
            gas=computation.get_gas_used(),
            logs=tuple(computation.get_log_entries()) if ok else (),
        )

    def must(self, function: str, *args: Any, sender: bytes) -> Outcome:
        """Send a transaction that a test takes for granted."""
        outcome = self.call(function, *args, sender=sender)
        assert outcome.ok, f"{self.artifact.name}.{function}: {outcome.reason or 'reverted'}"
        return outcome

    def view(self, function: str, *args: Any) -> Any:
        """Read; raises AssertionError when the view reverts."""
        spec = self.artifact.functions[function]
        computation = boa.env.execute_code(to_address=self._hex, data=spec.calldata(*args), is_modifying=False)
        assert not computation.is_error, f"{self.artifact.name}.{function}: {revert_reason(computation.output)}"
        return spec.result(computation.output)


@dataclass(frozen=True)
class Signer:
    """A node's key."""

    key: PrivateKey
    address: bytes


@cache
def signers() -> tuple[Signer, ...]:
    """Eight nodes in ascending order of address."""
    nodes = [PrivateKey(keccak(f"fuzz node {i}".encode())) for i in range(8)]
    return tuple(
        sorted((Signer(k, k.public_key.to_canonical_address()) for k in nodes), key=lambda signer: signer.address)
    )


_recovered: dict[bytes, bytes] = {}


@lru_cache(maxsize=4096)
def sign(digest: bytes, signer: Signer) -> tuple[bytes, bytes]:
    """EIP-2098 pair (r, vs) of a node over a digest."""
    signature = signer.key.sign_msg_hash(digest)
    r, s, parity = signature.r.to_bytes(32, "big"), signature.s, signature.v
    _recovered[digest + bytes(31) + bytes([27 + parity]) + r + s.to_bytes(32, "big")] = signer.address
    return r, (parity << 255 | s).to_bytes(32, "big")


def high_s(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The same `r` with the least `s` that is too high. Of a real signature's twin, `s` fills all 256 bits, see below."""
    return pair[0], (S_MAX + 1).to_bytes(32, "big")


def malleated(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The signature's twin, order − s: almost never fits 255 bits, so that its top bit is read as the parity."""
    vs = int.from_bytes(pair[1], "big")
    twin = S_ORDER - (vs & (1 << 255) - 1)
    return pair[0], ((vs >> 255 ^ 1) << 255 | twin).to_bytes(32, "big")


def flat(pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Signatures as the Oracle takes them."""
    return [word for pair in pairs for word in pair]


@contextmanager
def remembered_recovery(*, active: bool) -> Iterator[None]:
    """Answer `ecrecover` of signatures that this process made from memory: 5 ms each in pure Python otherwise.

    Everything else, garbage included, goes to py-evm's own precompile. The nightly profile remembers nothing.
    """

    def ecrecover(computation: Any) -> Any:
        known = _recovered.get(computation.msg.data_as_bytes[:128])
        if known is None:
            return slow_ecrecover(computation)
        computation.consume_gas(3_000, reason="ECRecover")
        computation.output = known.rjust(32, b"\0")
        return computation

    address = "0x" + "00" * 19 + "01"
    register_raw_precompile(address, ecrecover if active else slow_ecrecover, force=True)
    try:
        yield
    finally:
        register_raw_precompile(address, slow_ecrecover, force=True)


class World:
    """The whole house on a fresh chain: roles appointed, four utilities open, eight nodes of which the first three sign."""

    def __init__(self) -> None:
        boa.env.timestamp = START
        self.chain_id: int = boa.env.evm.patch.chain_id
        deploy: Callable[..., Contract] = Contract
        self.registry = deploy(artifact("Registry"), True, sender=OWNER)
        self.guard = deploy(artifact("Guard"), sender=OWNER)
        self.oracle = deploy(artifact("Oracle"), self.registry.address, TREASURY, self.guard.address, sender=OWNER)
        self.token = deploy(artifact("EnergyToken"), TREASURY, self.guard.address, "", sender=OWNER)
        self.treasury = deploy(
            artifact("Treasury"),
            self.registry.address,
            self.oracle.address,
            self.token.address,
            self.guard.address,
            RESERVE_BPS,
            BENEFICIARY,
            sender=OWNER,
            at=TREASURY,
        )
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        self.registry.must("set_registrar", REGISTRAR, True, sender=OWNER)
        self.oracle.must("rotate", [s.address for s in signers()[:3]], 2, 0, 0, 0, sender=OWNER)
        for utility, mode in MODES.items():
            self.oracle.must("open_utility", utility, mode, sender=OWNER)

    @property
    def now(self) -> int:
        """The chain's clock, unix seconds."""
        return int(boa.env.timestamp)

    def pass_time(self, seconds: int) -> None:
        """Move the clock."""
        boa.env.timestamp = self.now + seconds

    def digest(self, report: Report) -> bytes:
        """What the nodes sign, computed by the Python half."""
        return report.digest(chain_id=self.chain_id, oracle=self.oracle.address)


def report_words(report: Report) -> tuple[Any, ...]:
    """A report as the ABI's tuple."""
    c = report.content
    return (
        c.utility,
        c.slot,
        c.prev,
        c.root,
        c.increase,
        c.total,
        c.stations,
        c.data_hash,
        c.valid_from,
        report.deadline,
        report.epoch,
    )


def leaf_words(leaf: Any) -> tuple[Any, ...]:
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
