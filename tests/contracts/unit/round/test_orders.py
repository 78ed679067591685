# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Round: orders come out of a wallet, wait with all they may cost, and go back whole."""

import ape
import pytest
from ape.api import AccountAPI

from tests.contracts.house import SLOT, E, refuses
from tests.contracts.permit import permit
from tests.contracts.unit.round.conftest import (
    ASK,
    BID,
    COIN,
    ENERGY,
    GATE,
    LOT,
    MARKET,
    TERMS,
    WINDOW,
    Rounds,
    price,
)


def test_place(rounds: Rounds, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """One transaction from the wallet on either side, without a deposit before."""
    sold = rounds.place(prosumer, 7, ASK, 40, 30)
    bought = rounds.place(buyer, 8, BID, 50, 20)

    (placed,) = sold.decode_logs(rounds.round.Placed)
    assert (placed.owner, placed.slot, placed.n, placed.side, placed.tick, placed.lots) == (
        prosumer, rounds.slot, 7, ASK, 40, 30,
    )  # fmt: skip
    (pulled,) = bought.decode_logs(rounds.round.Pulled)
    assert (pulled.owner, pulled.quote, pulled.amount) == (buyer, True, 20 * price(50))
    assert rounds.holding(prosumer) == (ENERGY - 30 * LOT, COIN)
    assert rounds.holding(buyer) == (ENERGY, COIN - 20 * price(50))
    assert rounds.holding(rounds.round) == (30 * LOT, 20 * price(50))
    assert tuple(rounds.round.order_of(prosumer, 7)) == (MARKET, rounds.slot, ASK, 40, 30)
    assert tuple(rounds.round.depth_of(MARKET, rounds.slot, 39)) == (20, 0)
    assert tuple(rounds.round.depth_of(MARKET, rounds.slot, 40)) == (20, 30)
    assert tuple(rounds.round.depth_of(MARKET, rounds.slot, 51)) == (0, 30)
    assert tuple(rounds.round.result_of(MARKET, rounds.slot)) == (20, 30, False, 0, 0, 0, 0)


def test_place__balance_first__only_the_rest_is_pulled(rounds: Rounds, buyer: AccountAPI) -> None:
    rounds.place(buyer, 1, BID, 10, 20)
    rounds.round.close(MARKET, buyer, [1], sender=buyer)
    assert rounds.free(buyer) == (0, 20 * price(10))

    assert rounds.place(buyer, 1, BID, 10, 15).decode_logs(rounds.round.Pulled) == []
    (pulled,) = rounds.place(buyer, 2, BID, 10, 6).decode_logs(rounds.round.Pulled)

    assert pulled.amount == price(10)
    assert rounds.free(buyer) == (0, 0)


def test_place_with_permit(rounds: Rounds, stranger: AccountAPI, round_owner: AccountAPI) -> None:
    """No approval before; a permit that was brought already does no harm."""
    cost = 10 * price(0)
    rounds.coin.give(stranger, cost, sender=round_owner)
    order = (MARKET, rounds.slot, 1, BID, 0, 10)
    refuses("erc20: insufficient allowance", rounds.round.place, *order, sender=stranger)
    signed = permit(rounds.coin, stranger, rounds.round, cost)[3:]
    rounds.coin.permit(stranger, rounds.round, cost, *signed, sender=round_owner)

    rounds.round.place_with_permit(*order, cost, *signed, sender=stranger)

    assert rounds.coin.balanceOf(stranger) == 0
    assert rounds.round.order_of(stranger, 1).lots == 10


def test_place__not_as_it_should_be__reverts(rounds: Rounds, prosumer: AccountAPI, round_owner: AccountAPI) -> None:
    place, slot = rounds.round.place, rounds.slot
    now = int(ape.chain.blocks.head.timestamp) // SLOT
    for reason, order in (
        ("round: no such market", (2, slot, 1, ASK, 0, 5)),
        ("round: gate is closed", (MARKET, now, 1, ASK, 0, 5)),
        ("round: gate is closed", (MARKET, 0, 1, ASK, 0, 5)),
        ("round: slot is too far ahead", (MARKET, now + 193, 1, ASK, 0, 5)),
        ("round: no such side", (MARKET, slot, 1, 2, 0, 5)),
        ("round: no such tick", (MARKET, slot, 1, ASK, 3_125, 5)),
        ("round: too few lots", (MARKET, slot, 1, ASK, 0, 4)),
        ("erc1155: insufficient balance for transfer", (MARKET, slot, 1, ASK, 0, 1_000_001)),
        ("erc20: transfer amount exceeds balance", (MARKET, slot, 1, BID, 3_124, 2**32 - 1)),
    ):
        if reason.startswith("erc20"):
            rounds.coin.approve(rounds.round, 2**256 - 1, sender=prosumer)
        refuses(reason, place, *order, sender=prosumer)
    rounds.place(prosumer, 1, ASK, 0, 5)
    refuses("round: place is in use", place, MARKET, slot, 1, ASK, 0, 5, sender=prosumer)
    rounds.coin.set_tax(1, sender=round_owner)
    refuses("round: not the whole amount came", place, MARKET, slot, 2, BID, 0, 5, sender=prosumer)


def test_place__at_the_gate__ends_to_the_second(rounds: Rounds, prosumer: AccountAPI) -> None:
    """The last second counts; the gate's own does not, nor can an order be taken back in it."""
    gate = rounds.slot * SLOT - GATE
    ape.chain.pending_timestamp = gate - 1
    rounds.place(prosumer, 1, ASK, 0, 5)
    assert ape.chain.blocks.head.timestamp == gate - 1
    rounds.at(gate)
    refuses("round: gate is closed", rounds.round.place, MARKET, rounds.slot, 2, ASK, 0, 5, sender=prosumer)
    refuses("round: nothing to close", rounds.round.close, MARKET, prosumer, [1], sender=prosumer)


def test_place__tier__is_asked_of_the_guard(
    rounds: Rounds, prosumer: AccountAPI, round_owner: AccountAPI, guardian: AccountAPI
) -> None:
    terms = (*TERMS[:-2], 2, False)
    rounds.round.open_market((rounds.energy, E, True), (rounds.coin, 0, False), terms, sender=round_owner)
    order = (2, rounds.slot, 1, ASK, 0, 5)
    rounds.guard.set_tier(prosumer, 1, sender=guardian)
    refuses("round: tier is too low", rounds.round.place, *order, sender=prosumer)
    rounds.guard.set_tier(prosumer, 2, sender=guardian)

    rounds.round.place(*order, sender=prosumer)

    assert rounds.round.order_of(prosumer, 1).market == 2
    refuses("round: order of another market", rounds.round.close, MARKET, prosumer, [1], sender=prosumer)


def test_close__before_the_gate__gives_everything_back(
    rounds: Rounds, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """The only one, one in the middle and the last; only the owner may."""
    for n, lots in ((1, 5), (2, 6), (3, 7), (4, 8)):
        rounds.place(prosumer, n, ASK, 100, lots)
    refuses("round: nothing to close", rounds.round.close, MARKET, prosumer, [1, 2, 3, 4], sender=stranger)

    receipt = rounds.round.close(MARKET, prosumer, [2, 4, 99], sender=prosumer)

    assert [(log.n, log.paid, log.back, log.fee) for log in receipt.decode_logs(rounds.round.Closed)] == [
        (2, 0, 6, 0),
        (4, 0, 8, 0),
    ]
    assert rounds.free(prosumer) == (14 * LOT, 0)
    assert tuple(rounds.round.depth_of(MARKET, rounds.slot, 100)) == (0, 12)
    rounds.round.close(MARKET, prosumer, [1, 3, 1], sender=prosumer)
    assert tuple(rounds.round.depth_of(MARKET, rounds.slot, 100)) == (0, 0)
    assert rounds.round.order_of(prosumer, 1).lots == 0
    rounds.place(prosumer, 1, ASK, 100, 26)
    assert rounds.free(prosumer) == (0, 0)


def test_leave__one_call__is_out(rounds: Rounds, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    rounds.place(prosumer, 1, ASK, 100, 5)
    rounds.place(prosumer, 2, BID, 90, 6)

    receipt = rounds.round.leave(MARKET, [1, 2, 3], stranger, sender=prosumer)

    assert [(log.quote, log.amount, log.receiver) for log in receipt.decode_logs(rounds.round.Withdrawn)] == [
        (False, 5 * LOT, stranger),
        (True, 6 * price(90), stranger),
    ]
    assert rounds.holding(stranger) == (5 * LOT, 6 * price(90))
    assert rounds.holding(rounds.round) == (0, 0)
    refuses("round: nothing to withdraw", rounds.round.leave, MARKET, [1], stranger, sender=prosumer)


def test_withdraw(rounds: Rounds, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    rounds.place(prosumer, 1, ASK, 100, 5)
    rounds.round.close(MARKET, prosumer, [1], sender=prosumer)
    withdraw = rounds.round.withdraw

    (log,) = withdraw(MARKET, False, 2 * LOT, stranger, sender=prosumer).decode_logs(rounds.round.Withdrawn)

    assert (log.owner, log.receiver, log.quote, log.amount) == (prosumer, stranger, False, 2 * LOT)
    assert rounds.free(prosumer) == (3 * LOT, 0)
    assert rounds.holding(stranger) == (2 * LOT, 0)
    refuses("round: balance is too low", withdraw, MARKET, False, 3 * LOT + 1, stranger, sender=prosumer)
    refuses("round: balance is too low", withdraw, MARKET, True, 1, stranger, sender=prosumer)
    refuses("round: no such market", withdraw, 2, True, 0, stranger, sender=prosumer)


def test_close__more_than_a_balance_holds__leaves_instead(
    rounds: Rounds, prosumer: AccountAPI, round_owner: AccountAPI
) -> None:
    """Prices far beyond any coin: a balance ends at 96 bits, and the way out does not."""
    dear = (0, 18, 2**40 - 1, 0, 1, GATE, WINDOW, 0, False)
    rounds.round.open_market((rounds.energy, E, True), (rounds.coin, 0, False), dear, sender=round_owner)
    cost = (2**40 - 1) * 10**18
    rounds.coin.give(prosumer, cost, sender=round_owner)
    rounds.coin.approve(rounds.round, cost, sender=prosumer)
    rounds.round.place(2, rounds.slot, 1, BID, 0, 1, sender=prosumer)
    refuses("round: balance is too large", rounds.round.close, 2, prosumer, [1], sender=prosumer)

    rounds.round.leave(2, [1], prosumer, sender=prosumer)

    assert rounds.coin.balanceOf(prosumer) == COIN + cost


@pytest.mark.parametrize("asked", [False, True])
def test_receive__without_an_order__reverts(rounds: Rounds, prosumer: AccountAPI, asked: bool) -> None:
    """Energy that is sent is refused; so is whoever pretends to be the token."""
    if asked:
        refuses("round: use place", rounds.round.onERC1155Received, rounds.round, prosumer, E, 1, b"", sender=prosumer)
    else:
        args = (prosumer, rounds.round, E, 1, b"")
        refuses("round: use place", rounds.energy.safeTransferFrom, *args, sender=prosumer)
    assert rounds.round.supportsInterface("0x4e2312e0")
    assert not rounds.round.supportsInterface("0xffffffff")
