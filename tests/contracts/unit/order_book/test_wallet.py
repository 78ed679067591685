# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""OrderBook from a wallet: one transaction each way, and nobody has to know what a vault is."""

from collections.abc import Sequence
from typing import Any

import pytest
from ape.api import AccountAPI
from ape.exceptions import TransactionError
from eth_abi.abi import encode

from scripts._house import container
from tests.contracts.exchange import (
    ASK,
    BID,
    COIN,
    ENERGY,
    GTC,
    LOT,
    MAKER_BPS,
    NO_PERMIT,
    TAKER_BPS,
    Exchange,
    fee,
    price,
)
from tests.contracts.house import E, refuses
from tests.contracts.permit import permit

LIMIT, TAKE, POST = 0, 1, 2
MAX = 2**256 - 1
_ORDER = "(uint16,uint8,uint96,uint8,uint32,uint16,uint32,uint32,uint16,bool)"


def order(kind: int, tick: int, lots: int, *, n: int = 1, least: int = 0, wallet: bool = True, market: int = 1) -> Any:
    """An order as the contracts take it."""
    return (market, kind, n, GTC, 0, tick, lots, least, 64, wallet)


def data(words: Sequence[Any]) -> bytes:
    """An order in the data of a transfer."""
    return encode((_ORDER,), (tuple(words),))


def purse(exchange: Exchange, owner: Any) -> tuple[int, int]:
    """Energy and coin in a wallet."""
    return int(exchange.energy.balanceOf(owner, E)), int(exchange.coin.balanceOf(owner))


@pytest.fixture
def newcomer(exchange: Exchange, stranger: AccountAPI, owner: AccountAPI) -> AccountAPI:
    """Has 1,000 lots of energy and the price of 1,000 lots at tick 60, and has approved nobody."""
    exchange.energy.mint(stranger, E, 1_000 * LOT, sender=owner)
    exchange.coin.give(stranger, 1_000 * price(60), sender=owner)
    return stranger


def test_take__with_a_permit__from_wallet_to_wallet(
    exchange: Exchange, newcomer: AccountAPI, prosumer: AccountAPI
) -> None:
    """No approval, no deposit, no withdrawal: coin leaves the wallet, energy arrives in it, the account stays empty."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    words = order(TAKE, 60, 4, least=4)
    refuses(
        "erc20: insufficient allowance", exchange.book.order_from_wallet, BID, words, [], NO_PERMIT, sender=newcomer
    )
    signed = permit(exchange.coin, newcomer, exchange.vault, 4 * price(60))[2:]

    receipt = exchange.book.order_from_wallet(BID, words, [], signed, sender=newcomer)

    assert receipt.return_value == (4, 4 * price(60), 0)
    assert purse(exchange, newcomer) == (1_004 * LOT - fee(4 * LOT, TAKER_BPS), 996 * price(60))
    assert exchange.free(newcomer) == (0, 0)
    assert exchange.filled(prosumer, 1) == 4
    (came,) = receipt.decode_logs(exchange.vault.Deposited)
    (went,) = receipt.decode_logs(exchange.vault.Withdrawn)
    assert (came.owner, came.quote, came.amount) == (newcomer, True, 4 * price(60))
    assert (went.owner, went.quote, went.amount) == (newcomer, False, 4 * LOT - fee(4 * LOT, TAKER_BPS))


def test_trade__rests_from_the_wallet__and_comes_home_in_one_call(
    exchange: Exchange, newcomer: AccountAPI, buyer: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """A seller's limit order trades 10 lots at once and rests 30; a part is filled; `close` brings everything home."""
    exchange.place(buyer, 1, BID, 60, 10)
    exchange.energy.setApprovalForAll(exchange.vault, True, sender=newcomer)
    exchange.orders.add((newcomer, 1))

    exchange.book.order_from_wallet(ASK, order(LIMIT, 60, 40), [], NO_PERMIT, sender=newcomer)

    received = 10 * price(60) - fee(10 * price(60), TAKER_BPS)
    assert purse(exchange, newcomer) == (960 * LOT, 1_000 * price(60) + received)
    assert exchange.book.order_of(newcomer, 1).lots == 30
    exchange.take(prosumer, BID, 60, 12)
    assert exchange.owed((buyer, prosumer, neighbour, newcomer)) == exchange.held()

    sent = exchange.book.close(1, [], [1], MAX, MAX, sender=newcomer).return_value

    due = 12 * price(60) - fee(12 * price(60), MAKER_BPS)
    assert sent == (18 * LOT, due)
    assert purse(exchange, newcomer) == (978 * LOT, 1_000 * price(60) + received + due)
    assert tuple(exchange.vault.account(1, newcomer)) == (0, 0, 0, 0, 0, 60, False)
    refuses("order_book: nothing to claim", exchange.book.close, 1, [1], [1], MAX, MAX, sender=newcomer)


