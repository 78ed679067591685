# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who trades: the owners of the built-in stations, market makers, households that consume, and traders. Twenty in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from greencore.accounts import FIRST_OWNER, FIRST_TRADER, account, private_key
from kit.ids import address_bytes

PROSUMERS = 3
MAKERS = 4
CONSUMERS = 9
TRADERS = 4


class Part(StrEnum):
    """What an actor is in the market for."""

    PROSUMER = "prosumers"
    MAKER = "makers"
    CONSUMER = "consumers"
    TRADER = "traders"


_OTHERS: Final = (Part.MAKER,) * MAKERS + (Part.CONSUMER,) * CONSUMERS + (Part.TRADER,) * TRADERS


@dataclass(frozen=True, slots=True)
class Actor:
    """One wallet. `index` is its account's place in the mnemonic, `number` its place among those of its part."""

    part: Part
    number: int
    index: int

    @property
    def name(self) -> str:
        """As `maker-2`."""
        return f"{self.part.value[:-1]}-{self.number + 1}"

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return address_bytes(account(self.index).address)

    @property
    def key(self) -> str:
        """The private key, worthless outside a development chain."""
        return private_key(self.index)


def cast() -> Sequence[Actor]:
    """All twenty, in the order of their accounts."""
    owners = [Actor(Part.PROSUMER, number, FIRST_OWNER + number) for number in range(PROSUMERS)]
    others = [Actor(part, place - _OTHERS.index(part), FIRST_TRADER + place) for place, part in enumerate(_OTHERS)]
    return owners + others
