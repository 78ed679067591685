# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Owners that are contracts: willing, unwilling, greedy for gas, silent like an account with delegated code, and calling back."""

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import KWH, ROOF, ZERO, E, House, Published, batch_id, refuses, reserve_of

VAULT = 0x7777
OWED = KWH - reserve_of(0, KWH)


def published_for(house: House, receiver: ContractInstance, registrar: AccountAPI) -> Published:
    """A report in which a contract's station made one kWh, beside the roof's."""
    house.on.registry.register_station(VAULT, receiver, 10_000, 1, True, sender=registrar)
    house.join(VAULT, receiver)
    return house.publish({VAULT: KWH, ROOF: KWH})


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("RefusingReceiver", [1]), ("RefusingReceiver", [2]), ("RefusingReceiver", [3]), ("SilentWallet", [])],
    ids=["reverts", "answers otherwise", "burns gas", "has no hook"],
)
def test_unwilling__is_credited_and_fetches_later(
    house: House, registrar: AccountAPI, stranger: AccountAPI, kind: str, arguments: list[int]
) -> None:
    """A receiver that cannot take tokens blocks nothing; it fetches them to where it wants, once (hole 19)."""
    receiver = stranger.deploy(container(kind), *arguments)
    published = published_for(house, receiver, registrar)
    treasury, token = house.on.treasury, house.on.token

    receipt = house.claim(published, VAULT)

    (credited,) = receipt.decode_logs(treasury.PendingCredited)
    assert (credited.owner, credited.token_id, credited.amount) == (receiver, E, OWED)
    (minted,) = receipt.decode_logs(treasury.Minted)
    assert (minted.owner, minted.to_owner) == (receiver, OWED)
    assert receipt.gas_used < 400_000
    assert treasury.pending(receiver, E) == OWED == token.balanceOf(treasury, E)
    assert token.balanceOf(receiver, E) == 0
    assert treasury.minted(E) == KWH

    fetch = treasury.withdraw_pending.encode_input(E, stranger)
    fetched = receiver.call(treasury, fetch, sender=stranger)
    (withdrawn,) = fetched.decode_logs(treasury.PendingWithdrawn)
    assert (withdrawn.owner, withdrawn.token_id, withdrawn.receiver, withdrawn.amount) == (receiver, E, stranger, OWED)
    assert token.balanceOf(stranger, E) == OWED
    assert token.balanceOf(treasury, E) == 0 == treasury.pending(receiver, E)
    refuses("treasury: nothing is pending", receiver.call, treasury, fetch, sender=stranger)


def test_pending__frozen_owner__waits(
    house: House, registrar: AccountAPI, stranger: AccountAPI, guardian: AccountAPI, pause
) -> None:
    """The token only sees the Treasury give; so the Treasury asks for the owner's freeze. A stop of the token holds too."""
    receiver = stranger.deploy(container("SilentWallet"))
    house.claim(published_for(house, receiver, registrar), VAULT)
    fetch = house.on.treasury.withdraw_pending.encode_input(E, stranger)

    house.on.guard.freeze(receiver, sender=guardian)
    refuses("treasury: account is frozen", receiver.call, house.on.treasury, fetch, sender=stranger)
    house.on.guard.unfreeze(receiver, sender=guardian)
    house.on.guard.freeze(stranger, sender=guardian)
    refuses("energy_token: account is frozen", receiver.call, house.on.treasury, fetch, sender=stranger)
    house.on.guard.unfreeze(stranger, sender=guardian)
    pause(house.on.token)
    refuses("energy_token: paused", receiver.call, house.on.treasury, fetch, sender=stranger)


def test_pending__into_a_refusing_contract__stays(house: House, registrar: AccountAPI, stranger: AccountAPI) -> None:
    """Fetching to a contract that refuses reverts, and nothing is lost."""
    receiver = stranger.deploy(container("SilentWallet"))
    refusing = stranger.deploy(container("RefusingReceiver"), 1)
    house.claim(published_for(house, receiver, registrar), VAULT)

    fetch = house.on.treasury.withdraw_pending.encode_input(E, refusing)
    refuses("mock: refuses", receiver.call, house.on.treasury, fetch, sender=stranger)
    assert house.on.treasury.pending(receiver, E) == OWED


@pytest.mark.parametrize("batch", [False, True], ids=["claim", "batch"])
def test_reentrancy__claiming_again_inside_the_hook(
    house: House, registrar: AccountAPI, stranger: AccountAPI, *, batch: bool
) -> None:
    """State is written before a receiver is called: the same claim inside the hook mints nothing (hole 20)."""
    receiver = stranger.deploy(container("ReentrantReceiver"))
    published = published_for(house, receiver, registrar)
    claim = house.on.treasury.claim_batch if batch else house.on.treasury.claim
    receiver.prepare(house.on.treasury, claim.encode_input(*published.shown(VAULT)), sender=stranger)

    claim(*published.shown(VAULT), sender=house.relayer)

    token_id = batch_id(E, published.content.slot) if batch else E
    assert receiver.calls() == 1
    assert house.on.token.balanceOf(receiver, token_id) == OWED == house.on.token.total_supply(token_id)
    assert house.on.treasury.minted(E) == KWH
    assert house.settled(VAULT) == KWH


def test_reentrancy__other_doors_inside_the_hook(
    house: House, registrar: AccountAPI, stranger: AccountAPI, prosumer: AccountAPI
) -> None:
    """Whatever door a receiver tries, it gets what is its own and nobody else loses anything."""
    treasury, token = house.on.treasury, house.on.token
    receiver = stranger.deploy(container("ReentrantReceiver"))
    published = published_for(house, receiver, registrar)
    for target, data in (
        (treasury, treasury.collect_reserve.encode_input(E)),
        (treasury, treasury.withdraw_pending.encode_input(E, stranger)),
        (token, token.safeTransferFrom.encode_input(treasury, stranger, E, 1, b"")),
        (token, token.mint.encode_input(stranger, E, KWH)),
        (treasury, treasury.claim.encode_input(*published.shown(ROOF))),
    ):
        receiver.prepare(target, data, sender=stranger)
        house.claim(published, VAULT)
        held = (
            token.balanceOf(receiver, E)
            + token.balanceOf(prosumer, E)
            + token.balanceOf(house.on.treasury.beneficiary(), E)
        )
        assert held == token.total_supply(E) == treasury.issued(E)
        assert treasury.minted(E) <= house.on.oracle.head(E).total
        assert token.balanceOf(stranger, E) == token.balanceOf(treasury, E) == 0
        published = house.publish({VAULT: KWH})


def test_owner_without_address__reverts(house: House, registrar: AccountAPI) -> None:
    """A leaf that pays nobody is refused rather than burned."""
    house.join(ROOF, ZERO)
    published = house.publish({ROOF: KWH})
    refuses(
        "energy_token: mint to the zero address", house.on.treasury.claim, *published.shown(ROOF), sender=house.relayer
    )
