# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""OrderBook, Vault and Guard: who is frozen or not known well enough neither trades nor takes anything away."""

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi.abi import encode

from scripts._house import container
from tests.contracts.exchange import ASK, BID, COIN, ENERGY, GTC, LOT, MAKER_BPS, NO_PERMIT, Exchange, fee, price
from tests.contracts.house import E, refuses

GATED = 2  # the market of energy against GCC
GCC_UNITS = 10**9


def test_freeze__every_market__in_the_same_transaction(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """The Guard tells the book: no market is left in which a frozen account trades, and no way around the account."""
    book, terms = exchange.book, (0, 0, 1, 0, 0, 1)
    pair = (exchange.energy, E, True), (exchange.coin, 0, False)
    book.open_market(*pair, *terms, sender=owner)
    book.open_market(*pair, *terms, sender=owner)
    exchange.vault.move(1, False, 3, False, 100, sender=prosumer)
    exchange.place(prosumer, 1, ASK, 60, 10)
    before = exchange.vault.account(1, prosumer)

    receipt = exchange.guard.freeze(prosumer, sender=guardian)

    (marked,) = receipt.decode_logs(book.FreezeMarked)
    assert (marked.owner, marked.frozen) == (prosumer, True)
    assert tuple(exchange.vault.account(1, prosumer)) == (*tuple(before)[:6], True)
    refuses("order_book: account is frozen", book.place, 1, 2, ASK, GTC, 0, 60, 10, sender=prosumer)
    refuses("order_book: account is frozen", book.place, 3, 2, ASK, GTC, 0, 60, 10, sender=prosumer)
    exchange.place(buyer, 1, BID, 50, 10)
    refuses("order_book: account is frozen", book.take, 1, ASK, 50, 10, 0, 9, [], sender=prosumer)
    refuses("order_book: account is frozen", book.trade, 1, 2, ASK, GTC, 0, 50, 10, 9, [], sender=prosumer)
    words = (1, 1, 2, GTC, 0, 50, 10, 0, 9, True)
    refuses("order_book: account is frozen", book.order_from_wallet, ASK, words, [], NO_PERMIT, sender=prosumer)
    refuses("vault: account is frozen", book.close, 1, [], [1], LOT, 0, sender=prosumer)
    # Where it has no account yet it is the Vault that asks.
    words = (2, 2, 2, GTC, 0, 50, 10, 0, 9, True)
    refuses("vault: account is frozen", book.order_from_wallet, ASK, words, [], NO_PERMIT, sender=prosumer)
    send = exchange.energy.safeTransferFrom
    refuses(
        "energy_token: account is frozen",
        send, prosumer, exchange.vault, E, 1, encode(("uint16",), (1,)), sender=prosumer,
    )  # fmt: skip

    exchange.guard.unfreeze(prosumer, sender=guardian)
    exchange.place(prosumer, 2, ASK, 60, 10)
    assert not exchange.vault.account(3, prosumer).frozen


def made(owner: AccountAPI, code: str) -> str:
    """The address of a new contract with a code in hex, of at most 32 bytes."""
    size = len(code) // 2
    # PUSH code, PUSH 0, MSTORE, PUSH size, PUSH 32 - size, RETURN
    making = f"{0x5F + size:02x}{code}60005260{size:02x}60{32 - size:02x}f3"
    transaction = owner.provider.network.ecosystem.create_transaction(data=bytes.fromhex(making))
    return str(owner.call(transaction).contract_address)


def test_freeze__with_as_little_gas_as_does_not_revert__is_told(
    exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """A follower that needs as much as a book of 70 markets is told even when gas is what a node estimates, or less."""
    guard = exchange.guard
    # It only pays for 256 KiB of memory: 155k gas.
    hungry = made(owner, "620400006000f3")
    guard.set_followers([hungry], sender=owner)
    # Enough for the Guard to go on after the follower ran out of gas.
    for limit in range(190_000, 210_000, 5_000):
        with ape.reverts():
            guard.freeze(prosumer, sender=guardian, gas_limit=limit)
        assert not guard.frozen(prosumer)
    least = guard.freeze.estimate_gas_cost(prosumer, sender=guardian)

    receipt = guard.freeze(prosumer, sender=guardian, gas_limit=least)

    assert receipt.decode_logs(guard.NotTold) == []


def test_freeze__a_follower_burns_all_its_gas__the_next_is_told(
    exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """What a broken follower may burn is bounded, so that freezing goes on and reaches those behind it."""
    guard = exchange.guard
    burner = made(owner, "fe")
    guard.set_followers([burner, exchange.book], sender=owner)

    receipt = guard.freeze(prosumer, sender=guardian, gas_limit=8_000_000)

    assert [missed.follower for missed in receipt.decode_logs(guard.NotTold)] == [burner]
    assert exchange.vault.account(1, prosumer).frozen
    assert receipt.gas_used < 6_200_000


def test_cancel_frozen(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, stranger: AccountAPI
) -> None:
    """Anybody takes a frozen owner's orders out of the book, with its fills paid into the account, and nobody else's."""
    for n, tick in ((1, 60), (2, 61), (3, 62)):
        exchange.place(prosumer, n, ASK, tick, 10)
    exchange.take(buyer, BID, 60, 4)
    cancel = exchange.book.cancel_frozen
    refuses("order_book: account not frozen", cancel, prosumer, [1, 2, 3], sender=stranger)
    exchange.guard.freeze(prosumer, sender=guardian)

    assert cancel(prosumer, [1, 2, 2, 9, 3], sender=stranger).return_value == 3

    assert exchange.best(ASK) is None
    due = 4 * price(60) - fee(4 * price(60), MAKER_BPS)
    assert exchange.free(prosumer) == (ENERGY - 4 * LOT, COIN + due)
    refuses("vault: account is frozen", exchange.vault.withdraw, 1, True, due, stranger, sender=prosumer)


def test_mark_frozen__guard_does_not_know_the_book__anybody_marks(
    exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI, stranger: AccountAPI
) -> None:
    """A Guard that was told of nobody freezes; the book takes it over from whoever says so, and only what is true."""
    exchange.guard.set_followers([], sender=owner)
    exchange.book.mark_frozen(prosumer, sender=stranger)
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.guard.freeze(prosumer, sender=guardian)
    exchange.book.mark_frozen(prosumer, sender=stranger)
    refuses("order_book: account is frozen", exchange.book.place, 1, 2, ASK, GTC, 0, 60, 10, sender=prosumer)


def test_followers(exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI) -> None:
    """One that can't be told does not keep an account from being frozen; it is said which."""
    guard = exchange.guard
    refuses("ownable: caller is not the owner", guard.set_followers, [exchange.book], sender=guardian)
    refuses("guard: follower has no code", guard.set_followers, [prosumer], sender=owner)
    receipt = guard.set_followers([exchange.coin, exchange.book], sender=owner)
    (changed,) = receipt.decode_logs(guard.FollowersChanged)
    assert list(changed.followers) == list(guard.followers()) == [exchange.coin, exchange.book]

    receipt = guard.freeze(prosumer, sender=guardian)

    (missed,) = receipt.decode_logs(guard.NotTold)
    assert (missed.follower, missed.account) == (exchange.coin, prosumer)
    assert exchange.vault.account(1, prosumer).frozen


def test_claim_many(
    exchange: Exchange, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """A keeper brings many makers their money; orders without any are passed over, and nothing at all reverts."""
    for maker, n in ((prosumer, 1), (prosumer, 2), (neighbour, 1), (neighbour, 2)):
        exchange.place(maker, n, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 25)
    makers, ns = [prosumer, prosumer, neighbour, neighbour, buyer], [1, 2, 1, 2, 1]
    claim = exchange.book.claim_many

    assert claim(makers, ns, sender=stranger).return_value == 3

    due = [lots * price(60) - fee(lots * price(60), MAKER_BPS) for lots in (20, 5)]
    assert [exchange.free(maker)[1] for maker in (prosumer, neighbour)] == [COIN + due[0], COIN + due[1]]
    refuses("order_book: nothing to claim", claim, makers, ns, sender=stranger)
    refuses("order_book: unequal lists", claim, makers, ns[1:], sender=stranger)


@pytest.fixture
def gcc(
    exchange: Exchange, owner: AccountAPI, guardian: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> ContractInstance:
    """The coin that asks a tier of its holders, and a market of energy against it. The buyer has a tier and some."""
    coin = owner.deploy(container("GCC"), exchange.coin, exchange.guard)
    coin.set_limit(1, 10**6 * GCC_UNITS, sender=owner)
    coin.set_total_limit(10**6 * GCC_UNITS, sender=owner)
    exchange.book.open_market((exchange.energy, E, True), (coin, 0, False), 6, 3, 1_000, 7, 7, 1, sender=owner)
    for account in (exchange.vault, buyer):
        exchange.guard.set_tier(account, 1, sender=guardian)
    exchange.coin.approve(coin, COIN, sender=buyer)
    coin.convert_gcm(10**6 * 100 * GCC_UNITS, 0, sender=buyer)
    coin.approve(exchange.vault, 10**6 * GCC_UNITS, sender=buyer)
    exchange.vault.deposit(GATED, True, 1_000 * GCC_UNITS, buyer, sender=buyer)
    exchange.vault.move(1, False, GATED, False, ENERGY, sender=prosumer)
    return coin


def test_tier__too_low__holds_and_trades_no_coin(
    exchange: Exchange, gcc: ContractInstance, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI
) -> None:
    """GCC's rule holds inside the Vault: nobody without the tier gets any, not even for a moment between two trades."""
    book, vault = exchange.book, exchange.vault
    refuses("vault: tier is too low", vault.deposit, GATED, True, 1, prosumer, sender=buyer)
    refuses("order_book: tier is too low", book.place, GATED, 1, ASK, GTC, 0, 60, 10, sender=prosumer)
    words = (GATED, 2, 1, GTC, 0, 60, 10, 0, 9, True)
    refuses("order_book: tier is too low", book.order_from_wallet, ASK, words, [], NO_PERMIT, sender=prosumer)
    book.place(GATED, 1, BID, GTC, 0, 60, 10, sender=buyer)
    refuses("order_book: tier is too low", book.take, GATED, ASK, 60, 5, 0, 9, [], sender=prosumer)
    transfer = exchange.energy.safeTransferFrom
    payload = encode(("uint16",), (GATED,))
    refuses("vault: tier is too low", transfer, prosumer, vault, E, 1, payload, sender=prosumer)
    assert not vault.admits(GATED, prosumer)
    assert vault.admits(1, prosumer)

    exchange.guard.set_tier(prosumer, 1, sender=guardian)
    book.take(GATED, ASK, 60, 5, 0, 9, [], sender=prosumer)
    # The maker's fee is whole units for each lot, however it claims; the taker's is of all that it gets at a level.
    paid = 5 * 1_060 * 10**3
    assert vault.account(GATED, prosumer).quote == paid - paid * 7 // 10_000
    assert book.fees_of(GATED) == (5 * (10**6 * 7 // 10_000), paid * 7 // 10_000)


def test_tier__taken_away__neither_trades_nor_withdraws(
    exchange: Exchange, gcc: ContractInstance, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI
) -> None:
    """It is asked anew when the Guard changes it; energy still comes home, coins wait for the tier."""
    book, vault = exchange.book, exchange.vault
    book.place(GATED, 1, BID, GTC, 0, 60, 10, sender=buyer)
    exchange.guard.set_tier(buyer, 0, sender=guardian)
    exchange.guard.set_tier(prosumer, 1, sender=guardian)
    refuses("order_book: tier is too low", book.place, GATED, 2, BID, GTC, 0, 60, 10, sender=buyer)
    refuses("vault: tier is too low", vault.withdraw, GATED, True, 1, prosumer, sender=buyer)
    refuses("gcc: receiver's tier is too low", book.close, GATED, [], [], 0, 1, sender=buyer)
    book.take(GATED, ASK, 60, 10, 0, 9, [], sender=prosumer)

    got = 10 * (10**6 - 10**6 * 7 // 10_000)
    assert book.close(GATED, [1], [], 2**256 - 1, 0, sender=buyer).return_value == (got, 0)
    exchange.guard.set_tier(buyer, 1, sender=guardian)
    book.place(GATED, 2, BID, GTC, 0, 60, 10, sender=buyer)


def test_tier__coin_asks_for_more__holds_for_an_account_that_traded_once_anybody_marks_it(
    exchange: Exchange,
    gcc: ContractInstance,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    guardian: AccountAPI,
    owner: AccountAPI,
    stranger: AccountAPI,
) -> None:
    """The book asks once and the coin tells nobody; what was bought meanwhile can't leave the Vault."""
    book = exchange.book
    exchange.guard.set_tier(prosumer, 1, sender=guardian)
    book.place(GATED, 1, BID, GTC, 0, 60, 10, sender=buyer)
    book.take(GATED, ASK, 60, 2, 0, 9, [], sender=prosumer)

    gcc.set_transfer_tier(2, sender=owner)

    book.take(GATED, ASK, 60, 2, 0, 9, [], sender=prosumer)
    refuses("vault: tier is too low", exchange.vault.withdraw, GATED, True, 1, prosumer, sender=prosumer)
    book.mark_frozen(prosumer, sender=stranger)
    refuses("order_book: tier is too low", book.take, GATED, ASK, 60, 2, 0, 9, [], sender=prosumer)