def test_place__post_only__escrow_from_the_wallet(
    exchange: Exchange, newcomer: AccountAPI, prosumer: AccountAPI
) -> None:
    """What would cross is refused, and to the unit the escrow leaves the wallet."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    signed = permit(exchange.coin, newcomer, exchange.vault, COIN)[2:]
    send = exchange.book.order_from_wallet
    refuses("order_book: would cross", send, BID, order(POST, 60, 10), [], signed, sender=newcomer)
    send(BID, order(POST, 59, 10), [], signed, sender=newcomer)

    assert purse(exchange, newcomer) == (1_000 * LOT, 1_000 * price(60) - 10 * price(59))
    assert exchange.vault.account(1, newcomer).bids == 1
    refuses("order_book: place is in use", send, BID, order(POST, 59, 10), [], NO_PERMIT, sender=newcomer)
    exchange.book.cancel(1, sender=newcomer)
    assert exchange.free(newcomer) == (0, 10 * price(59))


def test_from_wallet__refused(
    exchange: Exchange, newcomer: AccountAPI, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """One reason each; a freeze and a stop reach wallets at once, and own orders are no counterparty."""
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.coin.approve(exchange.vault, COIN, sender=newcomer)
    send = exchange.book.order_from_wallet
    for reason, words in {
        "order_book: not to the wallet": order(TAKE, 60, 5, wallet=False),
        "order_book: no such kind": order(3, 60, 5),
        "order_book: too little to trade with": order(TAKE, 60, 11, least=11),
        "order_book: too few lots": order(LIMIT, 60, 0),
        "order_book: no such market": order(LIMIT, 60, 5, market=2),
    }.items():
        refuses(reason, send, BID, words, [], NO_PERMIT, sender=newcomer)
    refuses("order_book: self-trade", send, BID, order(TAKE, 60, 5), [], NO_PERMIT, sender=prosumer)
    words = order(TAKE, 60, 5)
    exchange.guard.freeze(newcomer, sender=guardian)
    refuses("vault: account is frozen", send, BID, words, [], NO_PERMIT, sender=newcomer)
    exchange.guard.unfreeze(newcomer, sender=guardian)
    exchange.guard.pause(exchange.vault, sender=guardian)
    refuses("vault: paused", send, BID, words, [], NO_PERMIT, sender=newcomer)
    exchange.guard.unpause(exchange.vault, sender=owner)
    exchange.book.halt(1, sender=guardian)
    refuses("order_book: halted", send, BID, words, [], NO_PERMIT, sender=newcomer)
    exchange.book.resume(1, sender=owner)
    exchange.coin.set_tax(1, sender=owner)
    refuses("vault: not the whole amount came", send, BID, words, [], NO_PERMIT, sender=newcomer)


@pytest.mark.parametrize("wallet", [True, False], ids=["to the wallet", "to the account"])
def test_transfer_with_an_order__sells(
    exchange: Exchange,
    newcomer: AccountAPI,
    buyer: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    wallet: bool,
) -> None:
    """One ERC-1155 transfer and no approval: sells what it can at once, rests what was asked, keeps the change."""
    exchange.place(buyer, 1, BID, 60, 10)
    sold = 10 * price(60) - fee(10 * price(60), TAKER_BPS)
    before = purse(exchange, newcomer)[1]
    exchange.orders.add((newcomer, 1))

    words = data(order(LIMIT, 60, 30, wallet=wallet))
    exchange.energy.safeTransferFrom(newcomer, exchange.vault, E, 32 * LOT, words, sender=newcomer)

    assert exchange.book.order_of(newcomer, 1).lots == 20
    assert exchange.free(newcomer) == (2 * LOT, 0 if wallet else sold)
    assert purse(exchange, newcomer) == (968 * LOT, before + (sold if wallet else 0))
    assert exchange.owed((buyer, prosumer, neighbour, newcomer)) == exchange.held()


def test_transfer_with_a_market__is_a_deposit(exchange: Exchange, newcomer: AccountAPI) -> None:
    """32 bytes are enough, and nothing else is taken."""
    send = exchange.energy.safeTransferFrom
    send(newcomer, exchange.vault, E, 7, encode(("uint16",), (1,)), sender=newcomer)
    assert exchange.free(newcomer) == (7, 0)
    for reason, id_, payload in (
        ("vault: use deposit", E, b""),
        ("vault: use deposit", E, bytes(33)),
        ("vault: another token", E, encode(("uint16",), (2,))),
        ("order_book: no such kind", E, data(order(3, 60, 5))),
        ("order_book: not enough base", E, data(order(POST, 60, 5))),
    ):
        refuses(reason, send, newcomer, exchange.vault, id_, 7, payload, sender=newcomer)


def test_transfer_with_an_order__frozen_or_another_id__reverts(
    exchange: Exchange, newcomer: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """The token of the market and no other; the Vault's stop holds for transfers too."""
    exchange.energy.mint(newcomer, 4, 10 * LOT, sender=owner)
    send, words = exchange.energy.safeTransferFrom, data(order(POST, 60, 5))
    refuses("vault: another token", send, newcomer, exchange.vault, 4, 5 * LOT, words, sender=newcomer)
    # A contract that says it is the token, and one that says the Vault called it.
    for operator, reason in ((newcomer, "vault: another token"), (exchange.vault, "vault: use deposit")):
        hook = exchange.vault.onERC1155Received
        refuses(reason, hook, operator, newcomer, E, 5 * LOT, words, sender=newcomer)
    exchange.guard.pause(exchange.vault, sender=guardian)
    refuses("vault: paused", send, newcomer, exchange.vault, E, 5 * LOT, words, sender=newcomer)
    assert exchange.free(newcomer) == (0, 0)


