# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Round: behind the gate all trade at one price, the earlier first, or nobody does and everybody is paid back."""

import ape
from ape.api import AccountAPI

from tests.contracts.house import SLOT, E, refuses
from tests.contracts.unit.round.conftest import (
    ASK,
    BID,
    COIN,
    ENERGY,
    FEE_BPS,
    GATE,
    LOT,
    MARKET,
    WINDOW,
    Rounds,
    fee,
    price,
)


def test_clear__from_orders_to_tokens(
    rounds: Rounds,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
    relayer: AccountAPI,
    beneficiary: AccountAPI,
) -> None:
    """Demand of 70 at tick 60 meets a supply of 50: it is sold at what demand bids, the bids above in full, and those at
    the price by time, past one that was taken back."""
    rounds.place(prosumer, 1, ASK, 20, 30)
    rounds.place(neighbour, 1, ASK, 55, 20)
    rounds.place(neighbour, 2, ASK, 61, 10)
    rounds.place(buyer, 1, BID, 80, 10)
    rounds.place(buyer, 2, BID, 60, 15)
    rounds.place(prosumer, 2, BID, 60, 9)
    rounds.place(buyer, 3, BID, 60, 45)
    rounds.place(neighbour, 3, BID, 60, 5)
    rounds.round.leave(MARKET, [2], prosumer, sender=prosumer)
    rounds.close_gate()

    (cleared,) = rounds.clear(relayer).decode_logs(rounds.round.Cleared)

    assert (cleared.by, cleared.tick, cleared.volume, cleared.bid_lots, cleared.ask_lots) == (relayer, 60, 50, 40, 0)
    assert tuple(rounds.round.result_of(MARKET, rounds.slot)) == (75, 60, True, 60, 50, 40, 0)
    closed = rounds.round.close(MARKET, buyer, [1, 2, 3], sender=relayer).decode_logs(rounds.round.Closed)
    assert [(log.n, log.paid, log.back, log.fee) for log in closed] == [
        (1, 10, 0, fee(10 * LOT)),
        (2, 15, 0, fee(15 * LOT)),
        (3, 25, 20, fee(25 * LOT)),
    ]
    bought = 50 * LOT - fee(10 * LOT) - fee(15 * LOT) - fee(25 * LOT)
    assert rounds.free(buyer) == (bought, 10 * (price(80) - price(60)) + 20 * price(60))
    rounds.round.close(MARKET, prosumer, [1], sender=relayer)
    rounds.round.close(MARKET, neighbour, [1, 2, 3], sender=relayer)
    sold = [30 * price(60), 20 * price(60)]
    assert rounds.free(prosumer) == (0, sold[0] - fee(sold[0]))
    assert rounds.free(neighbour) == (10 * LOT, sold[1] - fee(sold[1]) + 5 * price(60))
    refuses("round: nothing to close", rounds.round.close, MARKET, buyer, [1, 2, 3], sender=relayer)

    for trader in (prosumer, neighbour, buyer):
        rounds.round.leave(MARKET, [], trader, sender=trader)
    assert rounds.holding(buyer) == (ENERGY + bought, COIN - 50 * price(60))
    fees = (50 * LOT - bought, fee(sold[0]) + fee(sold[1]))
    assert rounds.holding(rounds.round) == fees
    for quote in (False, True):
        (log,) = rounds.round.collect_fees(MARKET, quote, sender=relayer).decode_logs(rounds.round.Collected)
        assert (log.beneficiary, log.quote, log.amount) == (beneficiary, quote, fees[quote])
        refuses("round: no fees", rounds.round.collect_fees, MARKET, quote, sender=relayer)
    assert rounds.holding(beneficiary) == fees
    assert rounds.holding(rounds.round) == (0, 0)
    assert FEE_BPS > 0


