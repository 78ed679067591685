# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A house on chain and its model side by side: every operation is sent to both, and both are compared afterwards."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import boa
from hypothesis.stateful import RuleBasedStateMachine

from bench.contracts import artifact
from oracle.rules import Report
from tests.contracts.fuzz.books import CLAIMED, RING, SLOT, Refused, Signed, filled
from tests.contracts.fuzz.grid import Draft, Grid, Published
from tests.contracts.fuzz.model import Model
from tests.contracts.fuzz.world import (
    BENEFICIARY,
    CALL_GAS,
    GUARDIAN,
    MODES,
    OWNER,
    PEOPLE,
    REGISTRAR,
    RELAYER,
    RESERVE_BPS,
    START,
    STRANGER,
    TREASURY,
    Contract,
    Outcome,
    Signer,
    World,
    sign,
    signers,
)

ACCEPT, REVERT, LIE, EAT_GAS, REVERT_LOUDLY, CALL_BACK, INSIST = range(7)
REFUSING = {REVERT, LIE, EAT_GAS, REVERT_LOUDLY, INSIST}
TRANSFER_GAS = 400_000  # a transfer hands all its gas to the receiver, and one receiver eats everything

Tally = Counter[tuple[str, str]]


class House(RuleBasedStateMachine):
    """The chain, the model and what both have seen so far."""

    tally: ClassVar[Tally] = Counter()  # (operation, "ok" or the reason) over a whole run
    world: ClassVar[World]  # deployed once: every run begins from there
    receivers: ClassVar[dict[int, Contract]]

    @classmethod
    def deploy(cls) -> None:
        """The house, and a receiver for every way to behave."""
        cls.world = World()
        cls.receivers = {
            behaviour: Contract(artifact("FuzzReceiver"), sender=OWNER) for behaviour in range(ACCEPT, INSIST + 1)
        }

    def __init__(self) -> None:
        super().__init__()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        boa.env.timestamp = START
        self.owners = (*PEOPLE, *(receiver.address for receiver in self.receivers.values()))
        self.holders = (*self.owners, BENEFICIARY, TREASURY)
        self.model = Model(modes=MODES, bps=RESERVE_BPS, now=self.world.now, treasury=TREASURY, beneficiary=BENEFICIARY)
        self.model.rotate([signer.address for signer in signers()[:3]], 2, 0, 0)
        for behaviour, receiver in self.receivers.items():
            self.behave(behaviour, behaviour)
            self.model.contracts.add(receiver.address)
        self.grid = Grid(self.model)
        self.sets: dict[int, tuple[Signer, ...]] = {1: signers()[:3]}  # epoch → its nodes
        self.published: list[Published] = []
        self.ids: list[int] = list(MODES)
        self.step = 0
        for station, owner in ((7, PEOPLE[0]), (3, self.receivers[CALL_BACK].address)):
            self.register(station, owner, 10_000)

    def teardown(self) -> None:
        """Everything is compared once more, then the chain forgets."""
        try:
            self.compare_all()
        finally:
            self._anchor.__exit__(None, None, None)

    # both sides at once

    def do(
        self,
        name: str,
        contract: Contract,
        function: str,
        *args: Any,
        sender: bytes,
        model: Callable[[], Any],
        gas: int = CALL_GAS,
        chain_first: bool = False,
    ) -> Outcome:
        """Send to the chain and to the model; both accept, or both refuse for the same reason.

        `chain_first`: the model must look at what a receiver's hook did before it can follow.
        """
        expected = ""
        outcome = contract.call(function, *args, sender=sender, gas=gas) if chain_first else None
        answer: Any = None
        try:
            answer = model()
        except Refused as refusal:
            expected = refusal.reason
        outcome = outcome or contract.call(function, *args, sender=sender, gas=gas)
        type(self).tally[name, expected or "ok"] += 1
        if expected:
            assert not outcome.ok, f"{name} went through; it should say {expected}"
            assert expected in ("*", outcome.reason), f"{name} says {outcome.reason!r} instead of {expected!r}"
        else:
            assert outcome.ok, f"{name} reverted: {outcome.reason!r}"
            if isinstance(answer, int):
                assert outcome.number == answer, f"{name} returned {outcome.number} instead of {answer}"
        return outcome

    def register(self, station: int, owner: bytes, rated_w: int) -> None:
        """Enter a station on both sides."""
        self.do(
            "register_station",
            self.world.registry,
            "register_station",
            station,
            owner,
            rated_w,
            1,
            False,
            sender=REGISTRAR,
            model=lambda: self.model.register_station(station, owner, rated_w),
        )

    def behave(self, slot: int, behaviour: int, target: bytes | None = None, calldata: bytes = b"") -> None:
        """Tell a receiver how to behave. Without a target it calls back what is refused always: it mints for itself."""
        receiver = self.receivers[slot]
        if target is None:
            target = self.world.token.address
            calldata = artifact("EnergyToken").functions["mint"].calldata(receiver.address, 1, 1)
        receiver.must("behave", behaviour, target, calldata, sender=STRANGER)
        (self.model.refusing.add if behaviour in REFUSING else self.model.refusing.discard)(receiver.address)

    def pass_time(self, seconds: int) -> None:
        """Move both clocks."""
        self.world.pass_time(seconds)
        self.model.now = self.world.now

    def quorum(self, epoch: int) -> tuple[Signer, ...]:
        """As many nodes of an epoch as are needed, in order."""
        return self.sets[epoch][: self.model.epochs[epoch].k]

    def signed(
        self, draft: Draft, *, epoch: int | None = None, deadline: int | None = None
    ) -> tuple[Report, list[Any]]:
        """A report signed by the quorum of an epoch, the newest unless told."""
        epoch = epoch or len(self.model.epochs)
        report = Report(draft.content, deadline or self.model.now + 172_800, epoch)
        digest = self.world.digest(report)
        return report, [sign(digest, signer) for signer in self.quorum(epoch)]

    def known(self, epoch: int) -> list[Signed]:
        """What the model is told about the signatures of an epoch's quorum."""
        return [Signed(signer.address) for signer in self.quorum(epoch)]

    def accept(self, draft: Draft) -> None:
        """Both sides took the report: the grid goes on."""
        self.grid.accept(draft)
        if self.model.utilities[draft.content.utility].mode == CLAIMED:
            self.published.append(Published(draft.leaves, draft.tree))

    # comparison

    def compare_utility(self, utility: int) -> None:
        """A utility's books on chain against the model, and conservation from the chain's own numbers."""
        book = self.model.utilities[utility]
        slot, total, content, reports = self.world.oracle.view("head", utility)
        minted = self.world.treasury.view("minted", utility)
        reserve = self.world.treasury.view("reserve", utility)
        supply = self.world.token.view("total_supply", utility)
        assert (slot, total, content, reports) == (book.slot, book.total, book.content, book.reports)
        assert (minted, reserve) == (book.minted, book.reserve)
        assert self.world.oracle.view("valid_from", utility) == book.valid_from
        assert minted <= total, "more became tokens than the oracle signed"
        assert supply == self.model.supply(utility), "supply is not the sum of the balances"
        batches = sum(self.model.supply(token) for token in self.ids if token >> 32 & 255 == utility)
        assert supply + batches + reserve + self.model.burned[utility] == minted, "minted is not accounted for"
        registers = sum(word.register for key, word in self.model.settled.items() if key[0] == utility)
        assert minted == (total if MODES[utility] == 3 else registers), "settled registers do not add up to minted"

    def compare_settled(self, key: tuple[int, int, int]) -> None:
        """A tenure's settled word, and that it is no more than was ever signed for it."""
        word = self.model.settled.get(key)
        expected = (word.register, word.allowance, word.at, word.rated_w) if word else (0, 0, 0, 0)
        actual = self.world.treasury.view("settled", *key)
        assert actual == expected, f"settled {key}: {actual} instead of {expected}"
        assert actual[0] <= self.model.signed[key], "a tenure minted more than was signed for it"

    def compare_holding(self, holder: bytes, token_id: int) -> None:
        """A balance, and what waits for its owner."""
        assert self.world.token.view("balanceOf", holder, token_id) == self.model.balances[holder, token_id]
        assert self.world.treasury.view("pending", holder, token_id) == self.model.pending[holder, token_id]

    def compare_all(self) -> None:
        """The whole chain against the whole model."""
        for utility in MODES:
            self.compare_utility(utility)
        for key in self.tenure_keys():
            self.compare_settled(key)
        for token_id in self.ids:
            for holder in self.holders:
                self.compare_holding(holder, token_id)
            waiting = sum(amount for (_, token), amount in self.model.pending.items() if token == token_id)
            assert self.world.token.view("balanceOf", TREASURY, token_id) == waiting, "pending is not covered"
            assert self.world.token.view("total_supply", token_id) == self.model.supply(token_id)
        assert self.world.registry.view("total_rated_w") == self.model.total_rated()
        assert self.world.oracle.view("rated_w") == self.model.rated_copy
        assert self.world.oracle.view("epoch") == len(self.model.epochs)
        for utility, book in self.model.utilities.items():
            room = filled(book.allowance_mwh * 1000, self.model.total_rated(), 3 * SLOT)
            assert self.world.oracle.view("ceiling", utility, book.slot + 3) == room
            for slot in (book.slot + 1, book.slot, book.slot - RING + 1, book.slot - RING, book.valid_from - 1):
                assert self.world.oracle.view("root_of", utility, max(slot, 0)) == self.model.root_of(
                    utility, max(slot, 0)
                )

    def tenure_keys(self) -> list[tuple[int, int, int]]:
        """Every register that can exist."""
        return [
            (utility, station, number)
            for utility in MODES
            for station, tenures in self.model.stations.items()
            for number in range(1, len(tenures) + 1)
        ]


def changed(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[Any]:
    """The keys whose value is another one now."""
    return [key for key, value in after.items() if before.get(key) != value]


__all__ = ["ACCEPT", "CALL_BACK", "GUARDIAN", "INSIST", "PEOPLE", "RELAYER", "STRANGER", "House", "changed"]
