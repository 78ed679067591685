# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Leaves, their tree, and the report that a quorum signs: pure functions over integers (docs/protocol.md).

The contracts compute the same bytes; `tests/contracts/fuzz` compares the two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Self
from uuid import UUID

from eth_hash.auto import keccak

from kit.units import REGISTER_MAX

EMPTY_LEAF = keccak(b"greencore.empty-leaf")
LEAVES_HEADER = "greencore.leaves.v1"
ZERO_HASH = bytes(32)
PROOF_MAX = 32

_READINGS_LINE = re.compile("readings,0x([0-9a-f]{64})")

_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_REPORT_TYPE = (
    b"Report(uint8 utility,uint32 slot,bytes32 prev,bytes32 root,uint96 increase,uint96 total,"
    b"uint32 stations,bytes32 dataHash,uint32 validFrom,uint64 deadline,uint32 epoch)"
)


_WIDTHS = tuple(
    (name, 1 << bits)
    for name, bits in (
        ("utility", 8),
        ("station", 128),
        ("tenure", 32),
        ("slot", 32),
        ("energy", 64),
        ("measured", 96),
        ("mintable", 96),
        ("quality", 8),
    )
)


class LeavesError(ValueError):
    """A published file of leaves that can't be read; the message names the line."""


@dataclass(frozen=True, slots=True, order=False)
class Leaf:
    """One station's tenure in one report. Registers in µWh; `slot` is the report's; `owner` has 20 bytes, `profile_hash` 32."""

    utility: int
    station: int
    tenure: int
    owner: bytes
    slot: int
    energy: int
    measured: int
    mintable: int
    quality: int
    profile_hash: bytes

    def __post_init__(self) -> None:
        for name, bits in _WIDTHS:
            if not 0 <= getattr(self, name) < bits:
                raise ValueError(f"leaf.{name} {getattr(self, name)} does not fit {bits.bit_length() - 1} bits")
        if len(self.owner) != 20 or len(self.profile_hash) != 32:
            raise ValueError("a leaf's owner has 20 bytes and its profile hash 32")

    def hash(self) -> bytes:
        """keccak-256 of 0x00 and the ten ABI words."""
        return keccak(b"\x00" + _words(astuple(self)))

    def line(self) -> str:
        """The leaf's line in the published file, without the line's end."""
        return ",".join(
            (
                str(self.utility),
                str(UUID(int=self.station)),
                str(self.tenure),
                "0x" + self.owner.hex(),
                *(str(n) for n in (self.slot, self.energy, self.measured, self.mintable, self.quality)),
                "0x" + self.profile_hash.hex(),
            )
        )

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read a line of the published file. Raises ValueError unless it is exactly the line that `line` would write."""
        parts = line.split(",")
        if len(parts) != 10:
            raise ValueError(f"{len(parts)} fields instead of 10")
        leaf = cls(
            utility=int(parts[0]),
            station=UUID(parts[1]).int,
            tenure=int(parts[2]),
            owner=bytes.fromhex(parts[3][2:]),
            slot=int(parts[4]),
            energy=int(parts[5]),
            measured=int(parts[6]),
            mintable=int(parts[7]),
            quality=int(parts[8]),
            profile_hash=bytes.fromhex(parts[9][2:]),
        )
        if leaf.line() != line:
            raise ValueError("not in canonical form")
        return leaf


@dataclass(frozen=True, slots=True)
class Content:
    """What a report says: all of it but the deadline and the signer set, so that the same content can be signed again."""

    utility: int
    slot: int
    prev: bytes
    root: bytes
    increase: int
    total: int
    stations: int
    data_hash: bytes
    valid_from: int

    def hash(self) -> bytes:
        """keccak-256 of the nine ABI words; the next report's `prev`."""
        return keccak(_words(astuple(self)))


@dataclass(frozen=True, slots=True)
class Report:
    """A content with the deadline (unix seconds) and the signer-set epoch under which it is signed."""

    content: Content
    deadline: int
    epoch: int

    def message(self, *, chain_id: int, oracle: bytes) -> bytes:
        """The 66 bytes of EIP-712 whose keccak-256 nodes sign. `oracle` is the contract's address, 20 bytes."""
        words = _words((*astuple(self.content), self.deadline, self.epoch))
        return b"\x19\x01" + domain_separator(chain_id=chain_id, oracle=oracle) + keccak(keccak(_REPORT_TYPE) + words)

    def digest(self, *, chain_id: int, oracle: bytes) -> bytes:
        """The EIP-712 digest that nodes sign. `oracle` is the contract's address, 20 bytes."""
        return keccak(self.message(chain_id=chain_id, oracle=oracle))


def domain_separator(*, chain_id: int, oracle: bytes) -> bytes:
    """EIP-712 domain of one Oracle contract."""
    return keccak(
        keccak(_DOMAIN_TYPE) + keccak(b"GreenCore Oracle") + keccak(b"1") + _words((chain_id, oracle.rjust(32, b"\0")))
    )


