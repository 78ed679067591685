# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Vault: what comes in is credited, what goes out is debited, and nobody but the book changes an account."""

import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.exchange import COIN, ENERGY, LOT, NO_PERMIT, Exchange
from tests.contracts.house import ZERO, E, refuses
from tests.contracts.permit import permit


@pytest.mark.parametrize(("quote", "start"), [(False, ENERGY), (True, COIN)], ids=["energy", "coin"])
def test_deposit_and_withdraw(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI, quote: bool, start: int
) -> None:
    """Into somebody else's account and out to somebody else; the tokens follow."""
    vault, before = exchange.vault, exchange.held()
    (deposited,) = vault.deposit(1, quote, 70, buyer, sender=prosumer).decode_logs(vault.Deposited)
    assert (deposited.owner, deposited.sender, deposited.quote, deposited.amount) == (buyer, prosumer, quote, 70)
    assert exchange.free(buyer)[quote] == start + 70
    assert exchange.free(prosumer)[quote] == start

    (withdrawn,) = vault.withdraw(1, quote, start + 30, stranger, sender=buyer).decode_logs(vault.Withdrawn)
    assert (withdrawn.owner, withdrawn.receiver, withdrawn.amount) == (buyer, stranger, start + 30)
    assert exchange.free(buyer)[quote] == 40
    assert exchange.held()[quote] == before[quote] + 70 - start - 30
    outside = exchange.coin.balanceOf(stranger) if quote else exchange.energy.balanceOf(stranger, E)
    assert outside == start + 30
    refuses(f"order_book: not enough {'quote' if quote else 'base'}", vault.withdraw, 1, quote, 41, buyer, sender=buyer)


def test_deposit__nothing_to_credit__reverts(exchange: Exchange, prosumer: AccountAPI) -> None:
    """No such market, nobody to credit, more than a balance can hold, a token that keeps a part."""
    deposit = exchange.vault.deposit
    refuses("vault: no such market", deposit, 2, True, 1, prosumer, sender=prosumer)
    refuses("vault: deposit to the zero address", deposit, 1, True, 1, ZERO, sender=prosumer)
    refuses("vault: amount is too large", deposit, 1, True, 1 << 96, prosumer, sender=prosumer)
    exchange.coin.set_tax(1, sender=prosumer)
    refuses("vault: not the whole amount came", deposit, 1, True, 10, prosumer, sender=prosumer)


def test_deposit_with_permit(exchange: Exchange, stranger: AccountAPI, owner: AccountAPI) -> None:
    """One transaction without an approval before; a permit that was brought already does no harm."""
    coin, vault = exchange.coin, exchange.vault
    coin.give(stranger, 100, sender=owner)
    refuses("erc20: insufficient allowance", vault.deposit, 1, True, 100, stranger, sender=stranger)
    signed = permit(coin, stranger, vault, 100)[3:]
    coin.permit(stranger, vault, 100, *signed, sender=owner)

    vault.deposit_with_permit(1, True, 60, stranger, *signed, sender=stranger)

    assert exchange.free(stranger) == (0, 60)
    assert coin.allowance(stranger, vault) == 40


def test_receive__without_a_deposit__reverts(exchange: Exchange, prosumer: AccountAPI) -> None:
    """Energy that is sent to the vault would belong to nobody."""
    args = (prosumer, exchange.vault, E, 1, b"")
    refuses("vault: use deposit", exchange.energy.safeTransferFrom, *args, sender=prosumer)
    refuses("vault: use deposit", exchange.vault.onERC1155Received, *args[:1], *args[:1], E, 1, b"", sender=prosumer)
    assert exchange.vault.supportsInterface("0x4e2312e0")
    assert not exchange.vault.supportsInterface("0xffffffff")


def test_move(exchange: Exchange, prosumer: AccountAPI, owner: AccountAPI) -> None:
    """A balance goes to another market of the same token, on whichever side it is there, and to no other."""
    vault, coin, energy = exchange.vault, (exchange.coin, 0, False), exchange.energy
    exchange.book.open_market(coin, (energy, 4, True), 0, 0, 1, 0, 0, 1, sender=owner)

    (moved,) = vault.move(1, True, 2, False, 9, sender=prosumer).decode_logs(vault.Moved)

    assert (moved.market, moved.to_market, moved.quote, moved.to_quote, moved.amount) == (1, 2, True, False, 9)
    assert exchange.free(prosumer) == (ENERGY, COIN - 9)
    assert vault.account(2, prosumer).base == 9
    refuses("vault: another token", vault.move, 1, False, 2, True, 1, sender=prosumer)
    refuses("vault: another token", vault.move, 1, False, 2, False, 1, sender=prosumer)
    refuses("order_book: not enough quote", vault.move, 1, True, 2, False, COIN, sender=prosumer)
    refuses("vault: no such market", vault.move, 1, True, 3, False, 1, sender=prosumer)


