# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.claim: a proof of a register settles everything since the last time, once, for its owner."""

from dataclasses import replace

import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import (
    BARN,
    KWH,
    ROOF,
    SLOT_ALLOWANCE,
    ZERO,
    E,
    H,
    House,
    other_leaf,
    refuses,
    reserve_of,
)

ENERGY = 1_234_567_891  # µWh; odd, so that the reserve is rounded


def test_claim(house: House, prosumer: AccountAPI, relayer: AccountAPI) -> None:
    """Anybody brings the proof; the owner gets all but the reserve; every book agrees."""
    published = house.publish({ROOF: ENERGY, BARN: KWH})

    receipt = house.claim(published, ROOF)

    kept = reserve_of(0, ENERGY)
    (minted,) = receipt.decode_logs(house.on.treasury.Minted)
    assert (minted.utility, minted.station, minted.owner, minted.tenure) == (E, ROOF, prosumer, 1)
    assert (minted.from_register, minted.to_register) == (0, ENERGY)
    assert (minted.to_owner, minted.reserve) == (ENERGY - kept, kept)
    assert (minted.slot, minted.token_id, minted.mode) == (published.content.slot, E, 1)
    (transfer,) = receipt.decode_logs(house.on.token.TransferSingle)
    assert (transfer._operator, transfer._from, transfer._to) == (house.on.treasury, ZERO, prosumer)
    assert (transfer._id, transfer._value) == (E, ENERGY - kept)
    assert receipt.return_value == ENERGY
    assert house.on.token.balanceOf(prosumer, E) == ENERGY - kept
    assert house.on.token.balanceOf(relayer, E) == 0
    assert house.on.token.total_supply(E) == ENERGY - kept == house.on.treasury.issued(E)
    assert house.on.treasury.minted(E) == ENERGY
    assert house.on.treasury.reserve(E) == kept
    settled = house.on.treasury.settled(E, ROOF, 1)
    assert (settled.register, settled.rated_w, settled.at) == (ENERGY, 10_000, house.now)


def test_claim__again__mints_nothing(house: House, prosumer: AccountAPI) -> None:
    """A repetition neither reverts nor mints nor logs."""
    published = house.publish({ROOF: ENERGY})
    house.claim(published, ROOF)
    before = house.on.token.balanceOf(prosumer, E)

    receipt = house.claim(published, ROOF)

    assert receipt.return_value == 0
    assert list(receipt.events) == []
    assert house.on.token.balanceOf(prosumer, E) == before
    assert house.on.treasury.minted(E) == ENERGY


def test_claim__many_slots_at_once(house: House, prosumer: AccountAPI) -> None:
    """The newest leaf settles what three slots added; the reserve is that of the whole stretch."""
    house.publish({ROOF: 333})
    house.publish({ROOF: 334})
    newest = house.publish({ROOF: 335})

    assert house.claim(newest, ROOF).return_value == 1_002

    assert house.on.token.balanceOf(prosumer, E) == 1_002 - reserve_of(0, 1_002)


def test_claim__reserve_is_the_same_for_any_split(house: House) -> None:
    """Floors of registers telescope: three claims keep what one would have kept."""
    for energy in (333, 334, 335):
        house.claim(house.publish({ROOF: energy, BARN: 0}), ROOF)
    assert house.on.treasury.reserve(E) == reserve_of(0, 1_002) == 20


def test_claim__older_report__still_counts(house: House) -> None:
    """A proof against an earlier report of the ring settles up to that report."""
    older = house.publish({ROOF: KWH})
    newer = house.publish({ROOF: KWH})

    assert house.claim(older, ROOF).return_value == KWH
    assert house.claim(newer, ROOF).return_value == KWH
    assert house.claim(older, ROOF).return_value == 0


