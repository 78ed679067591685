# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Router: a coin that asks a tier of its holders reaches nobody without it, through whichever account it travels."""

import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.exchange import BID, COIN, GTC, LOT
from tests.contracts.fuzz.router.twin import Kind
from tests.contracts.house import E, refuses
from tests.contracts.unit.router.conftest import LATE, Street

GATED = 2  # the market of energy against GCC
GCC_UNITS = 10**9
LOT_PRICE = 1_060 * 10**3


@pytest.fixture
def gated(street: Street, accounts: list[AccountAPI], guardian: AccountAPI, buyer: AccountAPI) -> Street:
    """Energy against GCC: a market with a bid of the buyer's, a pool of the buyer's, and a router. The contracts have the tier."""
    exchange, deployer = street.exchange, accounts[0]
    coin = deployer.deploy(container("GCC"), exchange.coin, exchange.guard)
    coin.set_limit(1, 10**6 * GCC_UNITS, sender=deployer)
    coin.set_total_limit(10**6 * GCC_UNITS, sender=deployer)
    exchange.book.open_market((exchange.energy, E, True), (coin, 0, False), 6, 3, 1_000, 7, 7, 1, sender=deployer)
    pool = deployer.deploy(
        container("Pool"), exchange.energy, E, coin, exchange.guard, exchange.beneficiary, 25, 5, "E/GCC", "E"
    )
    router = deployer.deploy(container("Router"), exchange.vault, exchange.energy, coin, exchange.guard)
    router.set_pool(GATED, pool, sender=deployer)
    for holder in (exchange.vault, pool, router, buyer):
        exchange.guard.set_tier(holder, 1, sender=guardian)
    exchange.coin.approve(coin, COIN, sender=buyer)
    coin.convert_gcm(10**6 * 100 * GCC_UNITS, 0, sender=buyer)
    for spender in (exchange.vault, pool, router):
        coin.approve(spender, 2**256 - 1, sender=buyer)
    exchange.energy.setApprovalForAll(pool, True, sender=buyer)
    pool.add_liquidity(1_000 * LOT, 1_000 * LOT_PRICE, 0, buyer, LATE, sender=buyer)
    exchange.vault.deposit(GATED, True, 1_000 * GCC_UNITS, buyer, sender=buyer)
    exchange.book.place(GATED, 1, BID, GTC, 0, 65, 10, sender=buyer)
    return Street(exchange, pool, router)


def test_tier__too_low__trades_nowhere(
    gated: Street, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI
) -> None:
    """Who sells needs it for the book, as in an account of its own; who receives needs it everywhere."""
    exchange, router = gated.exchange, gated.router
    exchange.energy.setApprovalForAll(router, True, sender=prosumer)
    order = gated.order(Kind.SELL, 20 * LOT, to=buyer, market=GATED)
    refuses("router: tier is too low", router.trade, order, sender=prosumer)
    in_pool = gated.order(Kind.SELL, 20 * LOT, to=prosumer, market=GATED, levels=0)
    refuses("gcc: receiver's tier is too low", router.trade, in_pool, sender=prosumer)

    exchange.guard.set_tier(prosumer, 1, sender=guardian)
    to_stranger = gated.order(Kind.SELL, 20 * LOT, to=stranger, market=GATED)
    refuses("gcc: receiver's tier is too low", router.trade, to_stranger, sender=prosumer)
    order = gated.order(Kind.SELL, 20 * LOT, to=prosumer, market=GATED)
    receipt = router.trade(order, sender=prosumer)
    (routed,) = receipt.decode_logs(router.Routed)
    assert routed.lots == 10
    assert routed.pool_in == 10 * LOT

    exchange.guard.set_tier(router, 0, sender=guardian)
    buying = gated.order(Kind.BUY, LOT, to=buyer, market=GATED)
    refuses("gcc: receiver's tier is too low", router.trade, buying, sender=buyer)
