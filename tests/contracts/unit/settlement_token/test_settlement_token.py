# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""SettlementToken: minted on a bank's credit, burned on its payment, once each, within caps, under the Guard."""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address

from scripts._house import container
from tests.contracts.attested import CREDIT, PAYOUT, PERMIT, Signing
from tests.contracts.house import Contracts, addresses, compact, node_keys, refuses

RUPEES = 100  # paise
CREDIT_1, PAYOUT_1 = keccak(b"credit 1"), keccak(b"payout 1")


@dataclass(frozen=True)
class Bank:
    """Three gateways of which two sign."""

    token: ContractInstance
    keys: list[PrivateKey]

    @property
    def signing(self) -> Signing:
        """The token's domain."""
        return Signing("xINR", ape.chain.chain_id, to_canonical_address(self.token.address))

    def attest(
        self,
        kind: str,
        reference: bytes,
        account: AccountAPI,
        amount: int,
        *,
        by: list[PrivateKey] | None = None,
        age: int = 0,
    ) -> tuple[Any, ...]:
        """What `mint` and `burn` take."""
        deadline = int(ape.chain.blocks.head.timestamp) + 600 - age
        digest = self.signing.digest(kind, reference, to_canonical_address(account.address), amount, deadline)
        words = [word for key in (self.keys[:2] if by is None else by) for word in compact(key, digest)]
        return reference, account, amount, deadline, addresses(self.keys), words


@pytest.fixture(scope="session")
def issuer(accounts: list[AccountAPI]) -> AccountAPI:
    """Brings attestations."""
    return accounts[9]


@pytest.fixture(scope="session")
def bank(contracts: Contracts, owner: AccountAPI, issuer: AccountAPI) -> Bank:
    """A rupee token of which 10,000.00 may exist and 1,000.00 be minted in a day."""
    token = owner.deploy(container("SettlementToken"), "INR", 2, contracts.guard)
    bank = Bank(token, node_keys(3, generation=7))
    token.set_issuer(issuer, True, sender=owner)
    token.set_attesters(addresses(bank.keys), 2, 0, sender=owner)
    token.set_caps(10_000 * RUPEES, 1_000 * RUPEES, sender=owner)
    return bank


@pytest.fixture
def funded(bank: Bank, issuer: AccountAPI, buyer: AccountAPI) -> Bank:
    """The buyer has 500.00."""
    bank.token.mint(*bank.attest(CREDIT, CREDIT_1, buyer, 500 * RUPEES), sender=issuer)
    return bank


def test_deploy__named_by_the_code(bank: Bank) -> None:
    """Name and symbol hold the ISO code and nothing else."""
    token = bank.token
    named = (token.name(), token.symbol(), token.decimals(), token.currency())
    assert named == ("Settlement token xINR", "xINR", 2, "INR")
    listed = encode(("address[]",), (addresses(bank.keys),))
    assert tuple(token.attesters()) == (int.from_bytes(keccak(listed)[:20], "big"), 2)


def test_mint(bank: Bank, issuer: AccountAPI, buyer: AccountAPI) -> None:
    """A credit becomes tokens."""
    token, args = bank.token, bank.attest(CREDIT, CREDIT_1, buyer, 500 * RUPEES)
    assert token.mint.call(*args, sender=issuer) is True
    receipt = token.mint(*args, sender=issuer)

    (minted,) = receipt.decode_logs(token.Minted)
    assert (minted.operation, minted.account, minted.issuer, minted.amount) == (CREDIT_1, buyer, issuer, 500 * RUPEES)
    assert token.balanceOf(buyer) == token.totalSupply() == token.minted_today() == 500 * RUPEES
    assert token.operation_of(CREDIT_1) != bytes(32)


def test_mint__again__does_nothing(funded: Bank, owner: AccountAPI, issuer: AccountAPI, buyer: AccountAPI) -> None:
    """The bank's message came twice: no error, no money; not even if caps and signatures would refuse it by now."""
    token = funded.token
    token.set_caps(0, 0, sender=owner)
    args = funded.attest(CREDIT, CREDIT_1, buyer, 500 * RUPEES, by=[], age=1_200)
    assert token.mint.call(*args, sender=issuer) is False
    assert not token.mint(*args, sender=issuer).decode_logs(token.Minted)
    assert token.totalSupply() == 500 * RUPEES


