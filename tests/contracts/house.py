# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contracts as Ape deployed them, and the nodes that measure, report and claim: a thin layer over `oracle.rules`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import ape
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance
from eth_abi.abi import decode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address, to_checksum_address

from chain.direct import Seat, row_words
from oracle.rules import ZERO_HASH, Content, Leaf, Report, Tree, build_content

E, H, W, AGR = 1, 2, 3, 4  # claimed, direct, pooled, not open
CLAIMED, DIRECT, POOLED = 1, 2, 3
SLOT = 900
KWH = 10**9
RATED_W = 10_000
RESERVE_BPS = 200
ZERO = "0x" + "0" * 40
ERROR_SELECTOR = keccak(b"Error(string)")[:4]
SLOT_ALLOWANCE = RATED_W * 250_000 * 5 // 4  # µWh that one station may add in one slot: 1.25 × rated power × 15 min
ROOF, BARN = 0x1111_0000_0000_4000_8000_0000_0000_0001, 0x2222_0000_0000_4000_8000_0000_0000_0002


def batch_id(utility: int, slot: int) -> int:
    """The id of a batch (docs/protocol.md)."""
    return 1 << 255 | utility << 32 | slot


def node_keys(count: int, *, generation: int = 1) -> list[PrivateKey]:
    """Keys of oracle nodes in ascending order of address."""
    keys = [PrivateKey(keccak(f"node {generation}.{i}".encode())) for i in range(count)]
    return sorted(keys, key=lambda key: key.public_key.to_canonical_address())


def addresses(keys: Iterable[PrivateKey]) -> list[str]:
    """The keys' addresses with checksums."""
    return [key.public_key.to_checksum_address() for key in keys]


def compact(key: PrivateKey, digest: bytes) -> list[bytes]:
    """An EIP-2098 signature as the contracts take it: r and vs."""
    signature = key.sign_msg_hash(digest)
    return [signature.r.to_bytes(32, "big"), (signature.v << 255 | signature.s).to_bytes(32, "big")]


def leaf_args(leaf: Leaf) -> tuple[Any, ...]:
    """A leaf as a contract's argument."""
    values = list(astuple(leaf))
    values[3] = to_checksum_address(leaf.owner)
    return tuple(values)


def report_args(report: Report) -> tuple[Any, ...]:
    """A report as a contract's argument."""
    return (*astuple(report.content), report.deadline, report.epoch)


def pack(readings: Sequence[int]) -> bytes:
    """Readings in 64-bit lanes, padded to whole words."""
    packed = b"".join(reading.to_bytes(8, "big") for reading in readings)
    return packed + bytes(-len(packed) % 32)


@dataclass(frozen=True)
class Contracts:
    """The six contracts."""

    guard: ContractInstance
    registry: ContractInstance
    oracle: ContractInstance
    token: ContractInstance
    treasury: ContractInstance
    homes: ContractInstance


@dataclass(frozen=True)
class Signed:
    """A report with what `Oracle.report` takes."""

    report: Report
    signers: list[str]
    signatures: list[bytes]

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments."""
        return report_args(self.report), self.signers, self.signatures


@dataclass(frozen=True)
class Published:
    """A report with its leaves and their tree."""

    content: Content
    leaves: list[Leaf]
    tree: Tree

    def shown(self, station: int, tenure: int = 1) -> tuple[tuple[Any, ...], int, list[bytes]]:
        """What `Treasury.claim` takes for a station's tenure."""
        index = next(i for i, leaf in enumerate(self.leaves) if (leaf.station, leaf.tenure) == (station, tenure))
        return leaf_args(self.leaves[index]), index, self.tree.proof(index)


@dataclass
class Tenure:
    """A register off chain, µWh, and whose it is."""

    owner: str
    mintable: int = 0


