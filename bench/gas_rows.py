# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What reports, claims and payments cost: every row of the energy part, each from the same state of the house."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from eth_hash.auto import keccak

from bench.gas_chain import CLAIMED, DIRECT, POOLED, RING, SLOT, House, SignerSet, leaf_words
from bench.gas_row import Row
from chain.direct import Seat, row_words
from oracle.rules import Leaf, Tree, direct_root

KWH = 1_250_000_000  # µWh that a station makes in a slot: 1.25 kWh
HOME_W = 10_000
GRID_W = 100_000_000_000
HOME = 500  # the station that is measured stands in the middle of the smallest tree that has one


@cache
def station(number: int) -> int:
    """The station of a place in the row: random UUIDs in ascending order, so that calldata has as few zeros as real ones."""
    return number << 108 | int.from_bytes(keccak(b"station %d" % number)[:13], "big")


@cache
def owner(number: int) -> bytes:
    """A wallet without a key; claims are brought by a keeper."""
    return keccak(b"owner %d" % number)[12:]


@cache
def profile(number: int) -> bytes:
    """The hash of a station's raw readings."""
    return keccak(b"profile %d" % number)


def row(count: int, slot: int, high: int, energy: int, utility: int = 1) -> list[Leaf]:
    """One leaf a station; every register stands at the same height."""
    return [Leaf(utility, station(i), 1, owner(i), slot, energy, high, high, 2, profile(i)) for i in range(count)]