def test_mint__reference_of_something_else__reverts(
    funded: Bank, issuer: AccountAPI, buyer: AccountAPI, neighbour: AccountAPI
) -> None:
    """A reference stands for one kind, one account and one amount."""
    reason = "settlement_token: reference stands for something else"
    refuses(reason, funded.token.mint, *funded.attest(CREDIT, CREDIT_1, buyer, 1), sender=issuer)
    other = funded.attest(CREDIT, CREDIT_1, neighbour, 500 * RUPEES)
    refuses(reason, funded.token.mint, *other, sender=issuer)
    refuses(reason, funded.token.burn, *funded.attest(PAYOUT, CREDIT_1, buyer, 500 * RUPEES), sender=issuer)


def test_mint__without_a_sound_attestation__reverts(
    bank: Bank, issuer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """Neither an issuer alone nor attesters alone."""
    token, keys = bank.token, bank.keys
    good = bank.attest(CREDIT, CREDIT_1, buyer, 1)
    refuses("settlement_token: access is denied", token.mint, *good, sender=stranger)
    wrong = (
        ("quorum: too few signatures", bank.attest(CREDIT, CREDIT_1, buyer, 1, by=keys[:1])),
        ("quorum: not a signer, or not in order", bank.attest(CREDIT, CREDIT_1, buyer, 1, by=[keys[0], keys[0]])),
        ("quorum: not a signer, or not in order", bank.attest(CREDIT, CREDIT_1, buyer, 1, by=node_keys(2))),
        ("quorum: not a signer, or not in order", bank.attest(PAYOUT, CREDIT_1, buyer, 1)),
        ("quorum: wrong signer set", (*good[:4], addresses(keys[:2]), good[5])),
        ("settlement_token: attestation is over", bank.attest(CREDIT, CREDIT_1, buyer, 1, age=601)),
        ("settlement_token: nothing to book", bank.attest(CREDIT, CREDIT_1, buyer, 0)),
        ("settlement_token: nothing to book", bank.attest(CREDIT, bytes(32), buyer, 1)),
    )
    for reason, args in wrong:
        refuses(reason, token.mint, *args, sender=issuer)


def test_mint__over_a_cap__reverts(funded: Bank, owner: AccountAPI, issuer: AccountAPI, buyer: AccountAPI) -> None:
    """A day has room for so much, and so has the token; the next day has room again."""
    token, second = funded.token, keccak(b"credit 2")
    over = funded.attest(CREDIT, second, buyer, 500 * RUPEES + 1)
    refuses("settlement_token: over the cap of the day", token.mint, *over, sender=issuer)
    day = int(ape.chain.blocks.head.timestamp) // 86_400
    ape.chain.mine(timestamp=(day + 1) * 86_400)
    assert token.minted_today() == 0
    token.mint(*funded.attest(CREDIT, second, buyer, 500 * RUPEES + 1), sender=issuer)
    assert token.minted_today() == 500 * RUPEES + 1
    token.set_caps(1_000 * RUPEES + 1, 1_000 * RUPEES, sender=owner)
    third = funded.attest(CREDIT, keccak(b"credit 3"), buyer, 1)
    refuses("settlement_token: over the cap of the supply", token.mint, *third, sender=issuer)


def test_burn(funded: Bank, issuer: AccountAPI, buyer: AccountAPI) -> None:
    """A payment destroys tokens of who allowed it, once."""
    token, args = funded.token, funded.attest(PAYOUT, PAYOUT_1, buyer, 200 * RUPEES)
    refuses("erc20: insufficient allowance", token.burn, *args, sender=issuer)
    token.approve(issuer, 300 * RUPEES, sender=buyer)
    receipt = token.burn(*args, sender=issuer)

    (burned,) = receipt.decode_logs(token.Burned)
    assert (burned.operation, burned.account, burned.issuer, burned.amount) == (PAYOUT_1, buyer, issuer, 200 * RUPEES)
    assert token.balanceOf(buyer) == token.totalSupply() == 300 * RUPEES
    assert token.allowance(buyer, issuer) == 100 * RUPEES
    assert token.burn.call(*args, sender=issuer) is False
    more = funded.attest(PAYOUT, keccak(b"payout 2"), issuer, 1)
    refuses("erc20: burn amount exceeds balance", token.burn, *more, sender=issuer)


def test_transfer__frozen_or_paused__reverts(
    funded: Bank,
    contracts: Contracts,
    guardian: AccountAPI,
    issuer: AccountAPI,
    buyer: AccountAPI,
    neighbour: AccountAPI,
    stranger: AccountAPI,
) -> None:
    """Who gives, who receives and who spends may not be frozen; a stop stops everything that moves money."""
    token, guard = funded.token, contracts.guard
    token.approve(stranger, 10, sender=buyer)
    token.transfer(neighbour, 1, sender=buyer)
    token.transferFrom(buyer, neighbour, 1, sender=stranger)
    assert (token.balanceOf(neighbour), token.allowance(buyer, stranger)) == (2, 9)
    frozen = "settlement_token: account is frozen"
    for account in (buyer, neighbour):
        guard.freeze(account, sender=guardian)
        refuses(frozen, token.transfer, neighbour, 1, sender=buyer)
        refuses(frozen, token.transferFrom, buyer, neighbour, 1, sender=stranger)
        if account == buyer:
            refuses(frozen, token.mint, *funded.attest(CREDIT, keccak(b"2"), buyer, 1), sender=issuer)
        guard.unfreeze(account, sender=guardian)
    guard.freeze(stranger, sender=guardian)
    refuses(frozen, token.transferFrom, buyer, neighbour, 1, sender=stranger)
    guard.pause(token, sender=guardian)
    refuses("settlement_token: paused", token.transfer, neighbour, 1, sender=buyer)
    refuses("settlement_token: paused", token.mint, *funded.attest(CREDIT, keccak(b"2"), buyer, 1), sender=issuer)
    refuses("settlement_token: paused", token.burn, *funded.attest(PAYOUT, keccak(b"2"), buyer, 1), sender=issuer)
    token.approve(stranger, 0, sender=buyer)


def test_permit(funded: Bank, buyer: AccountAPI, neighbour: AccountAPI) -> None:
    """An allowance by signature, once."""
    token, key = funded.token, PrivateKey(keccak(b"a holder without gas"))
    holder = key.public_key.to_canonical_address()
    token.transfer(holder, 5, sender=buyer)
    deadline = int(ape.chain.blocks.head.timestamp) + 600
    digest = funded.signing.digest(PERMIT, holder, to_canonical_address(neighbour.address), 5, 0, deadline)
    signature = key.sign_msg_hash(digest)
    r, s = signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big")
    args = holder, neighbour, 5, deadline, 27 + signature.v, r, s
    token.permit(*args, sender=neighbour)
    token.transferFrom(holder, neighbour, 5, sender=neighbour)
    assert token.balanceOf(neighbour) == 5
    refuses("erc20: invalid signature", token.permit, *args, sender=neighbour)


def test_access__stranger__reverts(bank: Bank, stranger: AccountAPI, guardian: AccountAPI, owner: AccountAPI) -> None:
    """Only the owner changes who issues, who attests and how much; only the Guard stops."""
    token = bank.token
    denied = "ownable: caller is not the owner"
    for sender in (stranger, guardian):
        refuses(denied, token.set_issuer, stranger, True, sender=sender)
        refuses(denied, token.set_attesters, [stranger.address], 1, 0, sender=sender)
        refuses(denied, token.set_caps, 1, 1, sender=sender)
    refuses("settlement_token: access is denied", token.set_paused, True, sender=owner)
    refuses("quorum: two quorums could disagree", token.set_attesters, addresses(bank.keys), 1, 0, sender=owner)
    assert not hasattr(token, "renounce_ownership")