def test_book_only(exchange: Exchange, prosumer: AccountAPI, owner: AccountAPI) -> None:
    """Not even the owner of the book moves anybody's tokens or changes an account."""
    vault, book, asset = exchange.vault, exchange.book, (exchange.coin, 0, False)
    order = (1, 0, 1, 0, 0, 50, 10, 0, 64, False)
    for caller in (prosumer, owner):
        refuses("vault: access is denied", vault.exchange, 1, prosumer, True, 1, 1, NO_PERMIT, sender=caller)
        refuses("vault: access is denied", vault.pay, 1, prosumer, True, 1, sender=caller)
        refuses("order_book: access is denied", book.adjust, 1, prosumer, 1, 1, sender=caller)
        refuses("order_book: access is denied", book.order_for, prosumer, True, order, sender=caller)
        refuses("vault: access is denied", vault.list_market, 2, asset, asset, sender=caller)
        refuses("vault: access is denied", vault.set_paused, True, sender=caller)


def test_list_market__not_two_tokens__reverts(exchange: Exchange, owner: AccountAPI, prosumer: AccountAPI) -> None:
    """Two different tokens with code."""
    coin, terms = (exchange.coin, 0, False), (0, 0, 1, 0, 0, 1)
    refuses("vault: base is quote", exchange.book.open_market, coin, coin, *terms, sender=owner)
    refuses("vault: token has no code", exchange.book.open_market, coin, (prosumer, 0, False), *terms, sender=owner)
    refuses(
        "vault: an ERC-20 has no ids", exchange.book.open_market, coin, (exchange.coin, 1, False), *terms, sender=owner
    )


def test_freeze(exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI) -> None:
    """From the freeze on an account moves nothing and trades nothing; what it has in the book can come back into it."""
    vault, book = exchange.vault, exchange.book
    exchange.place(prosumer, 1, 1, 50, 10)
    exchange.guard.freeze(prosumer, sender=guardian)
    for args in ((1, False, 1, buyer), (1, True, 1, prosumer)):
        refuses("vault: account is frozen", vault.deposit, *args, sender=prosumer)
        refuses("vault: account is frozen", vault.withdraw, *args, sender=prosumer)
    refuses("vault: account is frozen", vault.withdraw, 1, False, 1, prosumer, sender=buyer)
    refuses("vault: account is frozen", vault.move, 1, False, 1, False, 1, sender=prosumer)

    assert vault.account(1, prosumer).frozen
    refuses("order_book: account is frozen", book.place, 1, 2, 1, 0, 0, 50, 10, sender=prosumer)
    book.cancel(1, sender=prosumer)
    refuses("vault: account is frozen", book.close, 1, [], [], 0, 5, sender=prosumer)
    assert exchange.free(prosumer) == (ENERGY, COIN)

    exchange.guard.unfreeze(prosumer, sender=guardian)
    exchange.place(prosumer, 1, 1, 50, 10)
    assert exchange.free(prosumer) == (ENERGY - 10 * LOT, COIN)


def test_pause(exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI) -> None:
    """Nothing comes in, goes out or moves; trading has a brake of its own."""
    vault = exchange.vault
    exchange.guard.pause(vault, sender=guardian)
    refuses("vault: paused", vault.deposit, 1, True, 1, prosumer, sender=prosumer)
    refuses("vault: paused", vault.withdraw, 1, True, 1, prosumer, sender=prosumer)
    refuses("vault: paused", vault.move, 1, True, 1, True, 1, sender=prosumer)
    exchange.place(prosumer, 1, 1, 50, 10)

    exchange.guard.unpause(vault, sender=owner)
    vault.withdraw(1, True, 1, prosumer, sender=prosumer)
    assert exchange.free(prosumer)[1] == COIN - 1


def test_withdraw__receiver_calls_back__gets_nothing_more(exchange: Exchange, prosumer: AccountAPI) -> None:
    """Inside its hook a receiver can't withdraw again, nor start a deposit."""
    receiver = prosumer.deploy(container("ReentrantReceiver"))
    again = exchange.vault.deposit.encode_input(1, False, 0, receiver)
    receiver.prepare(exchange.vault, again, sender=prosumer)

    exchange.vault.withdraw(1, False, 5, receiver, sender=prosumer)

    assert (receiver.calls(), receiver.successes()) == (1, 0)
    assert exchange.energy.balanceOf(receiver, E) == 5
    assert exchange.free(prosumer)[0] == ENERGY - 5
