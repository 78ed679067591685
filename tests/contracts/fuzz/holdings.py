# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who holds what: the token's half of the model."""

from collections import defaultdict
from collections.abc import Sequence

from tests.contracts.fuzz.books import BATCH, need


class Holdings:
    """Balances, and what may be done with them."""

    def __init__(self, treasury: bytes) -> None:
        self.treasury = treasury
        self.balances: dict[tuple[bytes, int], int] = defaultdict(int)
        self.burned: dict[int, int] = defaultdict(int)  # class units that are gone for good
        self.frozen: set[bytes] = set()
        self.approved: set[tuple[bytes, bytes]] = set()  # owner, operator
        self.paused: set[str] = set()
        self.refusing: set[bytes] = set()  # contracts whose hook does not accept

    def supply(self, token_id: int) -> int:
        """What exists of an id, counted by hand."""
        return sum(amount for (_, token), amount in self.balances.items() if token == token_id)

    def _check_move(self, operator: bytes, owner: bytes, to: bytes) -> None:
        need("token" not in self.paused, "energy_token: paused")
        allowed = operator == owner or (owner, operator) in self.approved
        need(allowed, "energy_token: caller is not owner or approved")
        need(not {operator, owner, to} & self.frozen, "energy_token: account is frozen")

    def transfer(self, operator: bytes, owner: bytes, to: bytes, token_id: int, amount: int) -> None:
        """ERC-1155 transfer, the receiver's hook included."""
        self._check_move(operator, owner, to)
        need(self.balances[owner, token_id] >= amount, "erc1155: insufficient balance for transfer")
        need(to not in self.refusing and to != self.treasury, "*")  # the receiver's own reason
        self.balances[owner, token_id] -= amount
        self.balances[to, token_id] += amount

    def transfer_several(self, owner: bytes, to: bytes, ids: Sequence[int], amounts: Sequence[int]) -> None:
        """ERC-1155 transfer of several ids to a wallet, all or nothing."""
        self._check_move(owner, owner, to)
        left = {token_id: self.balances[owner, token_id] for token_id in ids}
        for token_id, amount in zip(ids, amounts, strict=True):
            need(left[token_id] >= amount, "erc1155: insufficient balance for transfer")
            left[token_id] -= 0 if owner == to else amount
        for token_id, amount in zip(ids, amounts, strict=True):
            self.balances[owner, token_id] -= amount
            self.balances[to, token_id] += amount

    def fuse(self, owner: bytes, token_id: int, amount: int) -> None:
        """Batch tokens become class tokens."""
        need(bool(token_id & BATCH), "energy_token: not a batch")
        self._check_move(owner, owner, owner)
        need(self.balances[owner, token_id] >= amount, "energy_token: amount exceeds balance")
        self.balances[owner, token_id] -= amount
        self.balances[owner, token_id >> 32 & 255] += amount

    def burn(self, owner: bytes, token_id: int, amount: int) -> None:
        """Tokens are destroyed."""
        self._check_move(owner, owner, owner)
        need(self.balances[owner, token_id] >= amount, "energy_token: amount exceeds balance")
        self.balances[owner, token_id] -= amount
        self.burned[token_id >> 32 & 255 if token_id & BATCH else token_id] += amount
