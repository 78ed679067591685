# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Round: who opens, stops and resumes; what a stop and a freeze leave open."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import ZERO, E, refuses
from tests.contracts.unit.round.conftest import ASK, BID, LOT, MARKET, TERMS, Rounds


def test_open_market(rounds: Rounds, round_owner: AccountAPI, stranger: AccountAPI) -> None:
    base, quote = (rounds.energy, E, True), (rounds.coin, 0, False)
    assert tuple(rounds.round.market_of(MARKET)) == TERMS
    assert tuple(rounds.round.asset_of(MARKET, False)) == (rounds.energy, E, True)
    open_market = rounds.round.open_market
    refuses("ownable: caller is not the owner", open_market, base, quote, TERMS, sender=stranger)
    (opened,) = open_market(quote, base, TERMS, sender=round_owner).decode_logs(rounds.round.MarketOpened)
    assert (opened.market, opened.base[0], opened.quote[0]) == (2, rounds.coin, rounds.energy)
    assert rounds.round.market_count() == 2
    refuses("round: no such market", rounds.round.market_of, 3, sender=stranger)


def test_open_market__out_of_bounds__reverts(rounds: Rounds, round_owner: AccountAPI) -> None:
    base, quote = (rounds.energy, E, True), (rounds.coin, 0, False)
    names = ("lot_exp", "tick_exp", "base_price", "fee_bps", "min_lots", "gate", "window", "tier", "halted")
    for reason, changes in (
        ("round: lot out of bounds", {"lot_exp": 19}),
        ("round: tick out of bounds", {"tick_exp": 19}),
        ("round: fee out of bounds", {"fee_bps": 101}),
        ("round: price of nothing", {"base_price": 0}),
        ("round: too few lots", {"min_lots": 0}),
        ("round: gate out of bounds", {"gate": 0}),
        ("round: gate out of bounds", {"gate": 86_401}),
        ("round: window out of bounds", {"window": 0}),
        ("round: window out of bounds", {"window": 43_201}),
        ("round: opened halted", {"halted": True}),
    ):
        terms = tuple(changes.get(name, value) for name, value in zip(names, TERMS, strict=True))
        refuses(reason, rounds.round.open_market, base, quote, terms, sender=round_owner)
    for reason, one, other in (
        ("round: token has no code", (round_owner, E, True), quote),
        ("round: an ERC-20 has no ids", base, (rounds.coin, 1, False)),
        ("round: base is quote", base, base),
    ):
        refuses(reason, rounds.round.open_market, one, other, TERMS, sender=round_owner)


def test_deploy__no_beneficiary__reverts(rounds: Rounds, round_owner: AccountAPI, stranger: AccountAPI) -> None:
    setter = rounds.round.set_beneficiary
    refuses("round: beneficiary is the zero address", setter, ZERO, sender=round_owner)
    refuses("ownable: caller is not the owner", setter, stranger, sender=stranger)
    (log,) = setter(stranger, sender=round_owner).decode_logs(rounds.round.BeneficiaryChanged)
    assert (log.new, rounds.round.beneficiary()) == (stranger, stranger)
    assert len(container("Round").contract_type.runtime_bytecode.bytecode) // 2 - 1 <= 24_576


def test_halt__one_market__cancelling_goes_on(
    rounds: Rounds,
    prosumer: AccountAPI,
    guardian: AccountAPI,
    round_owner: AccountAPI,
    stranger: AccountAPI,
) -> None:
    rounds.place(prosumer, 1, ASK, 40, 20)
    refuses("round: access is denied", rounds.round.halt, MARKET, sender=stranger)
    rounds.round.halt(MARKET, sender=guardian)
    assert rounds.round.market_of(MARKET).halted
    refuses("round: halted", rounds.round.place, MARKET, rounds.slot, 2, ASK, 40, 20, sender=prosumer)
    refuses("round: halted", rounds.round.clear, MARKET, rounds.slot, 40, 20, 40, 40, sender=prosumer)
    rounds.round.leave(MARKET, [1], prosumer, sender=prosumer)
    refuses("ownable: caller is not the owner", rounds.round.resume, MARKET, sender=guardian)
    rounds.round.resume(MARKET, sender=round_owner)
    rounds.place(prosumer, 1, ASK, 40, 20)
    rounds.round.halt(MARKET, sender=round_owner)
    refuses("round: no such market", rounds.round.halt, 9, sender=round_owner)


def test_pause__everything__closing_goes_on(
    rounds: Rounds, prosumer: AccountAPI, guardian: AccountAPI, round_owner: AccountAPI
) -> None:
    rounds.place(prosumer, 1, ASK, 40, 20)
    refuses("round: access is denied", rounds.round.set_paused, True, sender=round_owner)
    rounds.guard.pause(rounds.round, sender=guardian)
    refuses("round: paused", rounds.round.place, MARKET, rounds.slot, 2, ASK, 40, 20, sender=prosumer)
    refuses("round: paused", rounds.round.leave, MARKET, [1], prosumer, sender=prosumer)
    rounds.round.close(MARKET, prosumer, [1], sender=prosumer)
    refuses("round: paused", rounds.round.withdraw, MARKET, False, LOT, prosumer, sender=prosumer)
    rounds.guard.unpause(rounds.round, sender=round_owner)
    rounds.round.withdraw(MARKET, False, 20 * LOT, prosumer, sender=prosumer)


def test_freeze__orders__anybody_takes_them_out(
    rounds: Rounds, prosumer: AccountAPI, guardian: AccountAPI, stranger: AccountAPI
) -> None:
    """What a frozen account had in a round goes into its balance and stays there; nothing of it trades."""
    rounds.place(prosumer, 1, ASK, 40, 20)
    refuses("round: nothing to close", rounds.round.close, MARKET, prosumer, [1], sender=stranger)
    rounds.guard.freeze(prosumer, sender=guardian)
    refuses("round: account is frozen", rounds.round.place, MARKET, rounds.slot, 2, BID, 1, 20, sender=prosumer)

    rounds.round.close(MARKET, prosumer, [1], sender=stranger)

    assert rounds.free(prosumer) == (20 * LOT, 0)
    for sender, to in ((prosumer, stranger), (stranger, prosumer)):
        refuses("round: account is frozen", rounds.round.withdraw, MARKET, False, 0, to, sender=sender)
        refuses("round: account is frozen", rounds.round.leave, MARKET, [], to, sender=sender)
    rounds.guard.unfreeze(prosumer, sender=guardian)
    rounds.round.leave(MARKET, [], prosumer, sender=prosumer)
