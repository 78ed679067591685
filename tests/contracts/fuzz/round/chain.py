# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds on a fresh chain: two markets with gates, lots and fees of their own, and traders who approved them."""

import boa

from bench.contracts import artifact
from tests.contracts.fuzz.round.twin import Rounds, Terms
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, PEOPLE, START, TREASURY, Contract

MARKETS = {
    1: Terms(lot_exp=6, tick_exp=9, base_price=1_000, fee_bps=17, min_lots=2, gate=900, window=600, tier=0),
    2: Terms(lot_exp=0, tick_exp=0, base_price=1, fee_bps=100, min_lots=1, gate=1_799, window=43_200, tier=2),
}
IDS = {1: 1, 2: 4}  # a class of utility each, and a money each
FORTUNE = 10**24
TRADERS = PEOPLE[:3]


class Chain:
    """Everything deployed. The TREASURY's address mints energy here. Before the first call nobody has anything inside."""

    def __init__(self, fortune: int = FORTUNE) -> None:
        boa.env.timestamp = START
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.energy = Contract(artifact("EnergyToken"), TREASURY, self.guard.address, "", sender=OWNER)
        self.money = {market: Contract(artifact("FuzzMoney"), sender=OWNER) for market in MARKETS}
        self.round = Contract(artifact("Round"), self.guard.address, BENEFICIARY, sender=OWNER)
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        for market, terms in MARKETS.items():
            base = (self.energy.address, IDS[market], True)
            quote = (self.money[market].address, 0, False)
            words = (terms.lot_exp, terms.tick_exp, terms.base_price, terms.fee_bps, terms.min_lots)
            self.round.must(
                "open_market", base, quote, (*words, terms.gate, terms.window, terms.tier, False), sender=OWNER
            )
            for trader in TRADERS:
                self.energy.must("mint", trader, IDS[market], fortune, sender=TREASURY)
                self.money[market].must("mint", trader, fortune, sender=OWNER)
                self.money[market].must("approve", self.round.address, 2**256 - 1, sender=trader)
        for trader in TRADERS:
            self.energy.must("setApprovalForAll", self.round.address, True, sender=trader)
            self.guard.must("set_tier", trader, 2, sender=GUARDIAN)
        self.fortune = fortune

    def twin(self) -> Rounds:
        """The Python half of what was just deployed."""
        twin = Rounds(MARKETS, now=START)
        for trader in TRADERS:
            twin.tiers[trader] = 2
            for market in MARKETS:
                for quote in (False, True):
                    twin.wallet[market, quote, trader] = self.fortune
        return twin

    def wallet(self, market: int, owner: bytes, *, quote: bool) -> int:
        """What somebody has outside, or the Round has."""
        if quote:
            return int(self.money[market].view("balanceOf", owner))
        return int(self.energy.view("balanceOf", owner, IDS[market]))