def test_close__many_orders__claimed_cancelled_and_sent(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """Orders that are gone are passed over; an amount may be named, and the rest stays in the account."""
    for n in range(1, 6):
        exchange.place(prosumer, n, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 25)
    exchange.book.claim(prosumer, 1, sender=buyer)
    before = purse(exchange, prosumer)

    exchange.book.close(1, [1, 2, 9], [3, 4, 5, 5], 5 * LOT, 0, sender=prosumer)

    due = 25 * price(60) - fee(25 * price(60), MAKER_BPS)
    assert exchange.free(prosumer) == (ENERGY - 30 * LOT, COIN + due)
    assert purse(exchange, prosumer) == (before[0] + 5 * LOT, before[1])
    assert exchange.vault.account(1, prosumer).asks == 0


def test_close__order_of_another_market__reverts(exchange: Exchange, prosumer: AccountAPI, owner: AccountAPI) -> None:
    """A place may hold an order of any market, and a call is about one."""
    exchange.book.open_market((exchange.energy, E, True), (exchange.coin, 0, False), 0, 0, 1, 0, 0, 1, sender=owner)
    exchange.place(prosumer, 1, ASK, 60, 10)
    refuses("order_book: another market", exchange.book.close, 2, [], [1], 0, 0, sender=prosumer)
    refuses("order_book: another market", exchange.book.take, 2, BID, 60, 1, 0, 1, [1], sender=prosumer)


def test_collect_fees__beneficiary_cannot_call__is_paid(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, owner: AccountAPI
) -> None:
    """Anybody brings the fees in either token to a contract that only accepts."""
    receiver = prosumer.deploy(container("AcceptingReceiver"))
    exchange.book.set_beneficiary(receiver, sender=owner)
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 10)

    exchange.book.collect_fees(1, False, sender=buyer)
    exchange.book.collect_fees(1, True, sender=buyer)

    assert purse(exchange, receiver) == (fee(10 * LOT, TAKER_BPS), fee(10 * price(60), MAKER_BPS))


