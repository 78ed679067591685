# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The certificates on chain and their reference side by side, over real reports and claims."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import boa
from hypothesis.stateful import RuleBasedStateMachine

from bench.contracts import artifact
from oracle.rules import Leaf, Report, Tree, build_content
from tests.contracts.fuzz.books import RING, SLOT, Refused
from tests.contracts.fuzz.certificates.book import Ask, Book, Register
from tests.contracts.fuzz.world import (
    OWNER,
    PEOPLE,
    REGISTRAR,
    RELAYER,
    START,
    TREASURY,
    Contract,
    Outcome,
    World,
    account,
    flat,
    leaf_words,
    report_words,
    sign,
    signers,
)

LIFETIME = 30 * 86_400
VALIDATOR = account("validator")
PLANTS = ((3, PEOPLE[0], 1), (5, PEOPLE[1], 1), (7, PEOPLE[2], 7))  # station, owner, kind; the last one is storage
HOLDERS = (*PEOPLE, VALIDATOR)

Request = tuple[Any, int, list[bytes], int, int]


class Desk(RuleBasedStateMachine):
    """Both sides, and what the chain said of every range so far."""

    tally: ClassVar[Counter[tuple[str, str]]] = Counter()
    world: ClassVar[World]  # deployed once: every run begins from there
    on: ClassVar[Contract]

    @classmethod
    def deploy(cls) -> None:
        """The house, the certificates and three plants."""
        cls.world = World()
        cls.on = Contract(artifact("Certificates"), TREASURY, cls.world.guard.address, LIFETIME, sender=OWNER)
        cls.on.must("name_technology", 1, 1, "photovoltaic", sender=OWNER)
        cls.on.must("set_validator", VALIDATOR, True, sender=OWNER)
        for station, owner, kind in PLANTS:
            cls.world.registry.must("register_station", station, owner, 10_000, kind, False, sender=REGISTRAR)

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        boa.env.timestamp = START
        self.book = Book(self.world.now, LIFETIME, {VALIDATOR})
        self.measured: Counter[int] = Counter()
        self.mintable: Counter[int] = Counter()
        self.settled: Counter[int] = Counter()
        self.head = (START // SLOT - 1, 0, bytes(32))  # slot, total, content hash
        self.published: list[tuple[list[Leaf], Tree]] = []
        self.ranges: dict[int, tuple[Register, int, int]] = {}  # as the chain tells them
        self.used: list[tuple[Register, int, int]] = []
        self.seen_certified: Counter[Register] = Counter()
        self.touched: set[int] = set()

    def teardown(self) -> None:
        """All of the chain against all of the reference, then the chain forgets."""
        try:
            self.compare(list(self.book.certificates))
            for number, (made, start, end, holder) in enumerate(self.book.retirements, start=1):
                told = self.on.view("retirement", number)
                assert told[:4] == (made, start, end, "0x" + holder.hex())
        finally:
            self.forget()

    def forget(self) -> None:
        """Back to the freshly deployed contracts."""
        self._anchor.__exit__(None, None, None)

    def do(self, name: str, function: str, *args: Any, sender: bytes, model: Callable[[], Any]) -> Outcome:
        """Send to both; both accept with one answer, or both refuse with one reason."""
        expected, answer = "", None
        try:
            answer = model()
        except Refused as refusal:
            expected = refusal.reason
        outcome = self.on.call(function, *args, sender=sender)
        type(self).tally[name, expected or "ok"] += 1
        assert (outcome.ok, outcome.reason) == (not expected, expected), f"{name}: {outcome.reason or 'went through'}"
        if isinstance(answer, int):
            assert outcome.number == answer
        return outcome

    def pass_time(self, seconds: int) -> None:
        """Move both clocks."""
        self.world.pass_time(seconds)
        self.book.now = self.world.now

    def report(self, step: int, moves: Sequence[int], estimated: int) -> None:
        """The plants' registers move, µWh; `estimated` per cent of it was not measured."""
        slot, total, prev = self.head
        slot = max(slot + step, self.world.now // SLOT)
        self.pass_time(max(0, (slot + 1) * SLOT - self.world.now))
        leaves = []
        for (station, owner, _), move in zip(PLANTS, moves, strict=True):
            self.mintable[station] += move
            self.measured[station] += move * (100 - estimated) // 100
            leaves.append(
                Leaf(1, station, 1, owner, slot, move, self.measured[station], self.mintable[station], 2, bytes(32))
            )
        content, tree = build_content(leaves, utility=1, slot=slot, prev=prev, previous_total=total, valid_from=0)
        signed = Report(content, self.world.now + 1, 1)
        pairs = [sign(self.world.digest(signed), node) for node in signers()[:2]]
        members = [node.address for node in signers()[:3]]
        self.world.oracle.must("report", report_words(signed), members, flat(pairs), sender=RELAYER)
        self.head = slot, content.total, content.hash()
        self.published.append((leaves, tree))

    def claim(self, place: int) -> None:
        """Somebody settles a plant's newest leaf."""
        leaves, tree = self.published[-1]
        args = leaf_words(leaves[place]), place, tree.proof(place)
        amount = self.world.treasury.must("claim", *args, sender=RELAYER).number
        self.settled[leaves[place].station] += amount
        assert self.settled[leaves[place].station] == leaves[place].mintable

    def ask(self, which: int, place: int, start: int, end: int, *, lie: bool) -> tuple[Request, Ask]:
        """A request over a leaf that was published, and what the reference is told about it."""
        leaves, tree = self.published[-1 - which % len(self.published)]
        leaf = leaves[place]
        proof = "" if self.head[0] - leaf.slot < RING else "certificates: no such report"
        if lie:
            leaf = replace(leaf, measured=leaf.measured + 10**9)
            proof = proof or "certificates: leaf not in the report"
        told = Ask(
            register=(1, leaf.station, 1),
            owner=leaf.owner,
            slot=leaf.slot,
            measured=leaf.measured,
            settled=self.settled[leaf.station],
            since=START,
            proof=proof,
            kind=PLANTS[place][2] == 1,
            start=start,
            end=end,
        )
        return (leaf_words(leaf), place, tree.proof(place), start, end), told

    def compare(self, ids: Sequence[int]) -> None:
        """Certificates on chain against the reference, and sums from the chain's own numbers."""
        for made in ids:
            expected = self.book.certificates[made]
            told = self.on.view("certificate", made)
            assert told[0] == expected.origin
            assert told[6:10] == (expected.start, expected.end, *expected.metered)
            assert told[11:] == (expected.expires_at, "0x" + expected.validator.hex(), self.book.state(made))
            held = self.on.view("balanceOfBatch", list(HOLDERS), [made] * len(HOLDERS))
            assert list(held) == [self.book.balances[holder, made] for holder in HOLDERS]
            assert sum(held) == told[7] - told[6], "balances are not what is left"
            self.ranges[made] = expected.register, told[6], told[7]
