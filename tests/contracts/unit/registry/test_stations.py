# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Registry: stations, ratings and the two-step handover."""

from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import BARN, RATED_W, ROOF, ZERO, House, refuses

SHED = 0x3333


def test_register_station(house: House, registrar: AccountAPI, buyer: AccountAPI) -> None:
    """The first tenure begins now, and the grid has grown."""
    before = house.on.registry.total_rated_w()

    receipt = house.on.registry.register_station(SHED, buyer, 5_000, 2, True, sender=registrar)

    (registered,) = receipt.decode_logs(house.on.registry.StationRegistered)
    assert (registered.station, registered.owner, registered.rated_w) == (SHED, buyer, 5_000)
    assert (registered.kind, registered.demo) == (2, True)
    station = house.on.registry.station_of(SHED)
    assert (station.owner, station.tenure, station.since) == (buyer, 1, house.now)
    assert (station.rated_w, station.kind, station.demo) == (5_000, 2, True)
    tenure = house.on.registry.tenure_of(SHED, 1)
    assert (tenure.owner, tenure.since, tenure.until, tenure.rated_w) == (buyer, house.now, 0, 5_000)
    assert house.on.registry.total_rated_w() == before + 5_000


def test_register_station__refusals__revert(house: House, registrar: AccountAPI, buyer: AccountAPI) -> None:
    """A station is entered once, by a registrar, with an owner and a believable rating."""
    register = house.on.registry.register_station
    refuses("registry: access is denied", register, SHED, buyer, 1, 1, True, sender=buyer)
    refuses("registry: station exists", register, ROOF, buyer, 1, 1, True, sender=registrar)
    refuses("registry: no station or no owner", register, 0, buyer, 1, 1, True, sender=registrar)
    refuses("registry: no station or no owner", register, SHED, ZERO, 1, 1, True, sender=registrar)
    refuses("registry: rating out of bounds", register, SHED, buyer, 0, 1, True, sender=registrar)
    refuses("registry: rating out of bounds", register, SHED, buyer, 10**12 + 1, 1, True, sender=registrar)


def test_register_station__demo_on_a_live_deployment__reverts(
    owner: AccountAPI, buyer: AccountAPI, house: House
) -> None:
    """Made-up readings can never be minted where real ones are, and the other way round."""
    live = owner.deploy(container("Registry"), True)
    live.set_registrar(owner, True, sender=owner)
    reason = "registry: demo stations belong to demo deployments, real ones to live ones"

    assert live.live()
    refuses(reason, live.register_station, SHED, buyer, 1, 1, True, sender=owner)
    live.register_station(SHED, buyer, 1, 1, False, sender=owner)
    house.on.registry.set_registrar(owner, True, sender=owner)
    refuses(reason, house.on.registry.register_station, SHED, buyer, 1, 1, False, sender=owner)


def test_set_rating(house: House, registrar: AccountAPI, prosumer: AccountAPI) -> None:
    """The present tenure and the grid follow; owner and beginning stay."""
    since = house.on.registry.tenure_of(ROOF, 1).since

    receipt = house.on.registry.set_rating(ROOF, 12_345, sender=registrar)

    (rated,) = receipt.decode_logs(house.on.registry.StationRated)
    assert (rated.station, rated.old, rated.new) == (ROOF, RATED_W, 12_345)
    tenure = house.on.registry.tenure_of(ROOF, 1)
    assert (tenure.owner, tenure.since, tenure.until, tenure.rated_w) == (prosumer, since, 0, 12_345)
    assert house.on.registry.total_rated_w() == RATED_W + 12_345


def test_set_rating__out_of_service_and_back(house: House, registrar: AccountAPI) -> None:
    """A rating of 0 takes a station out of the grid's sum and leaves it registered."""
    house.on.registry.set_rating(ROOF, 0, sender=registrar)
    assert house.on.registry.total_rated_w() == RATED_W
    house.on.registry.set_rating(ROOF, RATED_W, sender=registrar)
    assert house.on.registry.total_rated_w() == 2 * RATED_W