def test_collect_fees__beneficiary_refuses__fees_stay(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, owner: AccountAPI
) -> None:
    """A contract that takes no ERC-1155 holds up its own fees in them and nothing else."""
    exchange.book.set_beneficiary(exchange.guard, sender=owner)
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 10)
    with pytest.raises(TransactionError):
        exchange.book.collect_fees(1, False, sender=buyer)
    exchange.book.collect_fees(1, True, sender=buyer)
    assert exchange.book.fees_of(1) == (fee(10 * LOT, TAKER_BPS), 0)
    exchange.book.set_beneficiary(buyer, sender=owner)
    exchange.book.collect_fees(1, False, sender=owner)
    assert exchange.book.fees_of(1) == (0, 0)


@pytest.mark.parametrize("quote", [False, True], ids=["the same", "the others"])
def test_collect_fees__beneficiary_calls_back__gets_them_once(
    exchange: Exchange, prosumer: AccountAPI, buyer: AccountAPI, owner: AccountAPI, quote: bool
) -> None:
    """What is paid is written before: inside its hook the beneficiary finds nothing to collect, and the door shut."""
    receiver = prosumer.deploy(container("ReentrantReceiver"))
    exchange.book.set_beneficiary(receiver, sender=owner)
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.take(buyer, BID, 60, 10)
    receiver.prepare(exchange.book, exchange.book.collect_fees.encode_input(1, quote), sender=prosumer)
    held = exchange.held()

    exchange.book.collect_fees(1, False, sender=buyer)

    assert (receiver.calls(), receiver.successes()) == (1, 0)
    assert purse(exchange, receiver) == (fee(10 * LOT, TAKER_BPS), 0)
    assert exchange.held() == (held[0] - fee(10 * LOT, TAKER_BPS), held[1])
    assert exchange.book.fees_of(1) == (0, fee(10 * price(60), MAKER_BPS))


def test_from_wallet__with_code__trades_as_anybody(
    exchange: Exchange, prosumer: AccountAPI, guardian: AccountAPI
) -> None:
    """A contract that accepts energy is a wallet like others, and stopped like others."""
    wallet = prosumer.deploy(container("AcceptingReceiver"))
    exchange.place(prosumer, 1, ASK, 60, 10)
    exchange.coin.give(wallet, 100 * price(60), sender=prosumer)
    approve = exchange.coin.approve.encode_input(exchange.vault, COIN)
    wallet.call(exchange.coin, approve, sender=prosumer)
    wallet.call(
        exchange.book,
        exchange.book.order_from_wallet.encode_input(BID, order(TAKE, 60, 4), [], NO_PERMIT),
        sender=prosumer,
    )
    assert purse(exchange, wallet) == (4 * LOT - fee(4 * LOT, TAKER_BPS), 96 * price(60))
    assert tuple(exchange.vault.account(1, wallet))[:2] == (0, 0)
    exchange.guard.freeze(wallet, sender=guardian)
    again = exchange.book.order_from_wallet.encode_input(BID, order(TAKE, 60, 4), [], NO_PERMIT)
    refuses("vault: account is frozen", wallet.call, exchange.book, again, sender=prosumer)
