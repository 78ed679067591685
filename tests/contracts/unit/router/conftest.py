# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The exchange with a pool beside its market, a router between them, and wallets that approved the router."""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.exchange import *  # noqa: F403 - fixtures are found by their names in a conftest
from tests.contracts.exchange import ASK, LOT, TAKER_BPS, Exchange, price
from tests.contracts.fuzz.pool.twin import Reserves
from tests.contracts.fuzz.router.twin import Kind, Level, Market, Way
from tests.contracts.house import E

LATE = 2**64
LP_BPS, TREASURY_BPS = 25, 5
MIDDLE = 1_000  # the tick at which the pool stands
POOLED = (100_000 * LOT, 100_000 * price(MIDDLE))


@dataclass(frozen=True)
class Street:
    """Book, pool and router."""

    exchange: Exchange
    pool: ContractInstance
    router: ContractInstance

    def order(self, kind: Kind, amount: int, limit: int | None = None, *, to: Any, **more: Any) -> tuple[Any, ...]:
        """An order as the ABI has it; by default any price, 16 levels, without hurry."""
        if limit is None:
            limit = 0 if kind.exact_in else 2**255
        return (
            more.get("market", 1),
            int(kind),
            amount,
            limit,
            more.get("levels", 16),
            getattr(to, "address", to),
            more.get("deadline", LATE),
        )

    def trade(self, who: AccountAPI, kind: Kind, amount: int, limit: int | None = None, **more: Any) -> ReceiptAPI:
        """From the wallet and back to it."""
        to = more.pop("to", who)
        return self.router.trade(self.order(kind, amount, limit, to=to, **more), sender=who)

    def quote(self, kind: Kind, amount: int, levels: int = 16) -> Way:
        """What the router would do."""
        plan = self.router.quote(1, int(kind), amount, levels)
        return Way(plan.lots, plan.levels, plan.book_in, plan.book_out, plan.pool_in, plan.pool_out)

    def twin(self, side: int, levels: list[tuple[int, int]]) -> Market:
        """The same for the twin: ticks and lots."""
        ordered = sorted(levels, reverse=side != ASK)
        pool = Reserves(*self.pool.reserves(), 1, LP_BPS, TREASURY_BPS)
        return Market(LOT, TAKER_BPS, [Level(price(tick), lots) for tick, lots in ordered], pool)

    def holding(self, account: Any) -> tuple[int, int]:
        """Energy and coin in a wallet."""
        return int(self.exchange.energy.balanceOf(account, E)), int(self.exchange.coin.balanceOf(account))

    def kept(self) -> tuple[int, ...]:
        """What the router has, in its wallet and in the vault."""
        return (*self.holding(self.router), *self.exchange.free(self.router))


@pytest.fixture(scope="session")
def road(
    market: Exchange,
    accounts: list[AccountAPI],
    owner: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> Street:
    """Deployed once, with a pool that the neighbour filled. Its owner is nobody else's, so that nonces stay as they are."""
    deployer = accounts[9]
    energy, coin = market.energy, market.coin
    pool = deployer.deploy(
        container("Pool"), energy, E, coin, market.guard, market.beneficiary, LP_BPS, TREASURY_BPS, "E/COIN", "E"
    )
    router = deployer.deploy(container("Router"), market.vault, energy, coin, market.guard)
    router.set_pool(1, pool, sender=deployer)
    energy.mint(neighbour, E, POOLED[0], sender=owner)
    coin.give(neighbour, POOLED[1], sender=owner)
    energy.setApprovalForAll(pool, True, sender=neighbour)
    coin.approve(pool, 2**256 - 1, sender=neighbour)
    pool.add_liquidity(*POOLED, 0, neighbour, LATE, sender=neighbour)
    for trader in (prosumer, buyer):
        energy.setApprovalForAll(router, True, sender=trader)
        coin.approve(router, 2**256 - 1, sender=trader)
    return Street(market, pool, router)


@pytest.fixture
def street(road: Street, exchange: Exchange) -> Street:
    """At the beginning of a slot, with nothing in the book."""
    return Street(exchange, road.pool, road.router)


@pytest.fixture(scope="session")
def router_owner(accounts: list[AccountAPI]) -> AccountAPI:
    """Owns the router and the pool."""
    return accounts[9]


def now() -> int:
    """The last block's time."""
    return int(ape.chain.blocks.head.timestamp)
