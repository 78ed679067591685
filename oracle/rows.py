# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Whole rows of leaves at once: what `oracle.rules` defines leaf by leaf, for a million of them. Pure.

Writing a row gives the published file, its hash and the tree in one pass; reading one gives the same from the file, and where
each leaf stands in it. `tests/unit/oracle/test_rows.py` holds both to the definition.
"""

import re
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

from kit.units import REGISTER_MAX
from oracle.keccak import Hasher, keccak
from oracle.rules import LEAVES_HEADER, ZERO_HASH, Content, Leaf, LeavesError, direct_root, parse_leaves
from oracle.tree import PackedTree

KEY_BYTES = 20
_LINES_PER_PIECE = 8_192
_LOW = (1 << 64) - 1
# 0x00, then ten ABI words: utility, station, tenure, owner, slot, energy, measured, mintable, quality, profile hash
_LEAF = struct.Struct(">x31xB16x16s28xI12x20s28xI24xQ20xIQ20xIQ31xB32s")
_HEAD = re.compile(rb"%s\nreadings,0x([0-9a-f]{64})\n" % re.escape(LEAVES_HEADER.encode()))
_N = rb"(0|[1-9][0-9]*)"
_LINE = re.compile(
    rb"([1-9][0-9]*|0),([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12}),"
    rb"%s,0x([0-9a-f]{40}),%s,%s,%s,%s,%s,0x([0-9a-f]{64})\n" % ((_N,) * 6)
)


class LeafValues(NamedTuple):
    """What a leaf says beside its report's utility and slot; `station` has 16 bytes."""

    station: bytes
    tenure: int
    owner: bytes
    energy: int
    measured: int
    mintable: int
    quality: int
    profile_hash: bytes


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row as it is published and signed. `total` is the sum of the mintable registers, µWh."""

    utility: int
    slot: int
    data: bytes
    data_hash: bytes
    tree: PackedTree
    total: int

    @property
    def stations(self) -> int:
        """How many leaves there are."""
        return self.tree.leaves

    def content(self, *, prev: bytes, previous_total: int, valid_from: int, direct: bool = False) -> Content:
        """The report over this row, as `oracle.rules.build_content` makes it. Raises ValueError if the total would fall or
        outgrow its register.
        """
        if not previous_total <= self.total <= REGISTER_MAX:
            raise ValueError(f"the running total may not go from {previous_total} to {self.total}")
        return Content(
            utility=self.utility,
            slot=self.slot,
            prev=prev,
            root=direct_root(parse_leaves(self.data)) if direct else self.tree.root,
            increase=self.total - previous_total,
            total=self.total,
            stations=self.stations,
            data_hash=self.data_hash,
            valid_from=valid_from,
        )


def write_row(values: Iterable[LeafValues], *, utility: int, slot: int, readings: bytes = ZERO_HASH) -> WrittenRow:
    """Write a row whose leaves come in order. `readings` is what `readings_hash` gave.

    Raises ValueError for an empty row, leaves out of order, or a value that does not fit its field.
    """
    head = f"{LEAVES_HEADER}\nreadings,0x{readings.hex()}\n".encode()
    pieces, lines, hashes = [head], list[str](), list[bytes]()
    whole = Hasher()
    whole.update(head)
    total, last = 0, (b"", 0)
    pack, hashed = _LEAF.pack, keccak
    try:
        for station, tenure, owner, energy, measured, mintable, quality, profile in values:
            if len(station) != 16 or len(owner) != 20 or len(profile) != 32:
                raise ValueError("a leaf's station has 16 bytes, its owner 20 and its profile hash 32")
            key = (station, tenure)
            if key <= last:
                raise ValueError("leaves are out of order")
            last = key
            total += mintable
            words = pack(
                utility,
                station,
                tenure,
                owner,
                slot,
                energy,
                measured >> 64,
                measured & _LOW,
                mintable >> 64,
                mintable & _LOW,
                quality,
                profile,
            )
            hashes.append(hashed(words))
            s = station.hex()
            lines.append(
                f"{utility},{s[:8]}-{s[8:12]}-{s[12:16]}-{s[16:20]}-{s[20:]},{tenure},0x{owner.hex()},{slot},"
                f"{energy},{measured},{mintable},{quality},0x{profile.hex()}\n"
            )
            if len(lines) == _LINES_PER_PIECE:
                _take(lines, pieces, whole)
    except struct.error as error:
        raise ValueError(f"a value of leaf {len(hashes)} does not fit its field: {error}") from error
    _take(lines, pieces, whole)
    tree = PackedTree.build(b"".join(hashes))
    return WrittenRow(utility, slot, b"".join(pieces), whole.digest(), tree, total)


def _take(lines: list[str], pieces: list[bytes], whole: Hasher) -> None:
    piece = "".join(lines).encode()
    lines.clear()
    pieces.append(piece)
    whole.update(piece)


class Row(Sequence[Leaf]):
    """A published file that was read: leaves on demand, where each stands, and the tree.

    `keys` are the leaves' names of 20 bytes (station, tenure) in order, `starts` where their lines begin.
    """

    def __init__(
        self, data: bytes, readings: bytes, keys: bytes, starts: "array[int]", tree: PackedTree, total: int
    ) -> None:
        self.data = data
        self.readings = readings
        self.keys = keys
        self.starts = starts
        self.tree = tree
        self.total = total

    def __len__(self) -> int:
        return self.tree.leaves

    @overload
    def __getitem__(self, index: int) -> Leaf: ...

    @overload
    def __getitem__(self, index: slice) -> list[Leaf]: ...

    def __getitem__(self, index: int | slice) -> Leaf | list[Leaf]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"no leaf {index} in a row of {len(self)}")
        start = self.starts[index % len(self)]
        return Leaf.from_line(self.data[start : self.data.index(b"\n", start)].decode("ascii"))

    def place(self, station: int, tenure: int | None = None) -> int | None:
        """The index of a station's tenure, the newest unless one is named; None if there is no such leaf."""
        return place_of(self.keys, station, tenure)


