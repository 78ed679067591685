# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.refresh_rating: the Registry's rating reaches the bucket of a tenure."""

from ape.api import AccountAPI

from tests.contracts.house import KWH, RATED_W, ROOF, E, House, refuses

DEPTH_SECONDS = 31 * 86_400


def fill(rated_w: int, seconds: int) -> int:
    """µWh that a rating fills in some time."""
    return rated_w * seconds * 3_125 // 9


def test_refresh_rating__raised(house: House, registrar: AccountAPI, stranger: AccountAPI) -> None:
    """Time before the refresh counts at the old rating, time after it at the new one."""
    house.claim(house.publish({ROOF: KWH}), ROOF)
    before = house.on.treasury.settled(E, ROOF, 1)
    house.on.registry.set_rating(ROOF, 10 * RATED_W, sender=registrar)
    house.wait(900)

    receipt = house.on.treasury.refresh_rating(ROOF, 1, sender=stranger)

    after = house.on.treasury.settled(E, ROOF, 1)
    (refreshed,) = receipt.decode_logs(house.on.treasury.RatingRefreshed)
    assert (refreshed.station, refreshed.tenure, refreshed.rated_w) == (ROOF, 1, 10 * RATED_W)
    assert after.allowance == before.allowance + fill(RATED_W, after.at - before.at)
    assert (after.rated_w, after.at, after.register) == (10 * RATED_W, house.now, KWH)


def test_refresh_rating__lowered__cuts_the_allowance(house: House, registrar: AccountAPI, stranger: AccountAPI) -> None:
    """A bucket never holds more than 31 days of the new rating."""
    house.wait(60 * 86_400)
    house.claim(house.publish({ROOF: KWH}), ROOF)
    house.on.registry.set_rating(ROOF, RATED_W // 10, sender=registrar)

    house.on.treasury.refresh_rating(ROOF, 1, sender=stranger)

    assert house.on.treasury.settled(E, ROOF, 1).allowance == fill(RATED_W // 10, DEPTH_SECONDS)


def test_refresh_rating__never_settled__changes_nothing(house: House, stranger: AccountAPI) -> None:
    """A tenure that never claimed has no bucket yet; its first claim reads the Registry."""
    house.on.treasury.refresh_rating(ROOF, 1, sender=stranger)

    assert house.on.treasury.settled(E, ROOF, 1).at == 0


def test_refresh_rating__unknown_tenure__reverts(house: House, stranger: AccountAPI) -> None:
    """Only what the Registry knows."""
    refuses("treasury: unknown tenure", house.on.treasury.refresh_rating, ROOF, 2, sender=stranger)
    refuses("treasury: unknown tenure", house.on.treasury.refresh_rating, 12345, 1, sender=stranger)
