# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates.issue: ranges of the measured register, proved by a leaf, settled, and no Wh twice."""

import json
from dataclasses import replace

import pytest
from ape.api import AccountAPI

from tests.contracts.certificates import LIFETIME, PENDING, WH, Desk, certificate_id
from tests.contracts.house import BARN, KWH, ROOF, SLOT, ZERO, E, H, leaf_args, refuses


def test_issue(desk: Desk, prosumer: AccountAPI) -> None:
    """The owner gets whole Wh, PENDING; log, balance, supply, record and metadata agree."""
    since = desk.house.on.registry.tenure_of(ROOF, 1).since
    published = desk.metered(KWH)
    slot = published.content.slot

    receipt = desk.on.issue([desk.ask(published, 0, 1_000)], sender=prosumer)

    made = certificate_id(ROOF, 0)
    assert receipt.return_value == [made]
    (issued,) = receipt.decode_logs(desk.on.Issued)
    assert (issued.id, issued.station, issued.owner, issued.utility, issued.tenure) == (made, ROOF, prosumer, E, 1)
    assert (issued.from_wh, issued.to_wh, issued.slot) == (0, 1_000, slot)
    assert issued.leaf_hash == published.leaves[0].hash()
    (transfer,) = receipt.decode_logs(desk.on.TransferSingle)
    assert (transfer._operator, transfer._from, transfer._to) == (prosumer, ZERO, prosumer)
    assert (transfer._id, transfer._value) == (made, 1_000)
    assert desk.on.balanceOf(prosumer, made) == desk.on.total_supply(made) == 1_000
    assert desk.on.certified(E, ROOF, 1) == 1_000
    told = desk.on.certificate(made)
    assert (told.origin, told.utility, told.station, told.tenure, told.kind) == (made, E, ROOF, 1, 1)
    assert (told.technology, told.from_wh, told.to_wh, told.state) == ("photovoltaic", 0, 1_000, PENDING)
    assert (told.metered_from, told.metered_until) == (since, (slot + 1) * SLOT)
    assert (told.issued_at, told.expires_at) == (desk.house.now, (slot + 1) * SLOT + LIFETIME)
    assert told.validator == ZERO
    head, _, body = desk.on.uri(made).partition(",")
    assert head == "data:application/json;utf8"
    assert json.loads(body) == {
        "name": "Renewable energy certificate",
        "decimals": 0,
        "utility": E,
        "station": str(ROOF),
        "tenure": 1,
        "technology": "photovoltaic",
        "from_wh": 0,
        "to_wh": 1_000,
        "metered_from": since,
        "metered_until": (slot + 1) * SLOT,
        "expires_at": (slot + 1) * SLOT + LIFETIME,
        "state": PENDING,
    }