def test_clear__supply_stays__sells_at_what_it_asks(rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """The mirror image: asks at the price are cut, the later ones."""
    rounds.place(prosumer, 1, ASK, 30, 20)
    rounds.place(prosumer, 2, ASK, 30, 20)
    rounds.place(buyer, 1, BID, 90, 25)
    rounds.close_gate()
    (cleared,) = rounds.clear(buyer).decode_logs(rounds.round.Cleared)
    assert (cleared.tick, cleared.volume, cleared.bid_lots, cleared.ask_lots) == (30, 25, 0, 25)
    closed = rounds.round.close(MARKET, prosumer, [1, 2], sender=buyer).decode_logs(rounds.round.Closed)
    assert [(log.paid, log.back) for log in closed] == [(20, 0), (5, 15)]


def test_clear__other_results__revert(rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Equal from 40 to 50: the middle, and only that."""
    rounds.place(prosumer, 1, ASK, 40, 20)
    rounds.place(buyer, 1, BID, 50, 20)
    clear, slot = rounds.round.clear, rounds.slot
    assert tuple(rounds.round.solve(MARKET, slot)) == (45, 20, 40, 50)
    refuses("round: gate is open", clear, MARKET, slot, 45, 20, 40, 50, sender=buyer)
    rounds.close_gate()
    for reason, result in (
        ("round: not the volume", (45, 19, 40, 50)),
        ("round: not the volume", (45, 21, 40, 50)),
        ("round: not the tick", (44, 20, 40, 50)),
        ("round: not the tick", (44, 20, 40, 49)),
        ("round: not the tick", (46, 20, 41, 51)),
        ("round: not the tick", (45, 20, 39, 51)),
        ("round: not the tick", (45, 20, 41, 49)),
        ("round: not the tick", (45, 20, 50, 40)),
        ("round: not the tick", (45, 20, 45, 45)),
        ("round: no such tick", (3_125, 0, 3_125, 3_125)),
        ("round: not the volume", (39, 20, 39, 39)),
        ("round: not the tick", (39, 0, 39, 39)),
        ("round: not the tick", (51, 0, 51, 51)),
    ):
        refuses(reason, clear, MARKET, slot, *result, sender=buyer)
    clear(MARKET, slot, 45, 20, 40, 50, sender=buyer)
    refuses("round: cleared already", clear, MARKET, slot, 45, 20, 40, 50, sender=buyer)


def test_clear__nobody_meets__everybody_is_paid_back_at_once(
    rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI
) -> None:
    """A tick between them proves it, and nobody waits for the window. A round without orders has no result."""
    rounds.place(prosumer, 1, ASK, 41, 20)
    rounds.place(buyer, 1, BID, 40, 20)
    rounds.close_gate()
    refuses("round: not the tick", rounds.round.clear, MARKET, rounds.slot, 39, 0, 39, 39, sender=relayer)
    rounds.clear(relayer)
    assert tuple(rounds.round.result_of(MARKET, rounds.slot)) == (20, 20, True, 0, 0, 0, 0)
    rounds.round.close(MARKET, prosumer, [1], sender=relayer)
    rounds.round.close(MARKET, buyer, [1], sender=relayer)
    assert rounds.free(prosumer) == (20 * LOT, 0)
    assert rounds.free(buyer) == (0, 20 * price(40))
    rounds.slot += 1
    rounds.close_gate()
    refuses("round: no orders", rounds.round.clear, MARKET, rounds.slot, 0, 0, 0, 0, sender=relayer)


def test_clear__nobody_in_time__everybody_is_paid_back(
    rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI
) -> None:
    """In the window nobody gets out, behind it nobody clears."""
    rounds.place(prosumer, 1, ASK, 40, 20)
    rounds.place(buyer, 1, BID, 50, 20)
    result = rounds.round.solve(MARKET, rounds.slot)
    rounds.close_gate(WINDOW - 1)
    assert ape.chain.blocks.head.timestamp == rounds.slot * SLOT - GATE + WINDOW - 1
    refuses("round: nothing to close", rounds.round.close, MARKET, buyer, [1], sender=relayer)
    rounds.close_gate(WINDOW)
    refuses("round: too late", rounds.round.clear, MARKET, rounds.slot, *result, sender=relayer)

    rounds.round.close(MARKET, prosumer, [1], sender=relayer)
    rounds.round.leave(MARKET, [1], buyer, sender=buyer)

    assert rounds.free(prosumer) == (20 * LOT, 0)
    assert rounds.holding(buyer) == (ENERGY, COIN)
    assert int(rounds.energy.balanceOf(rounds.round, E)) == 20 * LOT


def test_gas(rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI) -> None:
    """Printed, with bounds that a second loop over anything would break."""
    used = {
        "place, first of a round, from the wallet": rounds.place(prosumer, 1, ASK, 40, 20).gas_used,
        "place, live level, from the wallet": rounds.place(prosumer, 2, ASK, 40, 20).gas_used,
        "cancel into the balance": rounds.round.close(MARKET, prosumer, [2], sender=prosumer).gas_used,
        "place, live level, recycled, from the balance": rounds.place(prosumer, 2, ASK, 40, 20).gas_used,
    }
    for n in range(8):
        rounds.place(buyer, n, BID, 35 + n, 6)
    rounds.close_gate()
    used["clear"] = rounds.clear(relayer).gas_used
    used["close one"] = rounds.round.close(MARKET, prosumer, [1], sender=relayer).gas_used
    used["close eight and withdraw"] = rounds.round.leave(MARKET, list(range(8)), buyer, sender=buyer).gas_used
    for name, gas in used.items():
        print(f"{gas:8,} {name}")
    assert used["place, live level, recycled, from the balance"] <= 88_000
    assert used["clear"] <= 110_000
    assert used["close one"] <= 75_000