class Bench:
    """A house in its ordinary life: utilities open for days, roots written over, books and balances not empty."""

    def __init__(self, house: House, sizes: Sequence[int]) -> None:
        self.house = house
        self.chain = house.chain
        self.sizes = sizes
        self.register = house.register(station(0), owner(0), HOME_W)
        for number in range(1, 10):
            house.register(station(number), owner(number), HOME_W)
        house.register(station(HOME), owner(HOME), HOME_W)
        for number, account in enumerate(self.chain.accounts[4:6], start=2_001):
            house.register(station(number), account, HOME_W)
        house.register(1, owner(-1), GRID_W)
        for utility, mode in ((1, CLAIMED), (2, DIRECT), (3, POOLED)):
            house.open(utility, mode)
        self.nodes = house.rotate(4, 3, 1)
        self.slot = self.chain.now // SLOT
        self.high = 0

    def publish(self, count: int, ahead: int, nodes: SignerSet | None = None) -> tuple[list[Leaf], Tree, int]:
        """Report a row of so many stations, so many slots after the last report. Returns its gas too."""
        self.slot += ahead
        self.high += KWH * min(ahead, 96)
        leaves = row(count, self.slot, self.high, KWH)
        tree = Tree([leaf.hash() for leaf in leaves])
        gas = self.house.report(self.house.content(1, self.slot, leaves, tree), nodes or self.nodes)
        return leaves, tree, gas

    def claim(self, leaves: list[Leaf], tree: Tree, index: int, function: str = "claim") -> int:
        """The keeper brings a claim."""
        return self.chain.send(
            self.house.treasury,
            function,
            leaf_words(leaves[index]),
            index,
            tree.proof(index),
            sender=self.house.keeper,
        )

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        _, _, first = self.publish(1, 1)
        # One lap of the ring, at the place that later reports are measured on: a used place costs less than a fresh one.
        self.publish(1, RING)
        yield from self.reports(first)
        yield from self.signatures()
        yield from self.claims()
        yield from self.challenged()
        yield from self.batches()
        yield from self.direct()
        yield from self.pooled()
        yield from self.offices()

    def reports(self, first: int) -> Iterator[Row]:
        """The same report over ever more stations, from the same state."""
        yield Row("report, 3 of 4 signatures, first ever", 1, first)
        with self.undone():
            yield Row("report, 3 of 4 signatures, first lap of the ring", 1, self.publish(1, 1)[2])
        for count in self.sizes:
            with self.undone():
                self.leaves, self.tree, gas = self.publish(count, RING)
                figure = {1: "report_1_station", 1_000_000: "report_1e6_stations"}.get(count, "")
                yield Row("report, 3 of 4 signatures", count, gas, 68_000, figure=figure)

    def signatures(self) -> Iterator[Row]:
        """Other signer sets; and one set with more signatures than it needs."""
        for nodes, k, faulty in ((1, 1, 0), (7, 5, 2)):
            with self.undone():
                members = self.house.rotate(nodes, k, faulty)
                yield Row(f"report, {k} of {nodes} signatures", 1, self.publish(1, RING, members)[2])
        gas = []
        for extra in range(3):
            with self.undone():
                members = replace(self.house.rotate(5, 3, 0), k=3 + extra)
                gas.append(self.publish(1, RING, members)[2])
        spent = gas[2] - gas[0]
        yield Row("report, an extra signature of a set of 5", 1, spent, 5_000, per=2, figure="report_signature")

    def claims(self) -> Iterator[Row]:
        """First and repeated claims with ever longer proofs; a day and a month at once."""
        leaves, tree, _ = self.publish(1_000, 1)
        self.claim(leaves, tree, 0)
        gas = self.claim(leaves, tree, HOME)
        yield Row("claim, first of an owner and station", 1_000, gas, 122_000, figure="claim_first")
        yield Row("claim, again: nothing to settle", 1_000, self.claim(leaves, tree, HOME))
        targets = {1_000: (70_000, "claim_repeat_1000"), 1_000_000: (79_000, "claim_repeat_1e6")}
        for count in self.sizes:
            with self.undone():
                leaves, tree, _ = self.publish(count, 1)
                place = HOME if count > HOME else 0
                target, figure = targets.get(count, (None, ""))
                yield Row("claim, repeated", count, self.claim(leaves, tree, place), target, figure=figure)
        for slots in (96, 2_880):
            with self.undone():
                leaves, tree, _ = self.publish(1_000, slots)
                gas = self.claim(leaves, tree, HOME)
                naive = self.naive_batch(slots)
                baseline = "one ERC-1155 id per slot, mintBatch"
                yield Row("claim, repeated, settling many slots", slots, gas, 70_000, 1, baseline, naive)
        with self.undone():
            receiver = self.chain.deploy("FuzzReceiver")
            number = 2**15 + 1
            self.house.register(station(number), receiver.address, HOME_W)
            self.slot += 1
            self.high += KWH
            leaves = row(1_000, self.slot, self.high, KWH)
            leaves.append(replace(leaves[-1], station=station(number), owner=receiver.address))
            tree = Tree([leaf.hash() for leaf in leaves])
            self.house.report(self.house.content(1, self.slot, leaves, tree), self.nodes)
            yield Row("claim, first of a contract that accepts", 1_000, self.claim(leaves, tree, 1_000))

    def challenged(self) -> Iterator[Row]:
        """The same under a challenge delay: when a report came is written down, and every claim asks for it."""
        with self.undone():
            gas = self.chain.send(self.house.oracle, "set_challenge_delay", SLOT)
            yield Row("set_challenge_delay, three utilities open", 3, gas)
            yield Row("report under a challenge delay, first lap of the ring", 1_000, self.publish(1_000, RING)[2])
            leaves, tree, gas = self.publish(1_000, RING)
            yield Row("report under a challenge delay", 1_000, gas)
            self.chain.pass_time(SLOT)
            yield Row("claim under a challenge delay, repeated", 1_000, self.claim(leaves, tree, HOME))

    def naive_batch(self, ids: int) -> int:
        """So many intervals as ERC-1155 ids of their own, 120 in a call: a balance each and one log, no supply, no hook."""
        naive = self.chain.deploy("NaiveEnergy")
        gas = 0
        for start in range(0, ids, 120):
            new = list(range(2**40 + start, 2**40 + min(start + 120, ids)))
            gas += self.chain.send(naive, "mint_batch", owner(HOME), new, [KWH] * len(new))
        return gas

    def batches(self) -> Iterator[Row]:
        """Tokens that name their slot, and what becomes of them. Two stations belong to accounts that can sign."""
        holder, neighbour = self.chain.accounts[4:6]
        # A first claim as class tokens, so that batches are measured on accounts that exist.
        leaves, tree = self.publish_own((holder, neighbour))
        for index in (-2, -1):
            self.claim(leaves, tree, index % len(leaves))
        leaves, tree = self.publish_own((holder, neighbour))
        batch = 1 << 255 | 1 << 32 | self.slot
        first, second = (self.claim(leaves, tree, i % len(leaves), "claim_batch") for i in (-2, -1))
        yield Row("claim_batch, first of the utility", 1_000, first)
        yield Row("claim_batch, next owner of the same slot", 1_000, second)
        leaves, tree = self.publish_own((holder, neighbour))
        yield Row("claim_batch, first of a slot", 1_000, self.claim(leaves, tree, len(leaves) - 1, "claim_batch"))
        token = self.house.token
        with self.undone():
            whole = self.chain.view(token, "balanceOf", holder, batch)
            yield Row("fuse, all of a batch", 1, self.chain.send(token, "fuse", batch, whole, sender=holder))
        yield Row("fuse, part of a batch", 1, self.chain.send(token, "fuse", batch, 1_000_000, sender=holder))
        gas = self.chain.send(token, "safeTransferFrom", holder, neighbour, 1, 1_000_000, b"", sender=holder)
        yield Row("transfer to a holder", 1, gas)
        yield Row("burn", 1, self.chain.send(token, "burn", 1, 1_000_000, sender=holder))

    def publish_own(self, owners: Sequence[bytes]) -> tuple[list[Leaf], Tree]:
        """A report of the next slot with the stations of these owners at the end of the row."""
        self.slot += 1
        self.high += KWH
        leaves = row(1_000, self.slot, self.high, KWH)
        for number, account in enumerate(owners, start=2_001):
            leaves.append(replace(leaves[0], station=station(number), owner=account))
        tree = Tree([leaf.hash() for leaf in leaves])
        self.house.report(self.house.content(1, self.slot, leaves, tree), self.nodes)
        return leaves, tree

    def direct(self) -> Iterator[Row]:
        """The pilot: a report whose owners are paid in its transaction."""
        for count, target in ((2, 105_000), (10, 210_000)):
            with self.undone():
                first = self.pay(count, 1)
                again = self.pay(count, 2)
                naive = self.naive_single(count)
                yield Row("direct, owners paid in the report, first time", count, first)
                baseline = "one ERC-1155 id per slot, a transaction each, unchecked"
                figure = f"pilot_{count}_owners"
                yield Row("direct, owners paid in the report", count, again, target, 1, baseline, naive, figure=figure)

    def pay(self, count: int, height: int) -> int:
        """One direct report. The row is seated with the first."""
        slot = max(self.house.heads[2].slot if 2 in self.house.heads else 0, self.slot) + 1
        leaves = row(count, slot, KWH * height, KWH, utility=2)
        content = self.house.content(2, slot, leaves, Tree([leaf.hash() for leaf in leaves]))
        signed = self.house.signed(replace(content, root=direct_root(leaves)), self.nodes)
        seats = [Seat(leaf.station, leaf.tenure, leaf.owner, HOME_W) for leaf in leaves]
        words = row_words([(leaf.station, leaf.tenure, leaf.mintable) for leaf in leaves], seats)
        report = self.house.oracle.artifact.functions["report"].calldata(*signed)
        return self.chain.send(self.house.treasury, "direct", report, words, sender=self.house.keeper)

    def naive_single(self, count: int) -> int:
        """So many owners, each with a new id in a transaction of its own: nothing is signed or checked."""
        naive = self.chain.deploy("NaiveEnergy")
        return sum(self.chain.send(naive, "mint_batch", owner(i), [2**40 + i], [KWH]) for i in range(count))

    def pooled(self) -> Iterator[Row]:
        """Readings of a small grid, packed, paid to one beneficiary."""
        for count, target in ((100, 1_180), (1_000, 260)):
            with self.undone():
                for height in (1, 2):
                    gas = self.pool(count, height)
                naive = self.naive_batch(count) / count
                yield Row(
                    "direct to the treasury, per reading",
                    count,
                    gas,
                    target,
                    count,
                    "mintBatch, per id",
                    naive,
                    figure=f"direct_mint_{count}",
                )

    def pool(self, count: int, height: int) -> int:
        """One pooled report."""
        slot = max(self.house.heads[3].slot if 3 in self.house.heads else 0, self.slot) + 1
        readings = [KWH - 7_919 * i % 1_000_003 for i in range(count)]
        packed = b"".join(reading.to_bytes(8, "big") for reading in readings)
        packed += bytes(-len(packed) % 32)
        tree = Tree([keccak(packed)])
        content = replace(
            self.house.content(3, slot, [], tree),
            stations=count,
            data_hash=keccak(packed),
            increase=sum(readings),
            total=sum(readings) * height,
        )
        signed = self.house.signed(content, self.nodes)
        return self.chain.send(self.house.treasury, "direct_packed", *signed, packed, sender=self.house.keeper)

    def offices(self) -> Iterator[Row]:
        """What people do seldom."""
        chain, house = self.chain, self.house
        yield Row("register_station", 1, self.register)
        key = keccak(b"device")
        yield Row(
            "register_meter",
            1,
            chain.send(house.registry, "register_meter", station(0), key, 1, sender=house.registrar),
        )
        seller, buyer = chain.accounts[4:6]
        own = station(2_001)
        offer = chain.send(house.registry, "offer_station", own, buyer, sender=seller)
        accept = chain.send(house.registry, "accept_station", own, sender=buyer)
        yield Row("handover, both steps", 1, offer + accept)
        with self.undone():
            nodes = [keccak(b"node %d" % i)[12:] for i in range(4)]
            yield Row("rotate to a set of 4", 4, chain.send(house.oracle, "rotate", sorted(nodes), 3, 1, 0, 0))
        yield Row("collect_reserve, first time", 1, chain.send(house.treasury, "collect_reserve", 1))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is measured inside leaves no trace in the house or here."""
        kept = self.slot, self.high
        with self.house.undone():
            yield
        self.slot, self.high = kept
