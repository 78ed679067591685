# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the contracts should do, in plain Python: the house that the fuzz compares the chain with.

Nothing here is translated from the contracts; only the order of refusals follows them, so that reasons can be compared.
Every operation raises `Refused` with the contract's reason and has then changed nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from eth_hash.auto import keccak

from chain.direct import Seat
from oracle.rules import ZERO_HASH, Leaf, Report, root_from_proof
from tests.contracts.fuzz.books import (
    CLAIMED,
    DIRECT,
    NEVER,
    NOBODY,
    POOLED,
    RING,
    SLOT,
    Mint,
    Settled,
    Signed,
    SignerSet,
    Tenure,
    Utility,
    batch_id,
    filled,
    need,
    reserve_between,
)
from tests.contracts.fuzz.holdings import Holdings

DIRECT_UTILITY = 2
Tenured = tuple[int, int]  # station, tenure
Register = tuple[int, int, int]  # station, tenure, mintable µWh


def whole(allowance: int) -> int:
    """An allowance as a row keeps it: whole mWh, 48 bits of them."""
    return min(allowance // 1000, 2**48 - 1) * 1000


class Model(Holdings):
    """The whole house."""

    def __init__(self, *, modes: dict[int, int], bps: int, now: int, treasury: bytes, beneficiary: bytes) -> None:
        super().__init__(treasury)
        self.now = now
        self.bps = bps
        self.beneficiary = beneficiary
        self.utilities = {u: Utility(mode=mode, slot=now // SLOT - 1) for u, mode in modes.items()}
        self.epochs: dict[int, SignerSet] = {}
        self.rated_copy = 0
        self.delay = 0  # challenge delay, seconds
        self.delayed_since = 0
        self.stations: dict[int, list[Tenure]] = {}
        self.settled: dict[tuple[int, int, int], Settled] = {}
        self.sitting: list[Seat] = []  # in the direct utility's row
        self.signed: dict[tuple[int, int, int], int] = defaultdict(int)  # highest register ever signed, claimed mode
        self.pending: dict[tuple[bytes, int], int] = defaultdict(int)
        self.contracts: set[bytes] = {treasury}

    # registry

    def total_rated(self) -> int:
        """W of all stations."""
        return sum(tenures[-1].rated_w for tenures in self.stations.values())

    def copied_rating(self) -> int:
        """The Oracle's copy of it: whole units of 64 W, 31 bits of them."""
        return min(self.total_rated() // 64, 2**31 - 1) * 64

    def register_station(self, station: int, owner: bytes, rated_w: int) -> None:
        """A station's first tenure."""
        need(station not in self.stations, "registry: station exists")
        need(rated_w != 0, "registry: rating out of bounds")
        self.stations[station] = [Tenure(owner, self.now, 0, rated_w)]

    def set_rating(self, station: int, rated_w: int) -> None:
        """A new rating of the running tenure."""
        self.stations[station][-1].rated_w = rated_w

    def hand_over(self, station: int, receiver: bytes) -> None:
        """Offer and acceptance."""
        closing = self.stations[station][-1]
        need(closing.owner != receiver, "registry: offer to nobody or to oneself")
        closing.until = self.now
        self.stations[station].append(Tenure(receiver, self.now, 0, closing.rated_w))

    # oracle

    def rotate(self, signers: Sequence[bytes], k: int, from_slot: int, previous_until: int) -> None:
        """A new epoch."""
        epoch = len(self.epochs) + 1
        if epoch > 1:
            self.epochs[epoch - 1] = replace(self.epochs[epoch - 1], until_slot=previous_until)
        if epoch > 2:
            self.epochs[epoch - 2] = replace(self.epochs[epoch - 2], until_slot=0)
        self.epochs[epoch] = SignerSet(tuple(signers), k, from_slot, 2**32 - 1)

    def _check_quorum(self, report: Report, signer_list: Sequence[bytes], signatures: Sequence[Signed]) -> None:
        newest = len(self.epochs)
        need(report.epoch in (newest, newest - 1), "oracle: unknown epoch")
        terms = self.epochs.get(report.epoch, SignerSet((), 0, 0, 0))
        need(report.content.slot <= terms.until_slot, "oracle: slot is after the signer set")
        need(report.content.slot >= terms.from_slot, "oracle: slot is before the signer set")
        need(tuple(signer_list) == terms.signers, "quorum: wrong signer set")
        need(len(signatures) >= terms.k, "quorum: too few signatures")
        left = list(terms.signers)
        for signature in signatures:
            need(not signature.high, "quorum: high s")
            need(signature.signer in left, "quorum: not a signer, or not in order")
            left = left[left.index(signature.signer) + 1 :]  # type: ignore[arg-type]  # None is in no list

    def check_report(
        self, report: Report, signer_list: Sequence[bytes], signatures: Sequence[Signed], *, by_treasury: bool
    ) -> tuple[int, int]:
        """The Oracle's refusals. Returns the allowance left in mWh and the copy of the rated power."""
        c = report.content
        need("oracle" not in self.paused, "oracle: paused")
        need(self.now <= report.deadline, "oracle: deadline passed")
        need(c.utility in self.utilities, "oracle: utility is not open")
        head = self.utilities[c.utility]
        need(head.mode == CLAIMED or by_treasury, "oracle: only through the treasury")
        need(c.slot > head.slot, "oracle: slot is not after the last one")
        need(c.slot * SLOT <= self.now, "oracle: slot is in the future")
        need(c.valid_from <= c.slot, "oracle: report refuses itself")
        need(c.root != ZERO_HASH, "oracle: no root")
        need(c.prev == head.content, "oracle: does not follow the last report")
        need(c.total == head.total + c.increase, "oracle: total is not the last total and the increase")
        self._check_quorum(report, signer_list, signatures)
        seconds = (c.slot - head.slot) * SLOT
        copy = self.rated_copy
        room = filled(head.allowance_mwh * 1000, copy, seconds)
        if room < c.increase:
            copy = self.copied_rating()
            room = filled(head.allowance_mwh * 1000, self.total_rated(), seconds)
            need(room >= c.increase, "oracle: more than the plants can make")
        need(head.mode == CLAIMED or not self.delay, "oracle: a challenge delay stops paying with the report")
        return min((room - c.increase) // 1000, 2**64 - 1), copy

    def _accept(self, report: Report, allowance_mwh: int, rated_copy: int) -> None:
        c = report.content
        head = self.utilities[c.utility]
        self.rated_copy = rated_copy
        head.slot, head.total, head.allowance_mwh = c.slot, c.total, allowance_mwh
        head.valid_from = max(head.valid_from, c.valid_from)
        head.reports += 1
        head.content = c.hash()
        if head.mode == CLAIMED:
            head.ring[c.slot % RING] = c.root
            if self.delay:
                head.accepted[c.slot % RING] = c.slot, self.now

    def report(
        self, report: Report, signer_list: Sequence[bytes], signatures: Sequence[Signed], leaves: Sequence[Leaf]
    ) -> None:
        """A bare report, by anybody."""
        self._accept(report, *self.check_report(report, signer_list, signatures, by_treasury=False))
        for leaf in leaves:
            key = (leaf.utility, leaf.station, leaf.tenure)
            self.signed[key] = max(self.signed[key], leaf.mintable)

    def root_of(self, utility: int, slot: int) -> bytes:
        """The root that claims of a slot are proved against; a skipped slot answers with what stood in its place."""
        head = self.utilities[utility]
        if slot > head.slot or slot + RING <= head.slot or slot < head.valid_from:
            return ZERO_HASH
        return head.ring.get(slot % RING, ZERO_HASH)

    def set_challenge_delay(self, seconds: int) -> None:
        """A delay from now on, or none."""
        self.delayed_since = self.delayed_since if self.delay else self.now
        self.delay = seconds

    def claimable_at(self, utility: int, slot: int) -> int:
        """When the delay of a slot's report is over; one that came without a delay counts from when there was one."""
        if not self.delay:
            return 0
        of, at = self.utilities[utility].accepted.get(slot % RING, (0, 0))
        return (at if of == slot else self.delayed_since) + self.delay

    # treasury

    def _stretch(self, key: tuple[int, int, int], mintable: int) -> tuple[Settled, int]:
        """The register's word as it would be before, and how far it may move now."""
        _, station, tenure = key
        word = self.settled.get(key)
        if word is None:
            tenures = self.stations.get(station, [])
            need(1 <= tenure <= len(tenures), "treasury: unknown tenure")
            record = tenures[tenure - 1]
            word = Settled(0, 0, record.since, record.rated_w)
            if record.until:
                earned = filled(0, record.rated_w, record.until - record.since)
                word = Settled(0, min(earned, 2**64 - 1), NEVER, record.rated_w)
        if mintable <= word.register:
            return word, 0
        return word, min(mintable - word.register, self.bucket(word))

    def bucket(self, word: Settled) -> int:
        """What a tenure may mint now; a closed one earns nothing more."""
        return filled(word.allowance, word.rated_w, max(self.now - word.at, 0))

    def _book(self, key: tuple[int, int, int], word: Settled, mint: Mint) -> None:
        allowance = min(self.bucket(word) - mint.amount, 2**64 - 1)
        self.settled[key] = Settled(word.register + mint.amount, allowance, max(self.now, word.at), word.rated_w)
        book = self.utilities[key[0]]
        book.minted += mint.amount
        book.reserve += mint.kept

    def _deliver(self, owner: bytes, token_id: int, amount: int, *, ask: bool = True) -> None:
        if owner in self.contracts and (not ask or owner in self.refusing or owner == self.treasury):
            self.pending[owner, token_id] += amount
            self.balances[self.treasury, token_id] += amount
        else:
            self.balances[owner, token_id] += amount

    def _check_leaf(self, leaf: Leaf, index: int, proof: Sequence[bytes]) -> None:
        need(index < 1 << len(proof), "merkle_tree: index beyond the tree")
        need("treasury" not in self.paused, "treasury: paused")
        open_and_claimed = leaf.utility in self.utilities and self.utilities[leaf.utility].mode == CLAIMED
        if leaf.utility in self.utilities:
            over = self.now >= self.claimable_at(leaf.utility, leaf.slot)
            need(over, "oracle: challenge delay is running")
        root = self.root_of(leaf.utility, leaf.slot) if open_and_claimed else ZERO_HASH
        need(root != ZERO_HASH, "treasury: no such report")
        need(root_from_proof(leaf.hash(), index, proof) == root, "treasury: leaf not in the report")

    def claim(self, leaf: Leaf, index: int, proof: Sequence[bytes], *, batch: bool = False) -> Mint | None:
        """Settle a tenure up to a leaf, as class tokens or as the batch of exactly one slot."""
        self._check_leaf(leaf, index, proof)
        key = (leaf.utility, leaf.station, leaf.tenure)
        word, amount = self._stretch(key, leaf.mintable)
        if batch:
            exact = word.register + leaf.energy == leaf.mintable and leaf.energy != 0
            need(exact, "treasury: not exactly one slot")
            need(amount == leaf.energy, "treasury: more than the rating allows")
        if amount == 0:
            return None
        book = self.utilities[leaf.utility]
        need(book.minted + amount <= book.total, "treasury: more than the oracle signed")
        need(leaf.owner != NOBODY, "energy_token: mint to the zero address")
        kept = reserve_between(word.register, word.register + amount, self.bps)
        token_id = batch_id(leaf.utility, leaf.slot) if batch else leaf.utility
        mint = Mint(leaf.station, leaf.tenure, leaf.owner, word.register, amount, kept, token_id)
        self._book(key, word, mint)
        self._deliver(leaf.owner, token_id, amount - kept)
        return mint

    def seat(self, station: int, tenure: int) -> Seat:
        """A tenure's seat as the Registry has it."""
        need(1 <= tenure <= len(self.stations.get(station, [])), "treasury: unknown tenure")
        record = self.stations[station][tenure - 1]
        contract = record.owner in self.contracts
        return Seat(station, tenure, record.owner, record.rated_w, contract, record.until != 0)

    def _sit(self, registers: Sequence[Register], seats: Sequence[Seat]) -> dict[Tenured, Settled]:
        """The words of a row that is seated anew: filled up to now at the old rating, in whole mWh."""
        words = {}
        previous = (0, 0)
        for (station, tenure, _), seat in zip(registers, seats, strict=True):
            need((station, tenure) > previous, "treasury: row not strictly ascending")
            previous = (station, tenure)
            need(seat == self.seat(station, tenure), "treasury: not the registry's seat")
            record = self.stations[station][tenure - 1]
            word = self.settled.get((DIRECT_UTILITY, station, tenure)) or Settled(0, 0, record.since, record.rated_w)
            words[station, tenure] = self._refreshed(word, record)
        return {place: replace(word, allowance=whole(word.allowance)) for place, word in words.items()}

    def direct(
        self,
        report: Report,
        signer_list: Sequence[bytes],
        signatures: Sequence[Signed],
        registers: Sequence[Register],
        seats: Sequence[Seat],
        before: Sequence[Seat],
    ) -> int:
        """A report of a direct utility that pays every owner. Returns what became tokens, reserve included."""
        need("treasury" not in self.paused, "treasury: paused")
        accepted = self.check_report(report, signer_list, signatures, by_treasury=True)
        utility, count = report.content.utility, report.content.stations
        book = self.utilities[utility]
        need(book.mode == DIRECT, "treasury: utility is not direct")
        if before or len(registers) != count or not self.sitting:
            need(len(registers) + len(before) >= count, "treasury: not the report's row")
            need(list(before) == self.sitting, "treasury: not the seats before")
            words, sitting = self._sit(registers, seats), list(seats)
        else:
            words = {(s.station, s.tenure): self.settled[utility, s.station, s.tenure] for s in self.sitting}
            sitting = self.sitting
        root = ZERO_HASH
        for station, tenure, mintable in registers:
            root = keccak(root + (station << 128 | tenure << 96 | mintable).to_bytes(32, "big"))
        need(root == report.content.root, "treasury: not the report's row")
        need(list(seats) == sitting, "treasury: not the seats")
        mints = []
        for (station, tenure, mintable), seat in zip(registers, seats, strict=True):
            word = words[station, tenure]
            room = self.bucket(word)
            amount = min(max(mintable - word.register, 0), room)
            kept = reserve_between(word.register, word.register + amount, self.bps)
            mints.append(Mint(station, tenure, seat.owner, word.register, amount, kept, utility))
            words[station, tenure] = replace(
                word, register=word.register + amount, allowance=whole(room - amount), at=max(self.now, word.at)
            )
        total = sum(mint.amount for mint in mints)
        need(book.minted + total <= report.content.total, "treasury: more than the oracle signed")
        self._accept(report, *accepted)
        self.sitting = sitting
        book.minted += total
        book.reserve += sum(mint.kept for mint in mints)
        for place, word in words.items():
            self.settled[utility, *place] = word
        for station, tenure, mintable in registers:
            self.signed[utility, station, tenure] = max(self.signed[utility, station, tenure], mintable)
        for mint, seat in zip(mints, seats, strict=True):
            if mint.amount:
                waits = {"ask": False} if seat.is_contract else {}
                self._deliver(mint.owner, utility, mint.amount - mint.kept, **waits)
        return total

    def pooled(
        self, report: Report, signer_list: Sequence[bytes], signatures: Sequence[Signed], readings: Sequence[int]
    ) -> int:
        """A report of a pooled utility that pays the beneficiary. Returns what became tokens."""
        need("treasury" not in self.paused, "treasury: paused")
        accepted = self.check_report(report, signer_list, signatures, by_treasury=True)
        c = report.content
        book = self.utilities[c.utility]
        need(book.mode == POOLED, "treasury: utility is not pooled")
        need(-(-c.stations // 4) == -(-len(readings) // 4), "treasury: not the report's readings")
        need(sum(readings) == c.increase, "treasury: readings do not sum up to the increase")
        start = book.total
        self._accept(report, *accepted)
        if c.increase:
            kept = reserve_between(start, c.total, self.bps)
            book.minted += c.increase
            book.reserve += kept
            self._deliver(self.beneficiary, c.utility, c.increase - kept)
        return c.increase

    def collect_reserve(self, utility: int) -> int:
        """The counted reserve becomes tokens."""
        need("treasury" not in self.paused, "treasury: paused")
        book = self.utilities[utility]
        amount, book.reserve = book.reserve, 0
        if amount:
            self._deliver(self.beneficiary, utility, amount)
        return amount

    def withdraw_pending(self, caller: bytes, token_id: int, to: bytes) -> int:
        """Waiting tokens are fetched."""
        need(caller not in self.frozen, "treasury: account is frozen")
        amount = self.pending[caller, token_id]
        need(amount != 0, "treasury: nothing is pending")
        self.transfer(self.treasury, self.treasury, to, token_id, amount)
        self.pending[caller, token_id] = 0
        return amount

    def refresh_rating(self, station: int, tenure: int) -> None:
        """A tenure's buckets take the Registry's rating over; the time up to now counts at the old one."""
        record = self.stations[station][tenure - 1]
        for (utility, of, number), word in self.settled.items():
            sits = utility == DIRECT_UTILITY and any((s.station, s.tenure) == (of, number) for s in self.sitting)
            if (of, number) == (station, tenure) and not sits:
                self.settled[utility, of, number] = self._refreshed(word, record)

    def _refreshed(self, word: Settled, record: Tenure) -> Settled:
        end = record.until or self.now
        earned = filled(word.allowance, word.rated_w, max(end - word.at, 0))
        return Settled(
            register=word.register,
            allowance=min(filled(earned, record.rated_w, 0), 2**64 - 1),
            at=NEVER if record.until else self.now,
            rated_w=record.rated_w,
        )