@dataclass
class House:
    """One test's view: time, registers, reports."""

    on: Contracts
    relayer: AccountAPI
    keys: list[PrivateKey]
    epoch: int = 1
    tenures: dict[tuple[int, int, int], Tenure] = field(default_factory=dict)
    heads: dict[int, Content] = field(default_factory=dict)
    sitting: list[Seat] = field(default_factory=list)  # in the direct utility's row

    @property
    def now(self) -> int:
        """The last block's time."""
        return int(ape.chain.blocks.head.timestamp)

    @property
    def slot(self) -> int:
        """The running slot by the chain's clock."""
        return self.now // SLOT

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        ape.chain.mine(timestamp=self.now + seconds)

    def next_slot(self) -> int:
        """Go to the beginning of the next slot and return it."""
        slot = self.slot + 1
        ape.chain.mine(timestamp=slot * SLOT)
        return slot

    def join(self, station: int, owner: AccountAPI | str, *, utility: int = E, tenure: int = 1) -> None:
        """A tenure gets a leaf from now on."""
        self.tenures[utility, station, tenure] = Tenure(str(getattr(owner, "address", owner)))

    def leaves(self, energy: Mapping[int, int], *, utility: int, slot: int, tenure: int = 1) -> list[Leaf]:
        """The row after the given stations' registers rose by `energy`, µWh."""
        row = []
        for (code, station, number), held in sorted(self.tenures.items()):
            if code != utility:
                continue
            added = energy.get(station, 0) if number == tenure else 0
            held.mintable += added
            row.append(
                Leaf(
                    utility=utility,
                    station=station,
                    tenure=number,
                    owner=to_canonical_address(held.owner),
                    slot=slot,
                    energy=added,
                    measured=held.mintable,
                    mintable=held.mintable,
                    quality=2,
                    profile_hash=keccak(f"{station} {slot}".encode()),
                )
            )
        return row

    def draft(
        self, leaves: Sequence[Leaf], *, utility: int = E, slot: int | None = None, valid_from: int = 0
    ) -> Published:
        """A report's content over a row that follows the last one; nothing is sent."""
        last = self.heads.get(utility)
        content, tree = build_content(
            leaves,
            utility=utility,
            slot=leaves[0].slot if slot is None else slot,
            prev=last.hash() if last else ZERO_HASH,
            previous_total=last.total if last else 0,
            valid_from=valid_from,
            direct=utility == H,
        )
        return Published(content, list(leaves), tree)

    def seats(self, leaves: Iterable[Leaf]) -> list[Seat]:
        """The seats of a row as the Registry has them now."""
        found = []
        for leaf in leaves:
            tenure = self.on.registry.tenure_of(leaf.station, leaf.tenure)
            code = bool(ape.chain.provider.get_code(tenure.owner))
            owner = to_canonical_address(tenure.owner)
            found.append(Seat(leaf.station, leaf.tenure, owner, tenure.rated_w, code, tenure.until != 0))
        return found

    def direct(
        self,
        content: Content,
        leaves: Sequence[Leaf],
        *,
        seats: Sequence[Seat] | None = None,
        before: Sequence[Seat] | None = None,
    ) -> tuple[bytes, list[int]]:
        """What `Treasury.direct` takes: seated anew where the Registry has other seats by now, or as it is told."""
        found = self.seats(leaves) if seats is None else list(seats)
        if before is None:
            before = [] if found == self.sitting else self.sitting
        registers = [(leaf.station, leaf.tenure, leaf.mintable) for leaf in leaves]
        call = self.on.oracle.report.encode_input(*self.sign(content).args)
        return bytes(call), row_words(registers, found, before)

    def pay(self, published: Published, **more: Any) -> ReceiptAPI:
        """Send a direct utility's report with its row."""
        seats = self.seats(published.leaves)
        receipt = self.on.treasury.direct(
            *self.direct(published.content, published.leaves, **{"seats": seats} | more), sender=self.relayer
        )
        self.accept(published.content)
        self.sitting = list(more.get("seats", seats))
        return receipt

    def pooled(self, readings: Sequence[int], *, slot: int) -> Content:
        """A pooled utility's content; nothing is sent."""
        last = self.heads.get(W)
        total = (last.total if last else 0) + sum(readings)
        return Content(
            utility=W,
            slot=slot,
            prev=last.hash() if last else ZERO_HASH,
            root=keccak(b"no tree"),
            increase=sum(readings),
            total=total,
            stations=len(readings),
            data_hash=keccak(pack(readings)),
            valid_from=0,
        )

    def sign(
        self,
        content: Content,
        *,
        by: Sequence[PrivateKey] | None = None,
        epoch: int | None = None,
        deadline: int | None = None,
        keys: Sequence[PrivateKey] | None = None,
    ) -> Signed:
        """Sign a content: by default three of the four nodes, for two days."""
        listed = list(keys or self.keys)
        report = Report(content, deadline or self.now + 2 * 86_400, self.epoch if epoch is None else epoch)
        digest = report.digest(chain_id=ape.chain.chain_id, oracle=to_canonical_address(self.on.oracle.address))
        signatures = [word for key in (listed[:3] if by is None else by) for word in compact(key, digest)]
        return Signed(report, addresses(listed), signatures)

    def accept(self, content: Content) -> None:
        """The nodes go on from this content."""
        self.heads[content.utility] = content

    def publish(
        self, energy: Mapping[int, int], *, utility: int = E, slot: int | None = None, **more: Any
    ) -> Published:
        """Measure, go to the next slot unless one is given, report, and return what was published."""
        reported = self.next_slot() if slot is None else slot
        published = self.draft(self.leaves(energy, utility=utility, slot=reported), utility=utility, **more)
        self.bring(published.content)
        return published

    def bring(self, content: Content, **more: Any) -> ReceiptAPI:
        """Send a claimed utility's report."""
        receipt = self.on.oracle.report(*self.sign(content, **more).args, sender=self.relayer)
        self.accept(content)
        return receipt

    def claim(self, published: Published, station: int, tenure: int = 1) -> ReceiptAPI:
        """Claim for a station, as a keeper would."""
        return self.on.treasury.claim(*published.shown(station, tenure), sender=self.relayer)

    def claim_batch(self, published: Published, station: int, tenure: int = 1) -> ReceiptAPI:
        """Claim one slot for a station."""
        return self.on.treasury.claim_batch(*published.shown(station, tenure), sender=self.relayer)

    def settled(self, station: int, *, utility: int = E, tenure: int = 1) -> int:
        """The settled register of a tenure, µWh."""
        return int(self.on.treasury.settled(utility, station, tenure).register)


def refuses(reason: str, method: Any, *args: Any, sender: Any, gas: int | None = None) -> None:
    """The call reverts with this reason. Asked as a call: Ape spends most of a second on the trace of a reverted transaction."""
    call = {"from": str(sender.address), "to": method.contract.address, "data": method.encode_input(*args).to_0x_hex()}
    if gas is not None:
        call["gas"] = hex(gas)
    answer = ape.chain.provider.web3.provider.make_request("eth_call", [call, "latest"])
    assert "error" in answer, f"it went through instead of: {reason}"
    data = bytes.fromhex(str(answer["error"].get("data", "0x"))[2:])
    found = (
        decode(["string"], data[4:])[0] if data[:4] == ERROR_SELECTOR else f"no reason ({answer['error']['message']})"
    )
    assert found == reason, f"{found!r} instead of {reason!r}"


def other_leaf(leaf: Leaf, **changes: Any) -> tuple[Any, ...]:
    """A leaf's arguments with something changed."""
    return leaf_args(replace(leaf, **changes))


def reserve_of(start: int, end: int, bps: int = RESERVE_BPS) -> int:
    """The reserve's part of a stretch of a register: the difference of rounded-down parts."""
    return end * bps // 10_000 - start * bps // 10_000
