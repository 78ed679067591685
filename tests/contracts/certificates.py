# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The certificates of the house under test: requests as `issue` takes them, and ids as the contract makes them."""

from dataclasses import dataclass
from typing import Any

from ape.api import AccountAPI
from ape.contracts import ContractInstance

from tests.contracts.house import ROOF, E, House, Published

WH = 1_000_000  # µWh
PENDING, VALID, RETIRED, REVOKED, EXPIRED = 1, 2, 3, 4, 5
LIFETIME = 60 * 86_400
PERIOD = (1_790_000_000, 1_790_086_400)


def certificate_id(station: int, start: int, *, part: int = 0, utility: int = E, tenure: int = 1) -> int:
    """The id of the certificate that begins at a Wh of a tenure's register."""
    return utility << 248 | station << 120 | tenure << 88 | start << 24 | part


def use(
    beneficiary: AccountAPI | str, *, name: str = "Mill Lane 4", purpose: str = "charging the bus"
) -> tuple[str, str, str, int, int]:
    """What a retirement says, as `retire` takes it."""
    return str(beneficiary), name, purpose, *PERIOD


@dataclass
class Desk:
    """A house with certificates, and the shortest way to each state."""

    house: House
    on: ContractInstance
    prosumer: AccountAPI
    validator: AccountAPI

    def ask(
        self, published: Published, start: int, end: int, *, station: int = ROOF, tenure: int = 1
    ) -> tuple[tuple[Any, ...], int, list[bytes], int, int]:
        """A request for the range [start, end) of a register in Wh."""
        return *published.shown(station, tenure), start, end

    def metered(self, energy: int) -> Published:
        """The roof makes energy, µWh, and it is settled."""
        published = self.house.publish({ROOF: energy})
        self.house.claim(published, ROOF)
        return published

    def issued(self, wh: int = 1_000) -> int:
        """A PENDING certificate of the roof's next Wh; what was left over stands before them."""
        published = self.metered(wh * WH)
        start = int(self.on.certified(E, ROOF, 1))
        self.on.issue([self.ask(published, start, start + wh)], sender=self.prosumer)
        return certificate_id(ROOF, start)

    def valid(self, wh: int = 1_000) -> int:
        """A VALID one."""
        made = self.issued(wh)
        self.on.validate([made], sender=self.validator)
        return made
