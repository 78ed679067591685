# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Oracle.rotate and open_utility: who may sign, and what is open."""

from ape.api import AccountAPI
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address

from tests.contracts.house import AGR, KWH, ROOF, ZERO, E, House, addresses, node_keys, refuses


def test_rotate(house: House, owner: AccountAPI) -> None:
    """A new epoch with a new set; the old one may sign up to the stated slot."""
    fresh = addresses(node_keys(5, generation=2))
    until = house.slot + 1

    receipt = house.on.oracle.rotate(fresh, 4, 1, until + 1, until, sender=owner)

    (rotated,) = receipt.decode_logs(house.on.oracle.SignerSetRotated)
    assert (rotated.epoch, rotated.k, rotated.signers) == (2, 4, fresh)
    assert (rotated.from_slot, rotated.previous_until_slot) == (until + 1, until)
    assert house.on.oracle.epoch() == 2
    new, old = house.on.oracle.signer_set(2), house.on.oracle.signer_set(1)
    assert new.hash == keccak(encode(["address[]"], [[to_canonical_address(a) for a in fresh]]))
    assert (new.k, new.from_slot, new.until_slot) == (4, until + 1, 2**32 - 1)
    assert (old.k, old.from_slot, old.until_slot) == (3, 0, until)


def test_rotate__windows(house: House, owner: AccountAPI) -> None:
    """Before the change only the old set signs, after it only the new one."""
    last_old = house.slot
    house.on.oracle.rotate(addresses(node_keys(5, generation=2)), 4, 1, last_old + 1, last_old, sender=owner)
    new_keys = node_keys(5, generation=2)
    by_new = {"epoch": 2, "keys": new_keys, "by": new_keys[:4]}
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=last_old)).content

    refuses(
        "oracle: slot is before the signer set",
        house.on.oracle.report,
        *house.sign(content, **by_new).args,
        sender=owner,
    )
    house.bring(content)

    slot = house.next_slot()
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    refuses("oracle: slot is after the signer set", house.on.oracle.report, *house.sign(content).args, sender=owner)
    house.bring(content, **by_new)


def test_rotate__zero_window__discards_a_compromised_set(house: House, owner: AccountAPI) -> None:
    """With 0 as its last slot the set before signs nothing more; two rotations on, it does not even exist."""
    new_keys = node_keys(4, generation=2)
    house.on.oracle.rotate(addresses(new_keys), 3, 1, 0, 0, sender=owner)
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=house.slot)).content
    refuses("oracle: slot is after the signer set", house.on.oracle.report, *house.sign(content).args, sender=owner)

    house.on.oracle.rotate(addresses(new_keys), 3, 1, 0, 2**32 - 1, sender=owner)
    refuses("oracle: unknown epoch", house.on.oracle.report, *house.sign(content).args, sender=owner)
    assert house.on.oracle.signer_set(2).until_slot == 2**32 - 1
    house.on.oracle.rotate(addresses(new_keys), 3, 1, 0, 0, sender=owner)
    assert house.on.oracle.signer_set(2).until_slot == 0


def test_report__unknown_epoch__reverts(house: House) -> None:
    """Neither an epoch to come nor the epoch before all."""
    content = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=house.slot)).content
    for epoch in (0, 2, 2**32 - 1):
        reason = "oracle: unknown epoch" if epoch else "oracle: slot is after the signer set"
        refuses(reason, house.on.oracle.report, *house.sign(content, epoch=epoch).args, sender=house.relayer)


def test_rotate__weak_set__reverts(house: House, owner: AccountAPI) -> None:
    """Sets in which two quorums could disagree, or which hold nobody, are refused (holes 8 and 9)."""
    four, five = addresses(node_keys(4)), addresses(node_keys(5, generation=2))
    rotate = house.on.oracle.rotate
    disagree = "quorum: two quorums could disagree"
    refuses(disagree, rotate, four, 2, 1, 0, 0, sender=owner)
    refuses(disagree, rotate, five, 3, 1, 0, 0, sender=owner)
    refuses(disagree, rotate, four, 2, 0, 0, 0, sender=owner)
    refuses(disagree, rotate, [], 0, 0, 0, 0, sender=owner)
    refuses(disagree, rotate, four, 4, 4, 0, 0, sender=owner)
    refuses(disagree, rotate, four, 3, 2**256 - 1, 0, 0, sender=owner)
    refuses("quorum: more signatures than signers", rotate, four, 5, 1, 0, 0, sender=owner)
    ascending = "quorum: signers not strictly ascending"
    refuses(ascending, rotate, [ZERO, *four], 4, 1, 0, 0, sender=owner)
    refuses(ascending, rotate, four[::-1], 3, 1, 0, 0, sender=owner)
    refuses(ascending, rotate, [four[0], *four], 4, 1, 0, 0, sender=owner)


def test_rotate__largest_set(house: House, owner: AccountAPI) -> None:
    """32 signers, all of them needed."""
    keys = node_keys(32, generation=3)
    house.on.oracle.rotate(addresses(keys), 32, 0, 0, 0, sender=owner)

    house.bring(house.draft(house.leaves({ROOF: KWH}, utility=E, slot=house.slot)).content, epoch=2, keys=keys, by=keys)
    assert house.on.oracle.head(E).reports == 1


def test_open_utility(house: House, owner: AccountAPI) -> None:
    """Open for ever, from the running slot on."""
    receipt = house.on.oracle.open_utility(AGR, 1, sender=owner)

    (opened,) = receipt.decode_logs(house.on.oracle.UtilityOpened)
    assert (opened.utility, opened.mode) == (AGR, 1)
    assert house.on.oracle.mode_of(AGR) == 1
    assert house.on.oracle.head(AGR).slot == house.slot - 1
    assert house.on.oracle.head(AGR).reports == 0


def test_open_utility__refusals__revert(house: House, owner: AccountAPI) -> None:
    """Once, with a known code and a known mode."""
    open_utility = house.on.oracle.open_utility
    refuses("oracle: utility is open already", open_utility, E, 1, sender=owner)
    refuses("oracle: utility is open already", open_utility, E, 2, sender=owner)
    refuses("oracle: unknown utility", open_utility, 0, 1, sender=owner)
    refuses("oracle: unknown utility", open_utility, 10, 1, sender=owner)
    refuses("oracle: unknown mode", open_utility, AGR, 0, sender=owner)
    refuses("oracle: unknown mode", open_utility, AGR, 4, sender=owner)


def test_owner_functions__stranger__reverts(house: House, stranger: AccountAPI, owner: AccountAPI) -> None:
    """The signer set is the owner's, the brake the Guard's."""
    four = addresses(node_keys(4))
    refuses("ownable: caller is not the owner", house.on.oracle.rotate, four, 3, 1, 0, 0, sender=stranger)
    refuses("ownable: caller is not the owner", house.on.oracle.open_utility, AGR, 1, sender=stranger)
    refuses("oracle: access is denied", house.on.oracle.set_paused, True, sender=owner)


def test_rotate__while_paused__stays_paused(house: House, owner: AccountAPI, pause) -> None:
    """Brake, rated power and signer set share a word; a rotation moves neither of the others."""
    house.publish({ROOF: KWH})
    rated = house.on.oracle.rated_w()
    pause(house.on.oracle)

    house.on.oracle.rotate(addresses(node_keys(4, generation=2)), 3, 1, 0, 0, sender=owner)

    assert house.on.oracle.paused()
    assert house.on.oracle.rated_w() == rated > 0
