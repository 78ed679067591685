# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the certificates should do, written for clarity: ranges of registers, five states, balances. No chain."""

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from tests.contracts.fuzz.books import SLOT, need

PENDING, VALID, RETIRED, REVOKED, EXPIRED = 1, 2, 3, 4, 5
WH = 1_000_000  # µWh

Register = tuple[int, int, int]  # utility, station, tenure


@dataclass
class Certificate:
    """A range of a register: what is left of it, and whose word it lives by."""

    register: Register
    origin: int
    start: int
    end: int
    expires_at: int
    metered: tuple[int, int]
    state: int = PENDING
    validator: bytes = bytes(20)


@dataclass(frozen=True)
class Ask:
    """A request to issue [start, end) Wh, with what the chain knows: why the proof fails, if so, and what is settled."""

    register: Register
    owner: bytes
    slot: int
    measured: int
    settled: int
    since: int
    proof: str
    kind: bool
    start: int
    end: int


@dataclass
class Book:
    """All certificates. Every operation raises Refused with the contract's reason and then changes nothing."""

    now: int
    lifetime: int
    validators: set[bytes]
    paused: bool = False
    frozen: set[bytes] = field(default_factory=set)
    approved: set[tuple[bytes, bytes]] = field(default_factory=set)
    certified: Counter[Register] = field(default_factory=Counter)
    issued: Counter[Register] = field(default_factory=Counter)
    whole: dict[Register, int] = field(default_factory=dict)
    certificates: dict[int, Certificate] = field(default_factory=dict)
    parts: Counter[int] = field(default_factory=Counter)
    balances: Counter[tuple[bytes, int]] = field(default_factory=Counter)
    retirements: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # id, from, to, holder

    def state(self, made: int) -> int:
        """The state of a certificate now; 0 for none."""
        found = self.certificates.get(made)
        if found is None:
            return 0
        if found.start == found.end:
            return RETIRED
        if REVOKED in (found.state, self.certificates[found.origin].state):
            return REVOKED
        return EXPIRED if self.now >= found.expires_at else found.state

    def issue(self, sender: bytes, asks: Sequence[Ask]) -> list[int]:
        """Certify ranges, all or none."""
        before = deepcopy((self.certified, self.whole))
        try:
            ends = [self._take(sender, ask) for ask in asks]
        except Exception:
            self.certified, self.whole = before
            raise
        ids = []
        for ask, metered in zip(asks, ends, strict=True):
            utility, station, tenure = ask.register
            made = utility << 248 | station << 120 | tenure << 88 | ask.start << 24
            expires_at = metered[1] + self.lifetime
            self.certificates[made] = Certificate(ask.register, made, ask.start, ask.end, expires_at, metered)
            self.balances[ask.owner, made] = ask.end - ask.start
            self.issued[ask.register] += ask.end - ask.start
            ids.append(made)
        return ids

    def _take(self, sender: bytes, ask: Ask) -> tuple[int, int]:
        self._may_move(sender, ask.owner, ask.owner)
        need(not ask.proof, ask.proof)
        need(ask.kind, "certificates: kind of plant is not certified")
        need(ask.start >= self.certified[ask.register], "certificates: certified already")
        need(ask.end > ask.start, "certificates: empty range")
        need(ask.end * WH <= ask.measured, "certificates: more than was measured")
        need(ask.end * WH <= ask.settled, "certificates: more than is settled")
        until = (ask.slot + 1) * SLOT
        metered = self.whole.get(ask.register, ask.since), until
        self.certified[ask.register] = ask.end
        if ask.end == ask.measured // WH:
            self.whole[ask.register] = until
        return metered

    def validate(self, sender: bytes, ids: Sequence[int]) -> None:
        """PENDING ones become VALID, all or none."""
        need(not self.paused, "certificates: paused")
        need(sender in self.validators, "certificates: access is denied")
        seen: set[int] = set()
        for made in ids:
            need(self.state(made) == PENDING and made not in seen, "certificates: not pending")
            need(not self.balances[sender, made], "certificates: validator holds it")
            seen.add(made)
        for made in ids:
            self.certificates[made].state = VALID
            self.certificates[made].validator = sender

    def revoke(self, sender: bytes, made: int, reason: str) -> None:
        """Freeze what is left of a certificate and of its parts."""
        need(sender in self.validators, "certificates: access is denied")
        need(made in self.certificates, "certificates: no such certificate")
        need(self.certificates[made].state != REVOKED, "certificates: revoked already")
        need(bool(reason), "certificates: no reason")
        self.certificates[made].state = REVOKED

    def transfer(self, sender: bytes, owner: bytes, to: bytes, moves: Sequence[tuple[int, int]]) -> None:
        """One or several, all or none."""
        self._may_move(sender, owner, to)
        before = self.balances.copy()
        try:
            for made, amount in moves:
                self._debit(owner, made, amount)
                self.balances[to, made] += amount
        except Exception:
            self.balances = before
            raise

    def split(self, sender: bytes, owner: bytes, made: int, amount: int) -> int:
        """The back of a range becomes a certificate of its own."""
        self._may_move(sender, owner, owner)
        need(self.state(made) == VALID, "certificates: not valid")
        found = self.certificates[made]
        need(0 < amount < found.end - found.start, "certificates: nothing to split")
        self._debit(owner, made, amount)
        self.parts[found.origin] += 1
        part = found.origin + self.parts[found.origin]
        origin = self.certificates[found.origin]
        self.certificates[part] = Certificate(
            found.register, found.origin, found.end - amount, found.end, found.expires_at, found.metered, VALID,
            origin.validator,
        )  # fmt: skip
        found.end -= amount
        self.balances[owner, part] = amount
        return part

    def retire(self, sender: bytes, owner: bytes, made: int, amount: int) -> int:
        """The front of a range is used for good."""
        self._may_move(sender, owner, owner)
        need(self.state(made) == VALID, "certificates: not valid")
        need(amount != 0, "certificates: nothing to retire")
        self._debit(owner, made, amount)
        found = self.certificates[made]
        self.retirements.append((made, found.start, found.start + amount, owner))
        found.start += amount
        return len(self.retirements)

    def _debit(self, owner: bytes, made: int, amount: int) -> None:
        need(self.state(made) == VALID, "certificates: not valid")
        need(self.balances[owner, made] >= amount, "certificates: amount exceeds balance")
        self.balances[owner, made] -= amount

    def _may_move(self, sender: bytes, owner: bytes, to: bytes) -> None:
        need(not self.paused, "certificates: paused")
        if sender != owner:
            need((owner, sender) in self.approved, "certificates: caller is not owner or approved")
            need(sender not in self.frozen, "certificates: account is frozen")
        need(not {owner, to} & self.frozen, "certificates: account is frozen")
