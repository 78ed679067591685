# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rates: what isn't electric energy has a ceiling and buckets of its own, and E never has."""

import pytest
from ape.api import AccountAPI

from tests.contracts.house import AGR, CLAIMED, KWH, RATED_W, ROOF, SLOT, E, House, refuses

TOKEN_AN_HOUR_W = 800
FILL = 3_125, 9  # µWh per W and second


def fill(watts: int, seconds: int) -> int:
    """Units that a rate lets be made."""
    return watts * seconds * FILL[0] // FILL[1]


@pytest.fixture
def packets(house: House, owner: AccountAPI, prosumer: AccountAPI) -> House:
    """A utility of its own rate: one token an hour for the roof, four for the grid and 1 % of the rated power."""
    house.on.oracle.set_rate(AGR, 4 * TOKEN_AN_HOUR_W, 10_000, sender=owner)
    house.on.treasury.set_rate(AGR, TOKEN_AN_HOUR_W, 0, sender=owner)
    house.on.oracle.open_utility(AGR, CLAIMED, sender=owner)
    house.join(ROOF, prosumer, utility=AGR)
    house.next_slot()
    return house


def test_fill__800_watts__is_one_token_an_hour() -> None:
    """What the documentation says of the unit."""
    assert fill(TOKEN_AN_HOUR_W, 3_600) == KWH


def test_ceiling__rate__base_and_share(packets: House) -> None:
    """Not the plants' power but the rate, and a report may bring that and no unit more."""
    slot = packets.next_slot()
    opened = packets.on.oracle.head(AGR).slot
    room = packets.on.oracle.ceiling(AGR, slot)
    assert room == fill(4 * TOKEN_AN_HOUR_W + 2 * RATED_W // 100, (slot - opened) * SLOT)

    leaves = packets.leaves({ROOF: room + 1}, utility=AGR, slot=slot)
    packets.tenures[AGR, ROOF, 1].mintable = 0
    signed = packets.sign(packets.draft(leaves, utility=AGR).content)
    refuses("oracle: more than the plants can make", packets.on.oracle.report, *signed.args, sender=packets.relayer)
    packets.publish({ROOF: room}, utility=AGR, slot=slot)
    assert packets.on.oracle.head(AGR).total == room


def test_claim__rate__cuts_what_the_rated_power_would_allow(packets: House) -> None:
    """The roof's 10 kW would let more be minted at once; its rate lets one token an hour since its tenure began."""
    since = packets.on.registry.tenure_of(ROOF, 1).since
    published = packets.publish({ROOF: packets.on.oracle.ceiling(AGR, packets.slot + 1)}, utility=AGR)

    packets.claim(published, ROOF)

    settled = packets.on.treasury.settled(AGR, ROOF, 1)
    assert settled.rated_w == TOKEN_AN_HOUR_W
    assert 0 < settled.register == fill(TOKEN_AN_HOUR_W, packets.now - since)


def test_refresh_rating__new_rate__reaches_the_bucket(packets: House, owner: AccountAPI) -> None:
    """A tenure that settled before keeps the old rate until somebody refreshes; E keeps the rated power."""
    packets.claim(packets.publish({ROOF: 1_000}, utility=AGR), ROOF)
    packets.claim(packets.publish({ROOF: 1_000}), ROOF)
    packets.on.treasury.set_rate(AGR, 5, 20_000, sender=owner)
    assert packets.on.treasury.settled(AGR, ROOF, 1).rated_w == TOKEN_AN_HOUR_W

    packets.on.treasury.refresh_rating(ROOF, 1, sender=packets.relayer)

    assert packets.on.treasury.settled(AGR, ROOF, 1).rated_w == 5 + RATED_W // 50
    assert packets.on.treasury.settled(E, ROOF, 1).rated_w == RATED_W


def test_set_rate__bad__reverts(house: House, owner: AccountAPI, stranger: AccountAPI) -> None:
    """E has none, nobody but the owner sets one, and a base ends at 1 TW."""
    for contract, name in ((house.on.oracle, "oracle"), (house.on.treasury, "treasury")):
        refuses(f"{name}: no rate for this utility", contract.set_rate, E, 1, 0, sender=owner)
        refuses(f"{name}: no rate for this utility", contract.set_rate, 10, 1, 0, sender=owner)
        refuses("rate: base out of bounds", contract.set_rate, AGR, 10**12 + 1, 0, sender=owner)
        refuses("ownable: caller is not the owner", contract.set_rate, AGR, 1, 0, sender=stranger)
        assert tuple(contract.rate_of(AGR)) == (False, 0, 0)
        receipt = contract.set_rate(AGR, 10**12, 2**32 - 1, sender=owner)
        (changed,) = receipt.decode_logs(contract.RateChanged)
        assert (changed.utility, changed.base_w, changed.share_ppm) == (AGR, 10**12, 2**32 - 1)
        assert tuple(contract.rate_of(AGR)) == (True, 10**12, 2**32 - 1)


def test_set_rate__after_opening__holds_from_the_next_report(house: House, owner: AccountAPI) -> None:
    """A rate of nothing stops a utility that is open."""
    house.on.oracle.open_utility(AGR, CLAIMED, sender=owner)
    house.on.oracle.set_rate(AGR, 0, 0, sender=owner)

    slot = house.next_slot()

    assert house.on.oracle.ceiling(AGR, slot) == 0
    assert house.on.oracle.mode_of(AGR) == CLAIMED