def test_claim__somebody_elses_leaf__pays_its_owner(
    house: House, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """A stranger who claims pays the gas and the owner is paid."""
    published = house.publish({ROOF: KWH, BARN: KWH})

    house.on.treasury.claim(*published.shown(BARN), sender=stranger)

    assert house.on.token.balanceOf(neighbour, E) == KWH - reserve_of(0, KWH)
    assert house.on.token.balanceOf(stranger, E) == house.on.token.balanceOf(prosumer, E) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"owner": bytes(19) + b"\x01"},
        {"mintable": 2 * KWH},
        {"measured": 2 * KWH},
        {"tenure": 2},
        {"energy": 1},
        {"quality": 1},
        {"profile_hash": bytes(32)},
        {"station": BARN},
    ],
    ids=lambda change: next(iter(change)),
)
def test_claim__changed_leaf__reverts(house: House, stranger: AccountAPI, change: dict[str, object]) -> None:
    """Every field of a leaf is bound by the root."""
    published = house.publish({ROOF: KWH, BARN: 3 * KWH})
    _, index, proof = published.shown(ROOF)

    refuses(
        "treasury: leaf not in the report",
        house.on.treasury.claim,
        other_leaf(published.leaves[index], **change),
        index,
        proof,
        sender=stranger,
    )


def test_claim__wrong_index_or_proof__reverts(house: House, stranger: AccountAPI) -> None:
    """One leaf has one place: another index, an index beyond the tree, and a shortened proof are refused."""
    published = house.publish({ROOF: KWH})
    leaf, index, proof = published.shown(ROOF)

    refuses("treasury: leaf not in the report", house.on.treasury.claim, leaf, index ^ 1, proof, sender=stranger)
    refuses("merkle_tree: index beyond the tree", house.on.treasury.claim, leaf, index + 2, proof, sender=stranger)
    refuses("treasury: leaf not in the report", house.on.treasury.claim, leaf, 0, [], sender=stranger)


def test_claim__slot_without_report__reverts(house: House, stranger: AccountAPI) -> None:
    """A leaf that names a later slot, a skipped one, or one before the ring has no root to stand on."""
    published = house.publish({ROOF: KWH})
    _, index, proof = published.shown(ROOF)
    leaf = published.leaves[index]

    refuses(
        "treasury: no such report",
        house.on.treasury.claim,
        other_leaf(leaf, slot=leaf.slot + 1),
        index,
        proof,
        sender=stranger,
    )
    refuses(
        "treasury: no such report",
        house.on.treasury.claim,
        other_leaf(leaf, slot=leaf.slot - 1),
        index,
        proof,
        sender=stranger,
    )
    refuses(
        "treasury: no such report",
        house.on.treasury.claim,
        other_leaf(leaf, slot=leaf.slot - 128),
        index,
        proof,
        sender=stranger,
    )


def test_claim__direct_utility__reverts(house: House, stranger: AccountAPI) -> None:
    """A directly paid utility keeps no root: what was paid with its report cannot be claimed again (hole 1)."""
    slot = house.next_slot()
    published = house.draft(house.leaves({ROOF: KWH}, utility=H, slot=slot), utility=H)
    house.pay(published)

    refuses("treasury: no such report", house.on.treasury.claim, *published.shown(ROOF), sender=stranger)


def test_claim__before_valid_from__reverts(house: House) -> None:
    """A report that declares older roots dead kills claims against them for ever; the newest leaf settles all the same."""
    older = house.publish({ROOF: KWH})
    slot = house.next_slot()
    newer = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot), valid_from=slot)
    house.bring(newer.content)

    refuses("treasury: no such report", house.on.treasury.claim, *older.shown(ROOF), sender=house.relayer)
    house.publish({}, valid_from=0)
    assert house.on.oracle.valid_from(E) == slot
    refuses("treasury: no such report", house.on.treasury.claim, *older.shown(ROOF), sender=house.relayer)
    assert house.claim(newer, ROOF).return_value == 2 * KWH


def test_claim__over_the_oracles_total__reverts(house: House) -> None:
    """A wrong leaf inside a signed root cannot mint more than the signed total (hole 2)."""
    slot = house.next_slot()
    honest = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot))
    swollen = [replace(leaf, mintable=KWH + 1) if leaf.station == ROOF else leaf for leaf in honest.leaves]
    lying = replace(house.draft(swollen), content=replace(house.draft(swollen).content, increase=KWH, total=KWH))
    house.bring(lying.content)

    refuses("treasury: more than the oracle signed", house.on.treasury.claim, *lying.shown(ROOF), sender=house.relayer)


