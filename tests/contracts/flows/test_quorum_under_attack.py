# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The quorum with one liar in it, in the middle of a rotation, and taken over as a whole."""

from dataclasses import replace

from ape.api import AccountAPI

from tests.contracts.house import BARN, KWH, ROOF, SLOT_ALLOWANCE, E, House, addresses, node_keys, refuses


def test_one_liar__cannot_bring_a_report(house: House) -> None:
    """Three honest nodes sign one content, the liar another; only the honest one finds a quorum."""
    slot = house.slot
    honest = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    lie = replace(honest, increase=2 * KWH, total=2 * KWH)
    liar, *others = node_keys(4)

    refuses(
        "quorum: too few signatures", house.on.oracle.report, *house.sign(lie, by=[liar]).args, sender=house.relayer
    )
    mixed = house.sign(honest, by=others)
    forged = replace(mixed, signatures=[*house.sign(lie, by=[liar]).signatures, *mixed.signatures[2:]])
    refuses("quorum: not a signer, or not in order", house.on.oracle.report, *forged.args, sender=house.relayer)

    house.bring(honest, by=others)
    assert house.on.oracle.head(E).total == KWH


def test_one_equivocating_node__cannot_make_two_reports(house: House) -> None:
    """A node that signs both contents of a slot still needs two honest ones for each: of four, only one content gets three."""
    slot = house.slot
    one = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    other = replace(one, data_hash=bytes(32))
    both, a, b, c = node_keys(4)

    refuses(
        "quorum: too few signatures",
        house.on.oracle.report,
        *house.sign(other, by=[both, c]).args,
        sender=house.relayer,
    )
    house.bring(one, by=[both, a, b])
    late = house.sign(other, by=[both, a, c])
    refuses("oracle: slot is not after the last one", house.on.oracle.report, *late.args, sender=house.relayer)


def test_rotation_in_mid_slot(house: House, owner: AccountAPI) -> None:
    """Nodes signed under the old epoch when the set changes: the same content is signed again and the chain goes on (hole 7)."""
    house.publish({ROOF: KWH})
    slot = house.next_slot()
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    before_rotation = house.sign(content)
    fresh = node_keys(5, generation=2)
    house.on.oracle.rotate(addresses(fresh), 4, 1, slot, slot - 1, sender=owner)
    refuses("oracle: slot is after the signer set", house.on.oracle.report, *before_rotation.args, sender=house.relayer)

    house.bring(content, epoch=2, keys=fresh, by=fresh[:4])

    slot = house.next_slot()
    following = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot))
    house.bring(following.content, epoch=2, keys=fresh, by=fresh[1:])
    assert house.claim(following, ROOF).return_value == 3 * KWH


def test_rotation__overlap__either_set_may_sign(house: House, owner: AccountAPI) -> None:
    """While both windows hold a slot, the report of either set is fine, and only one of them is accepted."""
    slot = house.slot
    fresh = node_keys(4, generation=2)
    house.on.oracle.rotate(addresses(fresh), 3, 1, slot, slot + 10, sender=owner)
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    by_old = house.sign(content)
    house.bring(content, epoch=2, keys=fresh, by=fresh[:3])
    refuses("oracle: slot is not after the last one", house.on.oracle.report, *by_old.args, sender=house.relayer)

    slot = house.next_slot()
    house.bring(house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content)
    assert house.on.oracle.head(E).reports == 2


def test_whole_quorum_lies__bounded_until_the_guard_stops_it(
    house: House, guardian: AccountAPI, prosumer: AccountAPI
) -> None:
    """Every node signs energy out of nothing: a slot gains what the plants could make, a leaf what its plant could."""
    slot = house.slot
    slots = slot - house.on.oracle.head(E).slot
    possible = 2 * slots * SLOT_ALLOWANCE
    leaves = house.leaves({ROOF: possible + 1}, utility=E, slot=slot)
    refuses(
        "oracle: more than the plants can make",
        house.on.oracle.report,
        *house.sign(house.draft(leaves).content).args,
        sender=house.relayer,
    )
    lie = house.draft([replace(leaf, mintable=min(leaf.mintable, possible)) for leaf in leaves])
    house.bring(lie.content)

    stolen = house.claim(lie, ROOF).return_value

    since = house.on.registry.tenure_of(ROOF, 1).since
    assert stolen == (house.now - since) * 10_000 * 3_125 // 9 < possible
    house.on.guard.pause(house.on.treasury, sender=guardian)
    house.on.guard.freeze(prosumer, sender=guardian)
    house.wait(86_400)
    refuses("treasury: paused", house.on.treasury.claim, *lie.shown(ROOF), sender=house.relayer)
    refuses(
        "energy_token: account is frozen",
        house.on.token.safeTransferFrom,
        prosumer,
        house.relayer,
        E,
        1,
        b"",
        sender=prosumer,
    )


def test_silent_nodes__one_report_catches_up(house: House) -> None:
    """After a week without reports one report and one claim settle everything: gaps are allowed and cost nothing (hole 10)."""
    energy = {ROOF: 500 * KWH // 2, BARN: 3 * KWH}
    house.wait(7 * 86_400)

    published = house.publish(energy)

    assert house.claim(published, ROOF).return_value == 250 * KWH
    assert house.claim(published, BARN).return_value == 3 * KWH
