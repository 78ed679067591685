# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From the meter to the coin and back: what is metered becomes index, is traded in book, round, pool and by the router, and
leaves as GCC; nothing is lost on the way and everything stays covered."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.exchange import NO_PERMIT
from tests.contracts.flows.bazaar import (
    ASK,
    AT_PAR,
    BID,
    DAY,
    FEE_BPS,
    GATE,
    GTC,
    WH,
    Town,
    price,
)
from tests.contracts.house import KWH, RESERVE_BPS, SLOT, ZERO, E, refuses
from tests.contracts.permit import permit

BOUGHT = 1_000  # lots
MAKER_BPS = FEE_BPS // 2


def fee(received: int, bps: int = FEE_BPS) -> int:
    """What is kept of an amount received, rounded down."""
    return received * bps // 10_000


def test_metered_deposited_traded_converted(
    town: Town,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    guardian: AccountAPI,
    buyer: AccountAPI,
) -> None:
    """The barn's owner turns energy into GCM and buys the roof's with it; the roof's owner takes the coin out."""
    bazaar, market = town.bazaar, 1
    town.earn()
    earned = 3 * KWH - 3 * KWH * RESERVE_BPS // 10_000
    assert town.energy(prosumer) == town.energy(neighbour) == earned
    town.pay_in(neighbour, 2 * KWH)
    assert town.energy(bazaar.gcm) == bazaar.gcm.totalSupply() == 2 * KWH

    bazaar.vault.deposit(market, False, BOUGHT * WH, prosumer, sender=prosumer)
    bazaar.book.place(market, 1, ASK, GTC, 0, AT_PAR + 10, BOUGHT, sender=prosumer)
    bazaar.vault.deposit(market, True, BOUGHT * price(AT_PAR + 10), neighbour, sender=neighbour)
    bazaar.book.take(market, BID, AT_PAR + 20, BOUGHT, BOUGHT, 8, [], sender=neighbour)
    bazaar.book.claim(prosumer, 1, sender=buyer)
    paid = BOUGHT * price(AT_PAR + 10)
    earned_gcm = paid - fee(paid, MAKER_BPS)
    got = BOUGHT * WH - fee(BOUGHT * WH)
    bazaar.vault.withdraw(market, True, earned_gcm, prosumer, sender=prosumer)
    bazaar.vault.withdraw(market, False, got, neighbour, sender=neighbour)
    assert town.money(prosumer) == earned_gcm
    assert town.energy(neighbour) == earned - 2 * KWH + got
    town.check_nothing_is_lost()

    refuses("gcc: over the day's limit", bazaar.gcc.convert_gcm, earned_gcm, 0, sender=prosumer)
    for person in (prosumer, buyer):
        town.house.on.guard.set_tier(person, 1, sender=guardian)
    coins = int(bazaar.gcc.convert_gcm(earned_gcm, earned_gcm // 100, sender=prosumer).return_value)
    assert coins == earned_gcm // 100
    refuses("gcc: receiver's tier is too low", bazaar.gcc.transfer, neighbour, 1, sender=prosumer)
    bazaar.gcc.transfer(buyer, coins, sender=prosumer)
    town.check_nothing_is_lost()

    bazaar.gcc.redeem(coins, 0, sender=buyer)
    index = town.money(buyer)
    assert index == coins * 100
    paid_out = bazaar.gcm.redeem(index, buyer, [0] * 10, sender=buyer).return_value
    assert town.energy(buyer) == paid_out[E] == index
    town.check_nothing_is_lost()


def test_round__straight_from_the_wallets(
    town: Town, prosumer: AccountAPI, neighbour: AccountAPI, relayer: AccountAPI, beneficiary: AccountAPI
) -> None:
    """A seller and a buyer meet in the round of a slot: one transaction each to be in, one of anybody's, one each to be out."""
    bazaar = town.bazaar
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    before = town.energy(prosumer), town.money(neighbour)
    slot = town.house.slot + 8
    bazaar.round.place(1, slot, 1, ASK, AT_PAR - 50, 800, sender=prosumer)
    bazaar.round.place(1, slot, 1, BID, AT_PAR + 50, 1_000, sender=neighbour)
    town.house.wait(slot * SLOT - GATE - town.now)
    result = bazaar.round.solve(1, slot)
    assert tuple(result) == (AT_PAR + 50, 800, AT_PAR + 50, AT_PAR + 50)
    bazaar.round.clear(1, slot, *result, sender=relayer)
    bazaar.round.leave(1, [1], prosumer, sender=prosumer)
    bazaar.round.leave(1, [1], neighbour, sender=neighbour)

    paid = 800 * price(AT_PAR + 50)
    assert town.energy(prosumer) == before[0] - 800 * WH
    assert town.money(prosumer) == paid - fee(paid)
    assert town.money(neighbour) == before[1] - paid
    held = town.energy(beneficiary)
    bazaar.round.collect_fees(1, False, sender=relayer)
    bazaar.round.collect_fees(1, True, sender=relayer)
    assert town.energy(beneficiary) == held + fee(800 * WH)
    assert (town.energy(bazaar.round), town.money(bazaar.round)) == (0, 0)
    town.check_nothing_is_lost()


def test_frozen__nothing_of_it_trades(
    town: Town, prosumer: AccountAPI, neighbour: AccountAPI, guardian: AccountAPI, relayer: AccountAPI
) -> None:
    """Minted it is, for energy that was metered is owed; into index, round, book and marketplace it does not get."""
    bazaar, on = town.bazaar, town.house.on
    town.earn()
    slot = town.house.slot + 8
    bazaar.round.place(1, slot, 1, ASK, AT_PAR, 800, sender=prosumer)
    on.guard.freeze(prosumer, sender=guardian)
    held = town.energy(prosumer)
    town.earn()
    assert town.energy(prosumer) > held
    refuses(
        "energy_token: account is frozen", on.token.safeTransferFrom, prosumer, bazaar.gcm, E, 1, b"", sender=prosumer
    )
    refuses("round: account is frozen", bazaar.round.place, 1, slot, 2, ASK, AT_PAR, 800, sender=prosumer)
    refuses("vault: account is frozen", bazaar.vault.deposit, 1, False, 1, prosumer, sender=prosumer)
    offer = (on.token, E, 100, 100, 1, 0, "0x" + "0" * 40, 0, 0)
    refuses("marketplace: account is frozen", bazaar.marketplace.offer, *offer, sender=prosumer)
    bazaar.round.close(1, prosumer, [1], sender=relayer)
    assert tuple(bazaar.round.depth_of(1, slot, 3_124)) == (0, 0)
    assert tuple(bazaar.round.balance_of(1, prosumer)) == (800 * WH, 0)
    refuses("round: account is frozen", bazaar.round.leave, 1, [], prosumer, sender=prosumer)
    town.check_nothing_is_lost()


def test_router_beside_pool_and_book__wallet_to_wallet(town: Town, prosumer: AccountAPI, neighbour: AccountAPI) -> None:
    """The roof's owner sells energy with one transfer whose data is the order; pool and book share it, the router keeps nothing."""
    bazaar, on = town.bazaar, town.house.on
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    on.token.setApprovalForAll(bazaar.pool, True, sender=neighbour)
    bazaar.gcm.approve(bazaar.pool, 2**256 - 1, sender=neighbour)
    bazaar.pool.add_liquidity(KWH // 2, KWH // 2, 0, neighbour, 2**64, sender=neighbour)
    bazaar.vault.deposit(1, True, 300 * price(AT_PAR - 100), neighbour, sender=neighbour)
    bazaar.book.place(1, 1, BID, GTC, 0, AT_PAR - 100, 300, sender=neighbour)
    on.token.setApprovalForAll(bazaar.router, True, sender=prosumer)
    sold, before = 400 * WH, town.energy(prosumer)
    plan = bazaar.router.quote(1, 0, sold, 8)
    assert plan.book_in > 0
    assert plan.pool_in > 0

    bazaar.router.trade((1, 0, sold, 1, 8, prosumer.address, 2**64), sender=prosumer)

    assert town.energy(prosumer) == before - sold
    assert town.money(prosumer) == plan.book_out + plan.pool_out
    assert (town.energy(bazaar.router), town.money(bazaar.router)) == (0, 0)
    town.check_nothing_is_lost()


def test_book__straight_from_the_wallets(town: Town, prosumer: AccountAPI, neighbour: AccountAPI) -> None:
    """An order with an approval, a take with a permit, and one call that brings the money home: no account to learn about."""
    bazaar, limit, take = town.bazaar, 0, 1
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    before = town.energy(prosumer), town.energy(neighbour), town.money(neighbour)
    resting = (1, limit, 1, GTC, 0, AT_PAR + 10, BOUGHT, 0, 8, True)
    bazaar.book.order_from_wallet(ASK, resting, [], NO_PERMIT, sender=prosumer)
    assert town.energy(prosumer) == before[0] - BOUGHT * WH
    bazaar.gcm.approve(bazaar.vault, 0, sender=neighbour)
    cost = BOUGHT * price(AT_PAR + 10)
    _, _, value, deadline, v, r, s = permit(bazaar.gcm, neighbour, bazaar.vault, cost)
    taking = (1, take, 0, GTC, 0, AT_PAR + 10, BOUGHT, BOUGHT, 8, True)
    bazaar.book.order_from_wallet(BID, taking, [], (value, deadline, v, r, s), sender=neighbour)
    bazaar.book.close(1, [1], [], 2**256 - 1, 2**256 - 1, sender=prosumer)

    assert town.energy(neighbour) == before[1] + BOUGHT * WH - fee(BOUGHT * WH)
    assert town.money(neighbour) == before[2] - cost
    assert town.money(prosumer) == cost - fee(cost, MAKER_BPS)
    town.check_nothing_is_lost()


def test_fees__reach_those_who_locked(
    town: Town, owner: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, relayer: AccountAPI
) -> None:
    """Book, round and pool pay Funds, whoever asks; Funds divides among lockers; what they don't get is kept, to the unit."""
    bazaar, on = town.bazaar, town.house.on
    funds, earnings, period = bazaar.funds, bazaar.earnings, 7 * DAY
    lock = owner.deploy(container("VotingLock"), bazaar.gcm, ZERO)
    earnings.add_group(lock, sender=owner)
    for asset in ((bazaar.gcm, False, 0), (on.token, True, E)):
        earnings.add_asset(asset, sender=owner)
    funds.set_shares([(0, 4_000)], sender=owner)
    for venue in (bazaar.book, bazaar.round, bazaar.pool):
        venue.set_beneficiary(funds, sender=owner)
    town.earn()
    town.pay_in(neighbour, 2 * KWH)
    town.house.wait(period - town.now % period)
    bazaar.gcm.approve(lock, KWH // 4, sender=neighbour)
    lock.lock(KWH // 4, sender=neighbour)

    resting = (1, 0, 1, GTC, 0, AT_PAR, 500, 0, 8, True)
    bazaar.book.order_from_wallet(ASK, resting, [], NO_PERMIT, sender=prosumer)
    bazaar.book.order_from_wallet(BID, (1, 1, 0, GTC, 0, AT_PAR, 500, 1, 8, True), [], NO_PERMIT, sender=neighbour)
    bazaar.book.claim(prosumer, 1, sender=relayer)
    slot = town.house.slot + 4
    bazaar.round.place(1, slot, 1, ASK, AT_PAR, 600, sender=prosumer)
    bazaar.round.place(1, slot, 1, BID, AT_PAR, 600, sender=neighbour)
    town.house.wait(slot * SLOT - GATE - town.now)
    bazaar.round.clear(1, slot, *bazaar.round.solve(1, slot), sender=relayer)
    for person in (prosumer, neighbour):
        bazaar.round.close(1, person, [1], sender=relayer)
    for venue in (bazaar.book, bazaar.round):
        for quote in (False, True):
            venue.collect_fees(1, quote, sender=relayer)
    fees = {1: fee(500 * price(AT_PAR), MAKER_BPS) + fee(600 * price(AT_PAR)), 2: fee(500 * WH) + fee(600 * WH)}
    town.house.wait(period - town.now % period)

    for number, amount in fees.items():
        assert funds.divide(number, sender=relayer).return_value == amount * 4 // 10
        assert funds.kept(number) == amount - amount * 4 // 10
    before = town.money(neighbour), town.energy(neighbour)
    earnings.claim(neighbour, 0, [1, 2], sender=relayer)
    assert town.money(neighbour) == before[0] + fees[1] * 4 // 10
    assert town.energy(neighbour) == before[1] + fees[2] * 4 // 10
