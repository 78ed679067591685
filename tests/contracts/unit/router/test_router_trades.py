# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Router: one call from wallet to wallet, in both places, by approval, by permit, and by sending energy with the order."""

from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from eth_abi.abi import encode

from tests.contracts.exchange import ASK, BID, LOT, price
from tests.contracts.fuzz.router.twin import Kind, best
from tests.contracts.house import E, refuses
from tests.contracts.permit import permit
from tests.contracts.unit.router.conftest import LATE, MIDDLE, Street

ASKS = [(MIDDLE, 50), (MIDDLE + 10, 60), (MIDDLE + 40, 500)]
BIDS = [(MIDDLE, 50), (MIDDLE - 10, 60), (MIDDLE - 40, 500)]
ORDER = "(uint16,uint8,uint256,uint256,uint16,address,uint256)"
PARTS = {  # what fills from both places: 400 lots' worth
    Kind.SELL: 400 * LOT + 1,
    Kind.SELL_FOR: 400 * price(MIDDLE - 5),
    Kind.BUY: 400 * LOT + 1,
    Kind.BUY_WITH: 400 * price(MIDDLE + 5) + 1,
}


def fill(street: Street, maker: AccountAPI, kind: Kind) -> list[tuple[int, int]]:
    """The side that the kind takes."""
    side, levels = (BID, BIDS) if kind.selling else (ASK, ASKS)
    for n, (tick, lots) in enumerate(levels):
        street.exchange.place(maker, n, side, tick, lots)
    return levels


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_trade__in_both(
    street: Street, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI, kind: Kind
) -> None:
    """The best level, what the pool does better than the next one, and of the next one what is cheaper than the pool."""
    levels = fill(street, prosumer, kind)
    amount = PARTS[kind]
    twin = street.twin(BID if kind.selling else ASK, levels)
    found = street.quote(kind, amount)
    assert found == best(kind, twin.every_way(kind, amount))
    assert found.levels == 2
    assert found.pool_in > 0
    before, given_before = street.holding(stranger), street.holding(buyer)

    receipt = street.trade(buyer, kind, amount, found.gotten if kind.exact_in else found.given, to=stranger)

    gained = street.holding(stranger)[1 if kind.selling else 0] - before[1 if kind.selling else 0]
    spent = given_before[0 if kind.selling else 1] - street.holding(buyer)[0 if kind.selling else 1]
    assert (spent, gained) == (found.given, found.gotten)
    assert street.kept() == (0, 0, 0, 0)
    (routed,) = receipt.decode_logs(street.router.Routed)
    assert (routed.market, routed.trader, routed.receiver, routed.kind) == (1, buyer, stranger, kind)
    assert (routed.lots, routed.book_in, routed.book_out) == (found.lots, found.book_in, found.book_out)
    assert (routed.pool_in, routed.pool_out) == (found.pool_in, found.pool_out)
    held = street.exchange.held()
    assert held == street.exchange.owed((prosumer, buyer, *ape.accounts.test_accounts[6:7], street.router))


