# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Router: which pool stands beside which market, who says so, and what a trade costs."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.exchange import ASK, BASE_PRICE, LOT, LOT_EXP, TICK_EXP, price
from tests.contracts.fuzz.router.twin import Kind
from tests.contracts.house import ZERO, E, refuses
from tests.contracts.unit.router.conftest import MIDDLE, Street


def test_router__tells_what_it_is(street: Street, router_owner: AccountAPI) -> None:
    """Where it trades, and that the same pool may stand beside two markets."""
    router, exchange = street.router, street.exchange
    assert (router.vault(), router.book(), router.guard()) == (exchange.vault, exchange.book, exchange.guard)
    assert (router.energy_token(), router.money()) == (exchange.energy, exchange.coin)
    assert (router.owner(), router.pool_of(1), router.pool_of(2)) == (router_owner, street.pool, ZERO)


def test_set_pool__approves_while_it_is_listed(street: Street, router_owner: AccountAPI, owner: AccountAPI) -> None:
    """A re-based market with the same pool: approved as long as it stands beside one of them."""
    router, exchange, pool = street.router, street.exchange, street.pool
    terms = (LOT_EXP, TICK_EXP, BASE_PRICE * 2, 0, 0, 1)
    exchange.book.open_market((exchange.energy, E, True), (exchange.coin, 0, False), *terms, sender=owner)

    def approved() -> tuple[bool, bool]:
        energy = exchange.energy.isApprovedForAll(router, pool)
        return bool(energy), int(exchange.coin.allowance(router, pool)) > 0

    (changed,) = router.set_pool(2, pool, sender=router_owner).decode_logs(router.PoolChanged)
    assert (changed.market, changed.old, changed.new) == (2, ZERO, pool)
    router.set_pool(1, ZERO, sender=router_owner)
    assert approved() == (True, True)
    router.set_pool(2, pool, sender=router_owner)
    assert approved() == (True, True)
    (changed,) = router.set_pool(2, ZERO, sender=router_owner).decode_logs(router.PoolChanged)
    assert (changed.old, changed.new) == (pool, ZERO)
    assert approved() == (False, False)
    refuses("router: market is not listed", router.quote, 2, 0, LOT, 0, sender=owner)


def test_set_pool__that_does_not_fit__is_refused(
    street: Street, router_owner: AccountAPI, owner: AccountAPI, stranger: AccountAPI
) -> None:
    """Another token on either side, of the market or of the pool, a market that is not there, a caller who may not."""
    router, exchange, pool = street.router, street.exchange, street.pool
    energy, coin, guard = exchange.energy, exchange.coin, exchange.guard
    other = owner.deploy(container("TaxedCoin"))
    terms = (0, 0, 1, 0, 0, 1)
    for base, quote in (
        ((coin, 0, False), (energy, E, True)),
        ((energy, E, True), (energy, 4, True)),
        ((energy, E, True), (other, 0, False)),
        ((energy, 4, True), (coin, 0, False)),
    ):
        exchange.book.open_market(base, quote, *terms, sender=owner)
    for market in (2, 3, 4, 9):
        refuses("router: market of other tokens", router.set_pool, market, pool, sender=router_owner)
    refuses("router: pool of other tokens", router.set_pool, 5, pool, sender=router_owner)
    dear = owner.deploy(container("Pool"), energy, E, other, guard, owner, 0, 0, "P", "P")
    refuses("router: pool of other tokens", router.set_pool, 1, dear, sender=router_owner)
    refuses("ownable: caller is not the owner", router.set_pool, 1, pool, sender=stranger)


def test_ownership__moves_in_two_steps(street: Street, router_owner: AccountAPI, buyer: AccountAPI) -> None:
    """As everywhere in the house."""
    street.router.transfer_ownership(buyer, sender=router_owner)
    assert street.router.owner() == router_owner
    street.router.accept_ownership(sender=buyer)
    assert street.router.owner() == buyer


def test_gas__is_printed(street: Street, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Whole transactions by receipt. No figure is promised; a doubling would be a mistake."""
    spent = {}
    for n in range(12):
        street.exchange.place(prosumer, n, ASK, MIDDLE - 300 + n, 10)
    street.trade(buyer, Kind.BUY_WITH, price(MIDDLE - 300))  # the first one pays for balances that are new
    best, step = price(MIDDLE - 300), price(1) - price(0)
    for name, kind, amount, levels in (
        ("book alone, one level", Kind.BUY_WITH, 5 * best, 16),
        ("book alone, four levels", Kind.BUY_WITH, 34 * best + 60 * step, 16),
        ("pool alone", Kind.BUY, 50 * LOT, 0),
        ("book and pool", Kind.BUY_WITH, 70 * best, 16),
        ("sell to the pool", Kind.SELL, 50 * LOT, 16),
    ):
        plan = street.quote(kind, amount, levels)
        print(f"router, {name}: {plan.lots} lots at {plan.levels} levels, {plan.pool_in} into the pool")
        spent[name] = street.trade(buyer, kind, amount, levels=levels).gas_used
    for name, gas in spent.items():
        print(f"router, {name}: {gas}")
    assert all(80_000 < gas < 500_000 for gas in spent.values()), spent
    assert street.router.quote(1, Kind.BUY, 50 * LOT, 16).levels > 0
