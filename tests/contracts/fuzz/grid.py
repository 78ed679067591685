# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the oracle nodes know off chain: a net register per tenure, and the reports that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from oracle.rules import ZERO_HASH, Content, Leaf, Tree, build_content, direct_root, order
from tests.contracts.fuzz.model import DIRECT_UTILITY, Model

Tenured = tuple[int, int]  # station, tenure


@dataclass(frozen=True)
class Register:
    """µWh since the tenure began, and the highest that sum ever was: corrections lower the first, never the second."""

    net: int = 0
    high: int = 0

    def moved(self, by: int) -> "Register":
        """The register after a slot, or after a correction."""
        net = self.net + by
        return Register(net, max(self.high, net))


@dataclass(frozen=True)
class Draft:
    """A report that could be signed, with what it was made from."""

    content: Content
    leaves: tuple[Leaf, ...]
    tree: Tree
    registers: Mapping[Tenured, Register]
    readings: tuple[int, ...] = ()

    def with_content(self, **changes: object) -> "Draft":
        """The same draft saying something else."""
        return replace(self, content=replace(self.content, **changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Published:
    """An accepted report of a claimed utility, as its leaves file tells it."""

    leaves: tuple[Leaf, ...]
    tree: Tree


class Grid:
    """The nodes' books of every utility."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.registers: dict[int, dict[Tenured, Register]] = {utility: {} for utility in model.utilities}

    def draft(self, utility: int, slot: int, moves: Sequence[int], late: Sequence[int], valid_from: int) -> Draft:
        """A row of leaves in which the tenures' registers moved; `moves` are per cent of what the rated power makes since
        the last report.

        `late` says in per cent how much of a rise belongs to earlier slots. Both are cycled over the tenures.
        """
        registers: dict[Tenured, Register] = {}
        leaves: list[Leaf] = []
        slots = slot - self.model.utilities[utility].slot
        for station in sorted(self.model.stations):
            for number, tenure in enumerate(self.model.stations[station], start=1):
                place = len(leaves)
                before = self.registers[utility].get((station, number), Register())
                # 15 minutes of one watt are 250,000 µWh; a remainder keeps the registers off round numbers.
                move = 0 if tenure.until and late[-1] == 0 else moves[place % len(moves)]
                by = move * slots * (tenure.rated_w or 1000) * 2_500 - (place * 7919) % 9973
                after = before.moved(by if move else 0)
                rise = after.high - before.high
                leaf = Leaf(
                    utility=utility,
                    station=station,
                    tenure=number,
                    owner=tenure.owner,
                    slot=slot,
                    energy=min(rise * (100 - late[place % len(late)]) // 100, 2**64 - 1),
                    measured=after.high,
                    mintable=after.high,
                    quality=2 if rise else 0,
                    profile_hash=keccak(f"{utility} {station} {number} {slot}".encode()),
                )
                registers[station, number] = after
                leaves.append(leaf)
        head = self.model.utilities[utility]
        content, tree = build_content(
            leaves,
            utility=utility,
            slot=slot,
            prev=head.content,
            previous_total=head.total,
            valid_from=valid_from,
            direct=utility == DIRECT_UTILITY,
        )
        return Draft(content, tuple(leaves), tree, registers)

    def lie(self, draft: Draft, lie: str, place: int) -> Draft:
        """What a quorum that lies could sign: the row, or the total over it, is not what was metered."""
        leaves = list(draft.leaves)
        place %= len(leaves)
        leaf = leaves[place]
        content = draft.content
        if lie == "total understated":
            content = replace(
                content, increase=content.increase // 3, total=content.total - content.increase + content.increase // 3
            )
        else:
            leaves[place] = {
                "unknown tenure": replace(leaf, tenure=leaf.tenure + 1_000),
                "unknown station": replace(leaf, station=leaf.station ^ 1 << 100),
                "nobody's": replace(leaf, owner=bytes(20)),
                "somebody else's": replace(leaf, owner=self.model.beneficiary),
                "far too much": replace(leaf, mintable=leaf.mintable + 10**15, energy=10**15),
                "twice": leaf,
            }[lie]
            if lie == "twice":
                leaves.append(replace(leaf, mintable=leaf.mintable + 10**9))
            leaves.sort(key=order)
        tree = Tree([one.hash() for one in leaves])
        root = direct_root(leaves) if content.utility == DIRECT_UTILITY else tree.root
        content = replace(content, root=root, stations=len(leaves))
        return replace(draft, content=content, leaves=tuple(leaves), tree=tree)

    def pooled_draft(self, utility: int, slot: int, readings: Sequence[int]) -> Draft:
        """A report of a pooled utility: one reading a station, no leaves."""
        head = self.model.utilities[utility]
        increase = sum(readings)
        content = Content(
            utility=utility,
            slot=slot,
            prev=head.content,
            root=keccak(b"no tree"),
            increase=increase,
            total=head.total + increase,
            stations=len(readings),
            data_hash=keccak(pack(readings)),
            valid_from=0,
        )
        return Draft(content, (), Tree([ZERO_HASH]), {}, tuple(readings))

    def accept(self, draft: Draft) -> None:
        """The report stands on chain: the nodes go on from here."""
        self.registers[draft.content.utility].update(draft.registers)


def pack(readings: Sequence[int]) -> bytes:
    """Readings as the Treasury takes them: 64 bits each, padded to whole words."""
    packed = b"".join(reading.to_bytes(8, "big") for reading in readings)
    return packed + bytes(-len(packed) % 32)
