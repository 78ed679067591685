# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What holders do with tokens: transfer, fuse, burn, fetch what waits; and what a freeze forbids them."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts.fuzz import strategies
from tests.contracts.fuzz.books import BATCH
from tests.contracts.fuzz.stateful.base import GUARDIAN, PEOPLE, STRANGER, TRANSFER_GAS, House


class Holding(House):
    """The EnergyToken's holders."""

    def holding(self, which: int, *, batch: bool = False) -> tuple[bytes, int, int]:
        """Somebody who holds something, the id and how much."""
        held = [
            (holder, token_id, amount)
            for (holder, token_id), amount in self.model.balances.items()
            if amount and holder != self.world.treasury.address and (not batch or token_id & BATCH)
        ]
        return held[which % len(held)] if held else (STRANGER, 1, 0)

    @rule(which=strategies.indices, to=strategies.indices, share=strategies.shares, thief=st.booleans())
    def transfer(self, which: int, to: int, share: int, thief: bool) -> None:
        """A transfer to anybody; somebody without approval is refused."""
        owner, token_id, amount = self.holding(which)
        receiver = self.holders[to % len(self.holders)]
        amount = amount * share // 100 + (share > 100)
        operator = STRANGER if thief else owner
        self.do(
            "transfer",
            self.world.token,
            "safeTransferFrom",
            owner,
            receiver,
            token_id,
            amount,
            b"",
            sender=operator,
            gas=TRANSFER_GAS,
            model=lambda: self.model.transfer(operator, owner, receiver, token_id, amount),
        )

    @rule(which=strategies.indices, others=strategies.indices, to=strategies.indices, share=strategies.shares)
    def transfer_several(self, which: int, others: int, to: int, share: int) -> None:
        """Several ids at once, the same one twice among them."""
        owner, token_id, amount = self.holding(which)
        receiver = PEOPLE[to % len(PEOPLE)]
        ids = [token_id, self.ids[others % len(self.ids)], token_id]
        amounts = [amount * share // 200, self.model.balances[owner, ids[1]] * share // 400, amount * share // 300]
        self.do(
            "transfer_several",
            self.world.token,
            "safeBatchTransferFrom",
            owner,
            receiver,
            ids,
            amounts,
            b"",
            sender=owner,
            gas=TRANSFER_GAS,
            model=lambda: self.model.transfer_several(owner, receiver, ids, amounts),
        )

    @rule(which=strategies.indices, approved=st.booleans())
    def approve(self, which: int, approved: bool) -> None:
        """An owner lets a stranger move its tokens, or no longer."""
        owner = self.owners[which % len(self.owners)]
        self.world.token.must("setApprovalForAll", STRANGER, approved, sender=owner)
        (self.model.approved.add if approved else self.model.approved.discard)((owner, STRANGER))

    @rule(which=strategies.indices, share=strategies.shares, batch=st.sampled_from((True, True, False)))
    def fuse(self, which: int, share: int, batch: bool) -> None:
        """Batch tokens become class tokens, for good."""
        owner, token_id, amount = self.holding(which, batch=batch)
        amount = amount * share // 100 + (share > 100)
        self.do(
            "fuse",
            self.world.token,
            "fuse",
            token_id,
            amount,
            sender=owner,
            model=lambda: self.model.fuse(owner, token_id, amount),
        )

    @rule(which=strategies.indices, share=strategies.shares)
    def burn(self, which: int, share: int) -> None:
        """Tokens are destroyed."""
        owner, token_id, amount = self.holding(which)
        amount = amount * share // 100 + (share > 100)
        self.do(
            "burn",
            self.world.token,
            "burn",
            token_id,
            amount,
            sender=owner,
            model=lambda: self.model.burn(owner, token_id, amount),
        )

    @precondition(lambda self: any(self.model.pending.values()))
    @rule(which=strategies.indices, to=strategies.indices, other=st.booleans())
    def withdraw_pending(self, which: int, to: int, other: bool) -> None:
        """What waits is fetched, by its owner and by nobody else."""
        waiting = [key for key, amount in self.model.pending.items() if amount]
        owner, token_id = waiting[which % len(waiting)]
        receiver = self.holders[to % len(self.holders)]
        if other:
            outcome = self.world.treasury.call("withdraw_pending", token_id, STRANGER, sender=STRANGER)
            assert outcome.reason in ("treasury: nothing is pending", "treasury: account is frozen")
        self.do(
            "withdraw_pending",
            self.world.treasury,
            "withdraw_pending",
            token_id,
            receiver,
            sender=owner,
            gas=TRANSFER_GAS,
            model=lambda: self.model.withdraw_pending(owner, token_id, receiver),
        )

    @rule(which=strategies.indices)
    def freeze(self, which: int) -> None:
        """A holder may not move tokens, or may again; it is still paid."""
        accounts = (*self.holders[:-1], STRANGER)
        account = accounts[which % len(accounts)]
        thaw = account in self.model.frozen
        self.world.guard.must("unfreeze" if thaw else "freeze", account, sender=GUARDIAN)
        (self.model.frozen.discard if thaw else self.model.frozen.add)(account)
