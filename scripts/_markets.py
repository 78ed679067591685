# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book's markets: those that a configuration lists, and those that are open. A market's terms are fixed for ever, so other
terms for a pair are another market.
"""

from collections.abc import Iterator
from typing import Any

from scripts._house import House
from scripts._market import UTILITIES, Market

TERMS = ("lot_exp", "tick_exp", "base_price", "maker_bps", "taker_bps", "min_lots")


def open_markets(house: House, market: Market) -> Iterator[tuple[Any, ...]]:
    """The arguments of OrderBook.open_market for what is listed and not open yet."""
    known = [(one["base_asset"], one["quote_asset"], one["terms"]) for one in _open(house)]
    for listing in market.markets:
        wanted = (asset(house, listing.base), asset(house, listing.quote), listing.terms)
        if wanted not in known:
            yield (*wanted[:2], *wanted[2])


def markets(house: House) -> list[dict[str, Any]]:
    """The open markets as a deployment file records them."""
    return [
        {
            "number": one["number"],
            "base": asset_name(house, one["base_asset"]),
            "quote": asset_name(house, one["quote_asset"]),
            **dict(zip(TERMS, one["terms"], strict=True)),
        }
        for one in _open(house)
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


def _open(house: House) -> Iterator[dict[str, Any]]:
    for number in range(1, house.read("OrderBook", "market_count") + 1):
        terms = house.read("OrderBook", "market_of", number)
        yield {
            "number": number,
            "base_asset": _asset(house, number, quote=False),
            "quote_asset": _asset(house, number, quote=True),
            "terms": tuple(terms[name] for name in TERMS),
        }


def _asset(house: House, number: int, *, quote: bool) -> tuple[str, int, bool]:
    held = house.read("Vault", "asset", number, quote)
    return held["token"], held["id"], held["erc1155"]
