# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.direct: a small grid's report pays its owners in the same transaction."""

from dataclasses import replace

import pytest
from ape.api import AccountAPI

from oracle.rules import Tree
from scripts._house import container
from tests.contracts.house import BARN, KWH, ROOF, E, H, House, Published, leaf_args, refuses, reserve_of


def rows(published: Published) -> list[tuple[object, ...]]:
    """The whole row as an argument."""
    return [leaf_args(leaf) for leaf in published.leaves]


@pytest.fixture
def draft(house: House) -> Published:
    """A direct report of the running slot, unsent."""
    slot = house.next_slot()
    return house.draft(house.leaves({ROOF: KWH, BARN: 2 * KWH}, utility=H, slot=slot), utility=H)


def test_direct(
    house: House, draft: Published, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """Both owners are paid, whoever brings it; the report is accepted in the same transaction."""
    receipt = house.on.treasury.direct(*house.sign(draft.content).args, rows(draft), sender=stranger)

    kept = reserve_of(0, KWH), reserve_of(0, 2 * KWH)
    (accepted,) = receipt.decode_logs(house.on.oracle.ReportAccepted)
    assert (accepted.utility, accepted.total, accepted.content_hash) == (H, 3 * KWH, draft.content.hash())
    roof, barn = receipt.decode_logs(house.on.treasury.Minted)
    assert (roof.station, roof.owner, roof.to_owner, roof.reserve, roof.mode) == (
        ROOF,
        prosumer,
        KWH - kept[0],
        kept[0],
        3,
    )
    assert (barn.station, barn.owner, barn.to_owner, barn.reserve, barn.mode) == (
        BARN,
        neighbour,
        2 * KWH - kept[1],
        kept[1],
        3,
    )
    assert receipt.return_value == 3 * KWH
    assert house.on.token.balanceOf(prosumer, H) == KWH - kept[0]
    assert house.on.token.balanceOf(neighbour, H) == 2 * KWH - kept[1]
    assert house.on.token.total_supply(H) == 3 * KWH - sum(kept)
    assert house.on.treasury.minted(H) == 3 * KWH
    assert house.on.treasury.reserve(H) == sum(kept)
    assert house.on.oracle.root_of(H, draft.content.slot) == bytes(32)


def test_direct__late_energy__is_paid_with_the_next_report(
    house: House, draft: Published, prosumer: AccountAPI
) -> None:
    """What a register gained without a report of its own is paid with the next one."""
    house.on.treasury.direct(*house.sign(draft.content).args, rows(draft), sender=house.relayer)
    house.accept(draft.content)
    house.next_slot()
    slot = house.next_slot()
    late = house.draft(house.leaves({ROOF: 2 * KWH}, utility=H, slot=slot), utility=H)

    assert (
        house.on.treasury.direct(*house.sign(late.content).args, rows(late), sender=house.relayer).return_value
        == 2 * KWH
    )
    assert house.on.token.balanceOf(prosumer, H) == 3 * KWH - reserve_of(0, 3 * KWH)


def test_direct__again__reverts(house: House, draft: Published) -> None:
    """The same report is accepted once."""
    args = *house.sign(draft.content).args, rows(draft)
    house.on.treasury.direct(*args, sender=house.relayer)

    refuses("oracle: slot is not after the last one", house.on.treasury.direct, *args, sender=house.relayer)


def test_direct__other_leaves__reverts(house: House, draft: Published) -> None:
    """The row must be the report's: complete, unchanged, in order, of its slot and utility."""
    signed = house.sign(draft.content).args
    leaves = draft.leaves
    swollen = [leaf_args(replace(leaves[0], measured=leaves[0].measured + 1)), leaf_args(leaves[1])]
    doubled = [leaf_args(leaves[0]), leaf_args(leaves[0])]
    foreign = [leaf_args(replace(leaves[0], utility=E)), leaf_args(leaves[1])]
    other_slot = [leaf_args(replace(leaf, slot=leaf.slot - 1)) for leaf in leaves]

    refuses("treasury: not the report's leaves", house.on.treasury.direct, *signed, swollen, sender=house.relayer)
    refuses(
        "treasury: not the report's leaves", house.on.treasury.direct, *signed, rows(draft)[:1], sender=house.relayer
    )
    refuses("treasury: leaves not strictly ascending", house.on.treasury.direct, *signed, doubled, sender=house.relayer)
    refuses(
        "treasury: leaves not strictly ascending",
        house.on.treasury.direct,
        *signed,
        rows(draft)[::-1],
        sender=house.relayer,
    )
    refuses("treasury: leaf of another report", house.on.treasury.direct, *signed, foreign, sender=house.relayer)
    refuses("treasury: leaf of another report", house.on.treasury.direct, *signed, other_slot, sender=house.relayer)


def test_direct__claimed_or_pooled_utility__reverts(house: House, draft: Published) -> None:
    """A utility has one way for ever (hole 1)."""
    slot = house.slot
    claimed = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot))

    refuses(
        "treasury: utility is not direct",
        house.on.treasury.direct,
        *house.sign(claimed.content).args,
        rows(claimed),
        sender=house.relayer,
    )
    refuses(
        "treasury: utility is not direct",
        house.on.treasury.direct,
        *house.sign(house.pooled([KWH], slot=slot)).args,
        [],
        sender=house.relayer,
    )


def test_direct__bare_report_to_the_oracle__reverts(house: House, draft: Published, stranger: AccountAPI) -> None:
    """A stranger who brings the report without the row would leave the owners unpaid."""
    refuses(
        "oracle: only through the treasury", house.on.oracle.report, *house.sign(draft.content).args, sender=stranger
    )


def test_direct__more_than_signed__reverts(house: House, draft: Published) -> None:
    """A row whose registers exceed the signed total mints nothing, although its root was signed."""
    swollen = [replace(draft.leaves[0], mintable=draft.leaves[0].mintable + 1), draft.leaves[1]]
    content = replace(draft.content, root=Tree([leaf.hash() for leaf in swollen]).root)

    refuses(
        "treasury: more than the oracle signed",
        house.on.treasury.direct,
        *house.sign(content).args,
        [leaf_args(leaf) for leaf in swollen],
        sender=house.relayer,
    )


def test_direct__contract_owner__waits(
    house: House, registrar: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """No owner is called while others are paid: a contract fetches later, the others have theirs."""
    wallet = stranger.deploy(container("AcceptingReceiver"))
    house.on.registry.register_station(77, wallet, 10_000, 1, True, sender=registrar)
    house.join(77, wallet, utility=H)
    slot = house.next_slot()
    draft = house.draft(house.leaves({ROOF: KWH, 77: KWH}, utility=H, slot=slot), utility=H)

    receipt = house.on.treasury.direct(*house.sign(draft.content).args, rows(draft), sender=house.relayer)

    owed = KWH - reserve_of(0, KWH)
    (credited,) = receipt.decode_logs(house.on.treasury.PendingCredited)
    assert (credited.owner, credited.token_id, credited.amount) == (wallet, H, owed)
    assert house.on.treasury.pending(wallet, H) == owed == house.on.token.balanceOf(house.on.treasury, H)
    assert house.on.token.balanceOf(prosumer, H) == owed


def test_direct__paused__reverts(house: House, draft: Published, pause) -> None:
    """A stop of either contract refuses the whole transaction."""
    args = *house.sign(draft.content).args, rows(draft)
    pause(house.on.oracle)
    refuses("oracle: paused", house.on.treasury.direct, *args, sender=house.relayer)
    pause(house.on.treasury)
    refuses("treasury: paused", house.on.treasury.direct, *args, sender=house.relayer)