def test_set_rating__refusals__revert(house: House, registrar: AccountAPI, prosumer: AccountAPI) -> None:
    """An owner cannot raise a rating: it is the cap on the owner's minting."""
    refuses("registry: access is denied", house.on.registry.set_rating, ROOF, 1, sender=prosumer)
    refuses("registry: unknown station", house.on.registry.set_rating, SHED, 1, sender=registrar)
    refuses("registry: rating out of bounds", house.on.registry.set_rating, ROOF, 10**12 + 1, sender=registrar)


def test_handover(house: House, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Offered and accepted: one tenure ends and the next begins in the same second, with the same rating."""
    began = house.on.registry.tenure_of(ROOF, 1).since
    offered = house.on.registry.offer_station(ROOF, buyer, sender=prosumer)
    assert house.on.registry.offer_of(ROOF) == buyer
    assert house.on.registry.station_of(ROOF).owner == prosumer

    accepted = house.on.registry.accept_station(ROOF, sender=buyer)

    (offer,) = offered.decode_logs(house.on.registry.StationOffered)
    assert (offer.station, offer.sender, offer.receiver) == (ROOF, prosumer, buyer)
    (transfer,) = accepted.decode_logs(house.on.registry.StationTransferred)
    assert (transfer.station, transfer.tenure, transfer.sender, transfer.receiver) == (ROOF, 2, prosumer, buyer)
    station = house.on.registry.station_of(ROOF)
    assert (station.owner, station.tenure, station.since) == (buyer, 2, house.now)
    assert (station.rated_w, station.kind, station.demo) == (RATED_W, 1, True)
    first, second = house.on.registry.tenure_of(ROOF, 1), house.on.registry.tenure_of(ROOF, 2)
    assert (first.owner, first.since, first.until, first.rated_w) == (prosumer, began, house.now, RATED_W)
    assert (second.owner, second.since, second.until, second.rated_w) == (buyer, house.now, 0, RATED_W)
    assert house.on.registry.offer_of(ROOF) == ZERO
    assert house.on.registry.total_rated_w() == 2 * RATED_W


def test_handover__refusals__revert(
    house: House, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """Nobody gives what is not theirs, takes what is not offered, or takes it after the offer was withdrawn."""
    registry = house.on.registry
    mine = "registry: caller does not own the station"
    refuses(mine, registry.offer_station, ROOF, buyer, sender=neighbour)
    refuses(mine, registry.offer_station, SHED, buyer, sender=prosumer)
    refuses(mine, registry.withdraw_offer, ROOF, sender=neighbour)
    refuses("registry: no offer", registry.withdraw_offer, ROOF, sender=prosumer)
    refuses("registry: offer to nobody or to oneself", registry.offer_station, ROOF, ZERO, sender=prosumer)
    refuses("registry: offer to nobody or to oneself", registry.offer_station, ROOF, prosumer, sender=prosumer)
    refuses("registry: not offered to the caller", registry.accept_station, ROOF, sender=buyer)

    registry.offer_station(ROOF, buyer, sender=prosumer)
    refuses("registry: not offered to the caller", registry.accept_station, ROOF, sender=neighbour)
    refuses("registry: not offered to the caller", registry.accept_station, BARN, sender=buyer)
    receipt = registry.withdraw_offer(ROOF, sender=prosumer)
    (withdrawn,) = receipt.decode_logs(registry.StationOffered)
    assert withdrawn.receiver == ZERO
    refuses("registry: not offered to the caller", registry.accept_station, ROOF, sender=buyer)


def test_unknown__views_are_zero(house: House) -> None:
    """Views answer zero for what is not there."""
    assert house.on.registry.station_of(SHED).owner == ZERO
    assert house.on.registry.tenure_of(ROOF, 2).since == 0
    assert house.on.registry.tenure_of(ROOF, 0).owner == ZERO
    assert house.on.registry.meter_of(b"\x07" * 32).since == 0