def test_sell__energy_sent_with_the_order(street: Street, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """One transfer and no approval at all."""
    fill(street, prosumer, Kind.SELL)
    amount = PARTS[Kind.SELL]
    street.exchange.energy.setApprovalForAll(street.router, False, sender=buyer)
    found = street.quote(Kind.SELL, amount)
    before = street.holding(buyer)
    order = encode((ORDER,), (street.order(Kind.SELL, amount, found.gotten, to=buyer),))

    street.exchange.energy.safeTransferFrom(buyer, street.router, E, amount, order, sender=buyer)

    assert street.holding(buyer) == (before[0] - found.given, before[1] + found.gotten)
    assert street.kept() == (0, 0, 0, 0)


def test_sell_for__energy_sent_with_the_order__gives_back_the_rest(
    street: Street, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """What the exact money did not need goes back to whom it came from, not to the receiver."""
    fill(street, prosumer, Kind.SELL)
    amount = PARTS[Kind.SELL_FOR]
    found = street.quote(Kind.SELL_FOR, amount)
    before = street.holding(buyer)
    most = found.given + 12_345
    order = encode((ORDER,), (street.order(Kind.SELL_FOR, amount, most, to=stranger),))

    street.exchange.energy.safeTransferFrom(buyer, street.router, E, most, order, sender=buyer)

    assert street.holding(buyer) == (before[0] - found.given, before[1])
    assert street.holding(stranger) == (0, found.gotten)
    assert street.kept() == (0, 0, 0, 0)


@pytest.mark.parametrize("kind", [Kind.BUY, Kind.BUY_WITH], ids=lambda kind: kind.name.lower())
def test_buy__with_a_permit(
    street: Street, prosumer: AccountAPI, buyer: AccountAPI, owner: AccountAPI, kind: Kind
) -> None:
    """One transaction without an approval before, also when somebody brought the permit a moment ago."""
    fill(street, prosumer, kind)
    coin, router = street.exchange.coin, street.router
    coin.approve(router, 0, sender=buyer)
    found = street.quote(kind, PARTS[kind])
    most = PARTS[kind] if kind.exact_in else found.given
    order = street.order(kind, PARTS[kind], found.gotten if kind.exact_in else most, to=buyer)
    refuses("erc20: insufficient allowance", router.trade, order, sender=buyer)
    signed = permit(coin, buyer, router, most, LATE)
    with ape.chain.isolate():
        router.trade_with_permit(order, *signed[4:], sender=buyer)
        assert coin.allowance(buyer, router) == most - found.given
    coin.permit(*signed, sender=owner)
    before = street.holding(buyer)
    router.trade_with_permit(order, *signed[4:], sender=buyer)
    assert street.holding(buyer) == (before[0] + found.gotten, before[1] - found.given)
    refuses("router: only money has permits", router.trade_with_permit, (1, 0, *order[2:]), *signed[4:], sender=buyer)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())
def test_trade__one_place_stands_still__goes_through_the_other(
    street: Street, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, owner: AccountAPI, kind: Kind
) -> None:
    """A halt of the market, a stop of book, Vault or pool; with both there is nothing to trade with."""
    fill(street, prosumer, kind)
    exchange, guard, amount = street.exchange, street.exchange.guard, PARTS[kind]
    in_pool = street.quote(kind, amount, levels=0)
    assert in_pool.lots == 0
    for stop in (
        lambda: exchange.book.halt(1, sender=guardian),
        lambda: guard.pause(exchange.book, sender=guardian),
        lambda: guard.pause(exchange.vault, sender=guardian),
    ):
        with ape.chain.isolate():
            stop()
            assert street.quote(kind, amount) == in_pool
            street.trade(buyer, kind, amount)
            guard.pause(street.pool, sender=guardian)
            refuses("router: too little to trade with", street.router.quote, 1, kind, amount, 16, sender=buyer)
    guard.pause(street.pool, sender=guardian)
    in_book = street.quote(kind, amount)
    assert (in_book.pool_in, in_book.pool_out) == (0, 0)
    before = street.holding(buyer)
    street.trade(buyer, kind, amount)
    after = street.holding(buyer)
    moved = sorted((abs(after[0] - before[0]), abs(after[1] - before[1])))
    assert moved == sorted((in_book.given, in_book.gotten))
    assert street.kept() == (0, 0, 0, 0), "what no lot fits into stayed in the wallet"


@pytest.mark.parametrize("kind", [Kind.BUY, Kind.SELL], ids=lambda kind: kind.name.lower())
def test_trade__own_order_in_the_way__is_refused(
    street: Street, prosumer: AccountAPI, buyer: AccountAPI, kind: Kind
) -> None:
    """By what the book's account knows of the caller: up to that price everything goes, and elsewhere too."""
    levels = fill(street, prosumer, kind)
    street.exchange.place(buyer, 7, BID if kind.selling else ASK, levels[1][0], 5)
    order = street.order(kind, PARTS[kind], to=buyer)
    refuses("router: self-trade", street.router.trade, order, sender=buyer)
    for seen in (1, 0):
        with ape.chain.isolate():
            street.trade(buyer, kind, PARTS[kind], levels=seen)
    street.exchange.book.cancel(7, sender=buyer)
    street.trade(buyer, kind, PARTS[kind])
    assert street.kept() == (0, 0, 0, 0)


def test_trade__frozen_or_of_too_low_a_tier__is_refused(
    street: Street,
    buyer: AccountAPI,
    stranger: AccountAPI,
    prosumer: AccountAPI,
    guardian: AccountAPI,
    router_owner: AccountAPI,
) -> None:
    """Whoever trades and whoever receives, in both places."""
    fill(street, prosumer, Kind.BUY)
    guard, router = street.exchange.guard, street.router
    order = street.order(Kind.BUY, 10 * LOT, to=stranger)
    for frozen, reason in (
        (buyer, "router: account is frozen"),
        (stranger, "router: account is frozen"),
        (router, "vault: account is frozen"),
    ):
        guard.freeze(frozen, sender=guardian)
        refuses(reason, router.trade, order, sender=buyer)
        guard.unfreeze(frozen, sender=guardian)

    street.pool.set_tier(2, sender=router_owner)
    for raised in (router, buyer, stranger):
        refuses("router: tier is too low", router.trade, order, sender=buyer)
        guard.set_tier(raised, 2, sender=guardian)
    router.trade(order, sender=buyer)


def test_trade__refusals__revert(street: Street, buyer: AccountAPI, prosumer: AccountAPI) -> None:
    """Late, to nobody, of no kind, of nothing, of too much, elsewhere, at a worse price."""
    fill(street, prosumer, Kind.BUY)
    router = street.router
    found = street.quote(Kind.BUY, PARTS[Kind.BUY])
    good = street.order(Kind.BUY, PARTS[Kind.BUY], found.given, to=buyer)

    def but(**changes: Any) -> tuple[Any, ...]:
        names = ("market", "kind", "amount", "limit", "levels", "to", "deadline")
        return tuple(changes.get(name, value) for name, value in zip(names, good, strict=True))

    late = int(ape.chain.blocks.head.timestamp) - 1
    for reason, order in (
        ("router: too late", but(deadline=late)),
        ("router: no such receiver", but(to="0x" + "0" * 40)),
        ("router: no such receiver", but(to=router.address)),
        ("router: no such kind", but(kind=4)),
        ("router: amount out of bounds", but(amount=0)),
        ("router: amount out of bounds", but(amount=2**112)),
        ("router: market is not listed", but(market=2)),
        ("router: more than the maximum", but(limit=found.given - 1)),
        ("router: less than the minimum", but(kind=3, amount=price(MIDDLE), limit=2**100)),
        ("router: too little to trade with", but(amount=2**111)),
        ("router: too little to trade with", but(kind=3, amount=1, limit=0)),
    ):
        refuses(reason, router.trade, order, sender=buyer)
    router.trade(good, sender=buyer)


def test_energy__sent_without_a_fitting_order__is_refused(
    street: Street, buyer: AccountAPI, prosumer: AccountAPI
) -> None:
    """Nothing stays here by mistake."""
    energy, router = street.exchange.energy, street.router
    fill(street, prosumer, Kind.SELL)

    def sent(*order: Any, **more: Any) -> bytes:
        return encode((ORDER,), (street.order(*order, to=buyer, **more),))

    for reason, amount, data in (
        ("router: not asked for", 5, b""),
        ("router: not asked for", 5, b"\1" * 223),
        ("router: not asked for", 0, sent(Kind.SELL, 0)),
        ("router: another amount than the order's", 6 * LOT, sent(Kind.SELL, 5 * LOT)),
        ("router: another amount than the order's", 6 * LOT, sent(Kind.SELL_FOR, 1, 5 * LOT)),
        ("router: another amount than the order's", 6 * LOT, sent(Kind.BUY_WITH, 6 * LOT, 6 * LOT)),
        ("router: another token", 6 * LOT, sent(Kind.SELL, 6 * LOT, market=9)),
        ("router: less than the minimum", 6 * LOT, sent(Kind.SELL, 6 * LOT, 2**90)),
    ):
        refuses(reason, energy.safeTransferFrom, buyer, router, E, amount, data, sender=buyer)
    hook = (buyer, buyer, E, LOT, sent(Kind.SELL, LOT))
    refuses("router: not asked for", router.onERC1155Received, *hook, sender=buyer)
    batch = (buyer, router, [E], [LOT], sent(Kind.SELL, LOT))
    refuses("router: not asked for", energy.safeBatchTransferFrom, *batch, sender=buyer)
    assert router.supportsInterface("0x4e2312e0")
    assert not router.supportsInterface("0xffffffff")


def test_energy__of_another_id_with_an_order__is_refused(
    street: Street, buyer: AccountAPI, prosumer: AccountAPI, owner: AccountAPI
) -> None:
    """An order for one class does not sell another one."""
    fill(street, prosumer, Kind.SELL)
    street.exchange.energy.mint(buyer, 4, 6 * LOT, sender=owner)
    data = encode((ORDER,), (street.order(Kind.SELL, 6 * LOT, to=buyer),))
    args = (buyer, street.router, 4, 6 * LOT, data)
    refuses("router: another token", street.exchange.energy.safeTransferFrom, *args, sender=buyer)