def test_claim__faster_than_the_rating__is_left_for_later(house: House, prosumer: AccountAPI) -> None:
    """A leaf that outruns its station's rating takes no more than the rating, and the rest when time has passed."""
    slot = house.next_slot()
    # The grid's ceiling lets the roof alone bring what roof and barn together could have made.
    published = house.draft(house.leaves({ROOF: 3 * SLOT_ALLOWANCE}, utility=E, slot=slot))
    house.bring(published.content)
    since = house.on.registry.tenure_of(ROOF, 1).since

    first = house.claim(published, ROOF).return_value
    allowed = (house.now - since) * 10_000 * 3_125 // 9
    assert first == allowed < 3 * SLOT_ALLOWANCE
    assert house.on.treasury.settled(E, ROOF, 1).allowance == 0

    house.wait(900)
    second = house.claim(published, ROOF).return_value
    assert first + second == min(3 * SLOT_ALLOWANCE, (house.now - since) * 10_000 * 3_125 // 9)
    assert house.settled(ROOF) == first + second
    assert house.on.token.balanceOf(prosumer, E) == first + second - reserve_of(0, first + second)


def test_claim__a_month_late__settles_in_full(house: House) -> None:
    """A station that was offline for 30 days is settled by one claim."""
    energy = 30 * 96 * SLOT_ALLOWANCE
    house.wait(30 * 86_400)

    assert house.claim(house.publish({ROOF: energy}), ROOF).return_value == energy


def test_claim__unknown_tenure__reverts(house: House, stranger: AccountAPI) -> None:
    """A leaf of a station or a tenure that the Registry does not know mints nothing, whoever signed it."""
    house.join(ROOF, stranger, tenure=2)
    slot = house.next_slot()
    house.tenures[E, ROOF, 2].mintable = KWH
    published = house.draft(house.leaves({}, utility=E, slot=slot))
    house.bring(published.content)

    refuses("treasury: unknown tenure", house.on.treasury.claim, *published.shown(ROOF, 2), sender=house.relayer)


def test_claim__paused__reverts(house: House, pause, guardian: AccountAPI, owner: AccountAPI) -> None:
    """A stop refuses claims, and nothing is lost by it."""
    published = house.publish({ROOF: KWH})
    pause(house.on.treasury)

    refuses("treasury: paused", house.on.treasury.claim, *published.shown(ROOF), sender=house.relayer)
    refuses("ownable: caller is not the owner", house.on.guard.unpause, house.on.treasury, sender=guardian)
    house.on.guard.unpause(house.on.treasury, sender=owner)
    assert house.claim(published, ROOF).return_value == KWH


def test_claim__frozen_owner__is_paid(house: House, guardian: AccountAPI, prosumer: AccountAPI) -> None:
    """A freeze stops transfers, never what was metered."""
    published = house.publish({ROOF: KWH})
    house.on.guard.freeze(prosumer, sender=guardian)

    house.claim(published, ROOF)

    assert house.on.token.balanceOf(prosumer, E) == KWH - reserve_of(0, KWH)


def test_claim__willing_contract_without_gas__reverts(
    house: House, registrar: AccountAPI, stranger: AccountAPI
) -> None:
    """Whoever brings a claim cannot starve a willing receiver into `pending`."""
    receiver = stranger.deploy(container("AcceptingReceiver"))
    house.on.registry.register_station(77, receiver, 10_000, 1, True, sender=registrar)
    house.join(77, receiver)
    published = house.publish({77: KWH})

    refuses(
        "treasury: too little gas for the receiver",
        house.on.treasury.claim,
        *published.shown(77),
        sender=stranger,
        gas=230_000,
    )
    house.claim(published, 77)
    assert house.on.token.balanceOf(receiver, E) == KWH - reserve_of(0, KWH)
    assert house.on.treasury.pending(receiver, E) == 0
    assert (receiver.operator(), receiver.sender(), receiver.id()) == (house.on.treasury, ZERO, E)