class Tree:
    """The ordered Merkle tree of a row of leaf hashes, padded to a power of two with `EMPTY_LEAF`. All levels are kept."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        if not hashes:
            raise ValueError("a tree needs at least one leaf")
        width = 1 << (len(hashes) - 1).bit_length()
        level = [*hashes, *[EMPTY_LEAF] * (width - len(hashes))]
        self.levels = [level]
        while len(level) > 1:
            level = [node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
            self.levels.append(level)

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self.levels[-1][0]

    def proof(self, index: int) -> list[bytes]:
        """The siblings from the leaf up. Raises IndexError outside the padded row."""
        if not 0 <= index < len(self.levels[0]):
            raise IndexError(f"no leaf {index} in a row of {len(self.levels[0])}")
        return [level[(index >> depth) ^ 1] for depth, level in enumerate(self.levels[:-1])]


def node(left: bytes, right: bytes) -> bytes:
    """keccak-256 of 0x01 and the two children."""
    return keccak(b"\x01" + left + right)


def root_from_proof(leaf_hash: bytes, index: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to. Raises ValueError if the index does not fit the proof's depth."""
    if not 0 <= index < 1 << len(proof):
        raise ValueError(f"index {index} is outside a tree of depth {len(proof)}")
    current = leaf_hash
    for depth, sibling in enumerate(proof):
        current = node(sibling, current) if index >> depth & 1 else node(current, sibling)
    return current


def readings_hash(readings: Mapping[UUID, Sequence[bytes]], policy: int) -> bytes:
    """keccak-256 over the policy's version and the list of readings that a report counts for the first time: hashes by station,
    in the list's order.

    The leaves alone tell neither: a deficit below the high-water mark changes no leaf now, and every leaf later.
    """
    lines = [f"{station},0x{h.hex()}\n" for station in sorted(readings) for h in readings[station]]
    return keccak((f"greencore.readings.v1\npolicy,{policy}\n" + "".join(lines)).encode())


def render_leaves(leaves: Sequence[Leaf], readings: bytes = ZERO_HASH) -> bytes:
    """The published file; its keccak-256 is the report's data hash. `readings` is what `readings_hash` gave."""
    head = f"{LEAVES_HEADER}\nreadings,0x{readings.hex()}\n"
    return (head + "".join(leaf.line() + "\n" for leaf in leaves)).encode()


def parse_leaves(data: bytes) -> list[Leaf]:
    """Read a published file's leaves. Raises LeavesError naming the line for anything but the exact form, order included."""
    return parse_published(data)[1]


def parse_published(data: bytes) -> tuple[bytes, list[Leaf]]:
    """Read a published file: the hash of the list of readings, and the leaves. Raises LeavesError as `parse_leaves` does."""
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise LeavesError(f"byte {error.start} is not ASCII") from error
    if lines[0] != LEAVES_HEADER or lines[-1] != "":
        raise LeavesError(f"line 1: the file must begin with {LEAVES_HEADER} and end with a line's end")
    found = _READINGS_LINE.fullmatch(lines[1])
    if found is None:
        raise LeavesError("line 2: expected readings,0x and 64 hexadecimal digits")
    leaves: list[Leaf] = []
    for number, line in enumerate(lines[2:-1], start=3):
        try:
            leaf = Leaf.from_line(line)
        except ValueError as error:
            raise LeavesError(f"line {number}: {error}") from error
        if leaves and order(leaf) <= order(leaves[-1]):
            raise LeavesError(f"line {number}: leaves must stand in ascending order of station and tenure")
        leaves.append(leaf)
    return bytes.fromhex(found[1]), leaves


def order(leaf: Leaf) -> tuple[int, int]:
    """The place of a leaf in its row: by station, then tenure."""
    return leaf.station, leaf.tenure


def build_content(
    leaves: Sequence[Leaf],
    *,
    utility: int,
    slot: int,
    prev: bytes,
    previous_total: int,
    valid_from: int,
    readings: bytes = ZERO_HASH,
    direct: bool = False,
) -> tuple[Content, Tree]:
    """The content of a report over leaves that stand in order, and their tree. `readings` is what `readings_hash` gave. The
    root of a direct utility's report is that of the row that is paid, see `direct_root`, and not the tree's.

    Raises ValueError if a leaf is of another utility or slot, out of order, or if the total would fall or outgrow its register.
    """
    keys = [order(leaf) for leaf in leaves]
    if any(a >= b for a, b in pairwise(keys)):
        raise ValueError("leaves are out of order")
    if any(leaf.utility != utility or leaf.slot != slot for leaf in leaves):
        raise ValueError("a leaf is of another utility or slot")
    total = sum(leaf.mintable for leaf in leaves)
    if not previous_total <= total <= REGISTER_MAX:
        raise ValueError(f"the running total may not go from {previous_total} to {total}")
    tree = Tree([leaf.hash() for leaf in leaves])
    content = Content(
        utility=utility,
        slot=slot,
        prev=prev,
        root=direct_root(leaves) if direct else tree.root,
        increase=total - previous_total,
        total=total,
        stations=len(leaves),
        data_hash=keccak(render_leaves(leaves, readings)),
        valid_from=valid_from,
    )
    return content, tree


def direct_root(leaves: Sequence[Leaf]) -> bytes:
    """The root of a direct utility's report over leaves that stand in order: a chain of hashes over station, tenure and
    mintable register (docs/protocol.md). Zeros for no leaves.
    """
    root = ZERO_HASH
    for leaf in leaves:
        root = keccak(root + _words([leaf.station << 128 | leaf.tenure << 96 | leaf.mintable]))
    return root


def quorum_needed(nodes: int, faulty: int) -> int:
    """The least k for which two quorums share an honest node: k > (n + f) / 2, so 3 of 4 and 4 of 5 for one faulty node."""
    return (nodes + faulty) // 2 + 1


def _words(values: Sequence[int | bytes]) -> bytes:
    return b"".join(
        value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big") for value in values
    )
