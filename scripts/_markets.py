# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The markets of the book and of the rounds: those that a configuration lists, and those that are open. A market's terms are fixed
for ever, so other terms for a pair are another market.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts._house import House
from scripts._market import UTILITIES, Listing, RoundPart


@dataclass(frozen=True, slots=True)
class Venue:
    """A contract with numbered markets: who holds their assets, by which getter, and what their terms are called."""

    name: str
    holder: str
    getter: str
    terms: tuple[str, ...]


_SCALE = ("lot_exp", "tick_exp", "base_price")
BOOK = Venue("OrderBook", "Vault", "asset", (*_SCALE, "maker_bps", "taker_bps", "min_lots"))
ROUND = Venue("Round", "Round", "asset_of", (*_SCALE, "fee_bps", "min_lots", "gate", "window", "tier"))


def unopened(house: House, venue: Venue, listed: Sequence[Listing | RoundPart]) -> Iterator[tuple[Any, ...]]:
    """Base, quote and terms of what is listed and not open yet."""
    known = [one[1:] for one in _open(house, venue)]
    for listing in listed:
        wanted = (asset(house, listing.base), asset(house, listing.quote), listing.terms)
        if wanted not in known:
            yield (*wanted[:2], *wanted[2])


def markets(house: House, venue: Venue) -> list[dict[str, Any]]:
    """The open markets as a deployment file records them; none if the contract is not deployed."""
    if venue.name not in house:
        return []
    return [
        {
            "number": number,
            "base": asset_name(house, base),
            "quote": asset_name(house, quote),
            **dict(zip(venue.terms, terms, strict=True)),
        }
        for number, base, quote, terms in _open(house, venue)
    ]


def asset(house: House, name: str) -> tuple[str, int, bool]:
    """What a name of a listing stands for, as the Vault has it: token, id, whether it is an ERC-1155."""
    return (
        (house.address("EnergyToken"), UTILITIES[name], True) if name in UTILITIES else (house.address(name), 0, False)
    )


def asset_name(house: House, held: tuple[str, int, bool]) -> str:
    """A utility's code or a coin's name; the token and the id of anything else."""
    token, number, _ = held
    if token == house.address("EnergyToken"):
        return next((name for name, code in UTILITIES.items() if code == number), f"EnergyToken#{number}")
    return house.name_of(token)


def _open(house: House, venue: Venue) -> Iterator[tuple[int, Any, Any, tuple[Any, ...]]]:
    for number in range(1, house.read(venue.name, "market_count") + 1):
        terms = house.read(venue.name, "market_of", number)
        sides = [house.read(venue.holder, venue.getter, number, quote) for quote in (False, True)]
        base, quote = ((side["token"], side["id"], side["erc1155"]) for side in sides)
        yield number, base, quote, tuple(terms[name] for name in venue.terms)