def place_of(keys: bytes, station: int, tenure: int | None = None) -> int | None:
    """Where a tenure stands in a row of keys, the station's newest unless one is named; None if it does not."""
    rows = range(len(keys) // KEY_BYTES)
    wanted = station.to_bytes(16, "big")

    def key(index: int) -> bytes:
        return keys[index * KEY_BYTES : (index + 1) * KEY_BYTES]

    if tenure is None:
        index = bisect_right(rows, wanted + b"\xff\xff\xff\xff", key=key) - 1
        return index if index >= 0 and key(index)[:16] == wanted else None
    name = wanted + tenure.to_bytes(4, "big")
    index = bisect_left(rows, name, key=key)
    return index if index < len(rows) and key(index) == name else None


def readings_of(data: bytes) -> bytes:
    """The hash of the list of readings that a published file names. Raises LeavesError if its first lines are others."""
    head = _HEAD.match(data)
    if head is None:
        raise LeavesError(f"lines 1 and 2: expected {LEAVES_HEADER}, then readings,0x and 64 hexadecimal digits")
    return bytes.fromhex(head[1].decode())


def read_row(data: bytes) -> Row:
    """Read a published file of one report and hash its tree.

    Raises LeavesError naming the line for anything but the exact form, for leaves out of order, and for one of another
    utility or slot than the first.
    """
    readings = readings_of(data)
    at = data.index(b"\n", data.index(b"\n") + 1) + 1
    starts, keys, hashes = array("Q"), list[bytes](), list[bytes]()
    total, last, own = 0, b"", None
    match, pack, hashed, unhex = _LINE.match, _LEAF.pack, keccak, bytes.fromhex
    end = len(data)
    while at < end:
        found = match(data, at)
        if found is None:
            raise LeavesError(f"line {len(starts) + 3}: not in canonical form")
        utility, s1, s2, s3, s4, s5, tenure, owner, slot, energy, measured, mintable, quality, profile = found.groups()
        try:
            station = unhex((s1 + s2 + s3 + s4 + s5).decode())
            key = station + int(tenure).to_bytes(4, "big")
            m, c = int(measured), int(mintable)
            words = pack(
                int(utility),
                station,
                int(tenure),
                unhex(owner.decode()),
                int(slot),
                int(energy),
                m >> 64,
                m & _LOW,
                c >> 64,
                c & _LOW,
                int(quality),
                unhex(profile.decode()),
            )
        except (struct.error, OverflowError) as error:
            raise LeavesError(f"line {len(starts) + 3}: a value does not fit its field: {error}") from error
        if key <= last:
            raise LeavesError(f"line {len(starts) + 3}: leaves must stand in ascending order of station and tenure")
        own = own or (utility, slot)
        if (utility, slot) != own:
            raise LeavesError(f"line {len(starts) + 3}: a leaf of another utility or slot")
        last = key
        total += c
        starts.append(at)
        keys.append(key)
        hashes.append(hashed(words))
        at = found.end()
    if not hashes:
        raise LeavesError("line 3: a report has at least one leaf")
    return Row(data, readings, b"".join(keys), starts, PackedTree.build(b"".join(hashes)), total)


def first_difference_of(mine: bytes, theirs: bytes) -> tuple[Leaf | None, Leaf | None] | None:
    """The first leaves at which two published files differ, as (mine, theirs); None if no leaf does.

    One side is None where its row ended, or where it lacks the tenure that the other has. Raises LeavesError if the differing
    line of the other side is none.
    """
    own_lines, other_lines = mine.split(b"\n")[2:], theirs.split(b"\n")[2:]
    for number, (own, other) in enumerate(zip(own_lines, other_lines, strict=False), start=3):
        if own != other:
            a, b = _leaf(own, number), _leaf(other, number)
            if a is not None and b is not None and (a.station, a.tenure) != (b.station, b.tenure):
                return (a, None) if (a.station, a.tenure) < (b.station, b.tenure) else (None, b)
            return a, b
    return None


def _leaf(line: bytes, number: int) -> Leaf | None:
    if not line:
        return None
    try:
        return Leaf.from_line(line.decode("ascii"))
    except ValueError as error:
        raise LeavesError(f"line {number}: {error}") from error