def test_issue__remainder__is_carried(desk: Desk, prosumer: AccountAPI) -> None:
    """Half a Wh is no certificate; with the next half it is one."""
    first = desk.metered(3 * WH // 2)
    refuses("certificates: more than was measured", desk.on.issue, [desk.ask(first, 0, 2)], sender=prosumer)
    desk.on.issue([desk.ask(first, 0, 1)], sender=prosumer)

    second = desk.metered(3 * WH // 2)

    assert desk.on.issue([desk.ask(second, 1, 3)], sender=prosumer).return_value == [certificate_id(ROOF, 1)]
    assert desk.on.total_supply(certificate_id(ROOF, 1)) == 2


def test_issue__slot_by_slot__each_says_its_quarter_hour(desk: Desk, prosumer: AccountAPI) -> None:
    """A register that was certified in full after one slot was metered later from then on."""
    first, second = desk.metered(10 * WH), desk.metered(20 * WH)

    desk.on.issue([desk.ask(first, 0, 10), desk.ask(second, 10, 25), desk.ask(second, 25, 30)], sender=prosumer)

    ends = [(published.content.slot + 1) * SLOT for published in (first, second)]
    for start in (10, 25):
        told = desk.on.certificate(certificate_id(ROOF, start))
        assert (told.metered_from, told.metered_until) == (ends[0], ends[1])


@pytest.mark.parametrize("count", [1, 3, 16])
def test_issue__several__none_is_forgotten(desk: Desk, prosumer: AccountAPI, count: int) -> None:
    """Origin's batchIssue ran one past the end, always reverted, and gave every certificate the same number."""
    published = desk.metered(KWH)

    ids = desk.on.issue([desk.ask(published, i, i + 1) for i in range(count)], sender=prosumer).return_value

    assert ids == [certificate_id(ROOF, i) for i in range(count)]
    assert [desk.on.balanceOf(prosumer, made) for made in ids] == [1] * count
    assert desk.on.certified(E, ROOF, 1) == count


def test_issue__one_of_several_is_wrong__none_is_issued(desk: Desk, prosumer: AccountAPI) -> None:
    """Two ranges that overlap inside one call are refused like two calls."""
    published = desk.metered(KWH)
    refuses(
        "certificates: certified already",
        desk.on.issue,
        [desk.ask(published, 0, 500), desk.ask(published, 499, 600)],
        sender=prosumer,
    )
    assert desk.on.certified(E, ROOF, 1) == 0


def test_issue__same_energy_again__reverts(desk: Desk, prosumer: AccountAPI) -> None:
    """FEA took the same issuance twice and Origin added to a certificate without a cap: no range, no part of one, and no
    other proof of it counts again, whatever became of the certificate."""
    published = desk.metered(KWH)
    desk.on.issue([desk.ask(published, 100, 600)], sender=prosumer)
    newer = desk.metered(KWH)
    desk.on.revoke(certificate_id(ROOF, 100), "made up", sender=desk.validator)

    for proof in (published, newer):
        for start, end in ((100, 600), (599, 700), (0, 100), (0, 601), (100, 101)):
            refuses("certificates: certified already", desk.on.issue, [desk.ask(proof, start, end)], sender=prosumer)
    refuses("certificates: empty range", desk.on.issue, [desk.ask(newer, 600, 600)], sender=prosumer)
    refuses("certificates: more than was measured", desk.on.issue, [desk.ask(published, 600, 1_001)], sender=prosumer)
    desk.on.issue([desk.ask(newer, 600, 2_000)], sender=prosumer)
    assert desk.on.certified(E, ROOF, 1) == 2_000


def test_issue__estimated_energy__is_not_certified(desk: Desk, prosumer: AccountAPI) -> None:
    """Tokens follow `mintable`, certificates `measured` (hole 13)."""
    slot = desk.house.next_slot()
    leaves = desk.house.leaves({ROOF: KWH}, utility=E, slot=slot)
    published = desk.house.draft([replace(leaf, measured=leaf.measured * 4 // 5) for leaf in leaves])
    desk.house.bring(published.content)
    desk.house.claim(published, ROOF)

    refuses("certificates: more than was measured", desk.on.issue, [desk.ask(published, 0, 801)], sender=prosumer)
    desk.on.issue([desk.ask(published, 0, 800)], sender=prosumer)
    assert desk.house.settled(ROOF) == KWH


def test_issue__not_settled__reverts(desk: Desk, prosumer: AccountAPI) -> None:
    """What did not become tokens has no certificate (hole 12): not before a claim, nor beyond it."""
    first = desk.house.publish({ROOF: KWH})
    refuses("certificates: more than is settled", desk.on.issue, [desk.ask(first, 0, 1)], sender=prosumer)
    desk.house.claim(first, ROOF)
    second = desk.house.publish({ROOF: KWH})

    refuses("certificates: more than is settled", desk.on.issue, [desk.ask(second, 0, 1_001)], sender=prosumer)
    desk.on.issue([desk.ask(second, 0, 1_000)], sender=prosumer)


def test_issue__skipped_range__is_lost(desk: Desk, prosumer: AccountAPI) -> None:
    """Certified only grows, so what was left out stays out (hole 14): therefore only the owner may issue."""
    published = desk.metered(KWH)
    desk.on.issue([desk.ask(published, 900, 1_000)], sender=prosumer)
    refuses("certificates: certified already", desk.on.issue, [desk.ask(published, 0, 900)], sender=prosumer)


def test_issue__somebody_else__reverts(
    desk: Desk, prosumer: AccountAPI, stranger: AccountAPI, relayer: AccountAPI
) -> None:
    """Only the leaf's owner, or whom it approved; the certificate is the owner's all the same."""
    published = desk.metered(KWH)
    asked = [desk.ask(published, 0, 10)]
    refuses("certificates: caller is not owner or approved", desk.on.issue, asked, sender=stranger)

    desk.on.setApprovalForAll(relayer, True, sender=prosumer)
    desk.on.issue(asked, sender=relayer)

    assert desk.on.balanceOf(prosumer, certificate_id(ROOF, 0)) == 10
    assert desk.on.balanceOf(relayer, certificate_id(ROOF, 0)) == 0


def test_issue__leaf_of_another_owner__reverts(desk: Desk, stranger: AccountAPI) -> None:
    """A quorum that signs a false owner cannot give the attribute away: the Registry is asked as well."""
    desk.house.join(ROOF, stranger)
    published = desk.metered(KWH)
    refuses("certificates: not the tenure's owner", desk.on.issue, [desk.ask(published, 0, 1)], sender=stranger)


def test_issue__changed_leaf_or_proof__reverts(desk: Desk, prosumer: AccountAPI) -> None:
    """Every number that counts is bound by the root, and there has to be a report."""
    published = desk.metered(KWH)
    _, index, proof = published.shown(ROOF)
    leaf = published.leaves[index]
    other = "certificates: leaf not in the report"
    for change in ({"measured": 2 * KWH}, {"tenure": 2}, {"station": BARN}, {"quality": 1}):
        shown = leaf_args(replace(leaf, **change))
        refuses(other, desk.on.issue, [(shown, index, proof, 0, 1)], sender=prosumer)
    refuses(other, desk.on.issue, [(leaf_args(leaf), index ^ 1, proof, 0, 1)], sender=prosumer)
    refuses(
        "merkle_tree: index beyond the tree",
        desk.on.issue,
        [(leaf_args(leaf), index + 2, proof, 0, 1)],
        sender=prosumer,
    )
    later = leaf_args(replace(leaf, slot=leaf.slot + 1))
    refuses("certificates: no such report", desk.on.issue, [(later, index, proof, 0, 1)], sender=prosumer)
    heat = leaf_args(replace(leaf, utility=H))
    refuses("certificates: no such report", desk.on.issue, [(heat, index, proof, 0, 1)], sender=prosumer)


def test_issue__challenge_delay__reverts(desk: Desk, prosumer: AccountAPI, owner: AccountAPI) -> None:
    """A report that people may still stop is no proof yet."""
    first = desk.metered(KWH)
    desk.house.on.oracle.set_challenge_delay(900, sender=owner)
    second = desk.house.publish({ROOF: KWH})

    refuses("oracle: challenge delay is running", desk.on.issue, [desk.ask(second, 0, 1)], sender=prosumer)
    desk.house.wait(900)
    desk.on.issue([desk.ask(second, 0, 1_000)], sender=prosumer)
    assert first.content.slot < second.content.slot


def test_issue__storage_and_unknown_kinds__revert(
    desk: Desk, registrar: AccountAPI, owner: AccountAPI, neighbour: AccountAPI
) -> None:
    """FEA left storage open: what a battery delivers was metered before, so only kinds that were named are certified."""
    desk.house.on.registry.register_station(77, neighbour, 10_000, 7, True, sender=registrar)
    desk.house.join(77, neighbour)
    published = desk.house.publish({77: KWH})
    desk.house.claim(published, 77)
    asked = [desk.ask(published, 0, 10, station=77)]
    refuses("certificates: kind of plant is not certified", desk.on.issue, asked, sender=neighbour)

    desk.on.name_technology(H, 7, "of another utility", sender=owner)
    refuses("certificates: kind of plant is not certified", desk.on.issue, asked, sender=neighbour)

    desk.on.set_certifiable(E, 1, False, sender=owner)
    roof = desk.metered(KWH)
    refuses("certificates: kind of plant is not certified", desk.on.issue, [desk.ask(roof, 0, 1)], sender=desk.prosumer)
    desk.on.set_certifiable(E, 1, True, sender=owner)
    desk.on.issue([desk.ask(roof, 0, 1)], sender=desk.prosumer)


def test_issue__after_a_handover__each_tenure_has_its_own(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """The seller certifies what was metered before, the buyer begins at 0, and their ids differ."""
    desk.metered(KWH)
    registry = desk.house.on.registry
    registry.offer_station(ROOF, buyer, sender=prosumer)
    registry.accept_station(ROOF, sender=buyer)
    desk.house.join(ROOF, buyer, tenure=2)
    slot = desk.house.next_slot()
    published = desk.house.draft(desk.house.leaves({ROOF: KWH}, utility=E, slot=slot, tenure=2))
    desk.house.bring(published.content)
    desk.house.claim(published, ROOF, 2)

    desk.on.issue([desk.ask(published, 0, 1_000)], sender=prosumer)
    desk.on.issue([desk.ask(published, 0, 1_000, tenure=2)], sender=buyer)

    assert desk.on.balanceOf(prosumer, certificate_id(ROOF, 0)) == 1_000
    assert desk.on.balanceOf(buyer, certificate_id(ROOF, 0, tenure=2)) == 1_000
    refuses("certificates: caller is not owner or approved", desk.on.issue, [desk.ask(published, 0, 1)], sender=buyer)


def test_issue__stopped_or_frozen__reverts(
    desk: Desk, prosumer: AccountAPI, guardian: AccountAPI, owner: AccountAPI, pause
) -> None:
    """Nothing is lost by a stop or a freeze: a newer leaf proves the same register."""
    published = desk.metered(KWH)
    asked = [desk.ask(published, 0, 1)]
    guard = desk.house.on.guard
    guard.freeze(prosumer, sender=guardian)
    refuses("certificates: account is frozen", desk.on.issue, asked, sender=prosumer)
    guard.unfreeze(prosumer, sender=guardian)
    pause(desk.on)
    refuses("certificates: paused", desk.on.issue, asked, sender=prosumer)
    guard.unpause(desk.on, sender=owner)
    desk.on.issue(asked, sender=prosumer)


def test_issue__of_a_station_without_energy__reverts(desk: Desk, neighbour: AccountAPI) -> None:
    """Somebody else's energy does not count."""
    published = desk.metered(KWH)
    asked = [desk.ask(published, 0, 1, station=BARN)]
    refuses("certificates: more than was measured", desk.on.issue, asked, sender=neighbour)
