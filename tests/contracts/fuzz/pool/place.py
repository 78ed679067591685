# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A pool with its two tokens and its brake in a py-evm, and people who approved it."""

import boa

from bench.contracts import artifact
from tests.contracts.fuzz.world import BENEFICIARY, GUARDIAN, OWNER, PEOPLE, START, TREASURY, Contract

E = 1
LATE = 2**64
PLENTY = 2**255


class Place:
    """Everything deployed; `fund` gives people what they trade with. The TREASURY's address mints energy here."""

    def __init__(self, lp_bps: int = 25, treasury_bps: int = 5) -> None:
        boa.env.timestamp = START
        self.guard = Contract(artifact("Guard"), sender=OWNER)
        self.energy = Contract(artifact("EnergyToken"), TREASURY, self.guard.address, "", sender=OWNER)
        self.money = Contract(artifact("FuzzMoney"), sender=OWNER)
        self.pool = Contract(
            artifact("Pool"),
            self.energy.address,
            E,
            self.money.address,
            self.guard.address,
            BENEFICIARY,
            lp_bps,
            treasury_bps,
            "GreenCore E/GCM",
            "GC-E",
            sender=OWNER,
        )
        self.guard.must("set_guardian", GUARDIAN, True, sender=OWNER)
        for person in PEOPLE:
            self.energy.must("setApprovalForAll", self.pool.address, True, sender=person)
            self.money.must("approve", self.pool.address, 2**256 - 1, sender=person)

    def fund(self, person: bytes, energy: int, money: int) -> None:
        """Give somebody both."""
        self.energy.must("mint", person, E, energy, sender=TREASURY)
        self.money.must("mint", person, money, sender=OWNER)

    def add(self, person: bytes, energy: int, money: int) -> int:
        """Fund and add; the new shares."""
        self.fund(person, energy, money)
        return self.pool.must("add_liquidity", energy, money, 0, person, LATE, sender=person).number

    def holding(self, person: bytes) -> tuple[int, int]:
        """Energy and money of somebody."""
        return self.energy.view("balanceOf", person, E), self.money.view("balanceOf", person)
