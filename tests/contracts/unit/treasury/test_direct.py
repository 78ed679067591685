# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.direct: a small grid's report pays its owners in the same transaction."""

from dataclasses import replace

import ape
import pytest
from ape.api import AccountAPI
from eth_utils.address import to_canonical_address

from chain.direct import row_mints, seats_hash
from oracle.rules import direct_root
from scripts._house import container
from tests.contracts.house import (
    BARN,
    KWH,
    RATED_W,
    RESERVE_BPS,
    ROOF,
    SLOT_ALLOWANCE,
    E,
    H,
    House,
    Published,
    refuses,
    reserve_of,
)


@pytest.fixture
def draft(house: House) -> Published:
    """A direct report of the running slot, unsent."""
    return drafted(house, {ROOF: KWH, BARN: 2 * KWH})


def drafted(house: House, energy: dict[int, int]) -> Published:
    """A direct report of the next slot, unsent."""
    slot = house.next_slot()
    return house.draft(house.leaves(energy, utility=H, slot=slot), utility=H)


def owed(energy: int, start: int = 0) -> int:
    """An owner's part of a stretch of a register."""
    return energy - reserve_of(start, start + energy)


def test_direct(
    house: House, draft: Published, prosumer: AccountAPI, neighbour: AccountAPI, stranger: AccountAPI
) -> None:
    """Both owners are paid, whoever brings it; the report is accepted in the same transaction."""
    receipt = house.on.treasury.direct(*house.direct(draft.content, draft.leaves), sender=stranger)

    (accepted,) = receipt.decode_logs(house.on.oracle.ReportAccepted)
    assert (accepted.utility, accepted.total, accepted.content_hash) == (H, 3 * KWH, draft.content.hash())
    roof, barn = receipt.decode_logs(house.on.treasury.Seated)
    assert (roof.station, roof.owner, roof.place, roof.rated_w) == (ROOF, prosumer, 0, RATED_W)
    assert (barn.station, barn.owner, barn.place, barn.rated_w) == (BARN, neighbour, 1, RATED_W)
    assert house.on.treasury.seats(H) == seats_hash(house.seats(draft.leaves))
    (paid,) = receipt.decode_logs(house.on.treasury.RowMinted)
    assert (paid.utility, paid.terms) == (H, draft.content.slot << 16 | RESERVE_BPS)
    transfers = [
        (to_canonical_address(t["_to"]), t["_value"]) for t in receipt.decode_logs(house.on.token.TransferSingle)
    ]
    mints = row_mints(paid.terms, paid.row, transfers, [], to_canonical_address(house.on.treasury.address))
    assert [(m.station, m.tenure, m.from_register, m.to_register, m.to_owner) for m in mints] == [
        (ROOF, 1, 0, KWH, owed(KWH)),
        (BARN, 1, 0, 2 * KWH, owed(2 * KWH)),
    ]
    assert receipt.return_value == 3 * KWH
    assert house.on.token.balanceOf(prosumer, H) == owed(KWH)
    assert house.on.token.balanceOf(neighbour, H) == owed(2 * KWH)
    assert house.on.token.total_supply(H) == owed(KWH) + owed(2 * KWH)
    assert house.on.treasury.minted(H) == 3 * KWH
    assert house.on.treasury.reserve(H) == 3 * KWH - owed(KWH) - owed(2 * KWH)
    assert house.settled(ROOF, utility=H) == KWH
    assert house.settled(BARN, utility=H) == 2 * KWH
    assert house.on.oracle.root_of(H, draft.content.slot) == bytes(32)


def test_direct__late_energy__is_paid_with_the_next_report(
    house: House, draft: Published, prosumer: AccountAPI
) -> None:
    """What a register gained without a report of its own is paid with the next one; the reserve adds up over all (hole 15)."""
    house.pay(draft)
    house.next_slot()
    for energy in (1, 49, 2 * KWH):
        receipt = house.pay(drafted(house, {ROOF: energy}))
        assert receipt.return_value == energy
        assert not receipt.decode_logs(house.on.treasury.Seated), "nobody moved"
    assert house.on.token.balanceOf(prosumer, H) == owed(3 * KWH + 50)


def test_direct__again__reverts(house: House, draft: Published) -> None:
    """The same report is accepted once."""
    args = house.direct(draft.content, draft.leaves)
    house.on.treasury.direct(*args, sender=house.relayer)

    refuses("oracle: slot is not after the last one", house.on.treasury.direct, *args, sender=house.relayer)


@pytest.mark.parametrize("seated", [False, True])
def test_direct__other_row__reverts(house: House, draft: Published, seated: bool) -> None:
    """The row must be the report's: complete, unchanged, in order."""
    if seated:
        house.pay(draft)
        draft = drafted(house, {ROOF: KWH})
    first, second = draft.leaves
    direct, content = house.on.treasury.direct, draft.content
    anew = house.sitting
    for reason, leaves, before in (
        ("treasury: not the report's row", [replace(first, mintable=first.mintable + 1), second], []),
        ("treasury: not the report's row", [first], []),
        ("treasury: row not strictly ascending", [second, first], anew),
        ("treasury: row not strictly ascending", [first, first], anew),
    ):
        refuses(reason, direct, *house.direct(content, leaves, before=before), sender=house.relayer)


def test_direct__other_seats__reverts(
    house: House, draft: Published, registrar: AccountAPI, stranger: AccountAPI
) -> None:
    """Owner, rating and whether the owner is a contract are the Registry's and the chain's, not the bringer's (hole 2)."""
    direct, content, leaves = house.on.treasury.direct, draft.content, draft.leaves
    true, other = house.seats(leaves)
    thief = to_canonical_address(stranger.address)
    lies = [
        replace(true, owner=thief),
        replace(true, rated_w=RATED_W * 10),
        replace(true, is_contract=True),
        replace(true, ended=True),
    ]
    for lie in lies:
        args = house.direct(content, leaves, seats=[lie, other])
        refuses("treasury: not the registry's seat", direct, *args, sender=stranger)
    house.pay(draft)
    house.on.registry.set_rating(ROOF, RATED_W * 2, sender=registrar)

    following = drafted(house, {ROOF: KWH})
    content, leaves = following.content, following.leaves
    for lie in lies:
        args = house.direct(content, leaves, seats=[lie, other], before=[])
        refuses("treasury: not the seats", direct, *args, sender=stranger)
    stronger = house.seats(leaves)
    args = house.direct(content, leaves, seats=stronger, before=[])
    refuses("treasury: not the seats", direct, *args, sender=stranger)
    for before in ([true], [other, true], [replace(true, rated_w=1), other], [true, other, other]):
        args = house.direct(content, leaves, seats=stronger, before=before)
        refuses("treasury: not the seats before", direct, *args, sender=stranger)
    direct(*house.direct(content, leaves, seats=stronger, before=[true, other]), sender=stranger)
    assert house.on.treasury.settled(H, ROOF, 1).rated_w == RATED_W * 2


def test_direct__not_a_report__reverts(house: House, draft: Published) -> None:
    """A view of the Oracle that happens to answer 2, as a direct utility's mode, is no report."""
    call, row = house.direct(draft.content, draft.leaves)
    view = bytes(house.on.oracle.mode_of.encode_input(H))
    padded = view + call[len(view) :]
    refuses("treasury: not a report", house.on.treasury.direct, padded, row, sender=house.relayer)


def test_direct__claimed_or_pooled_utility__reverts(house: House, draft: Published) -> None:
    """A utility has one way for ever (hole 1)."""
    slot = house.slot
    claimed = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot))
    for content in (claimed.content, house.pooled([KWH], slot=slot)):
        args = house.direct(content, draft.leaves)
        refuses("treasury: utility is not direct", house.on.treasury.direct, *args, sender=house.relayer)


def test_direct__bare_report_to_the_oracle__reverts(house: House, draft: Published, stranger: AccountAPI) -> None:
    """A stranger who brings the report without the row would leave the owners unpaid."""
    refuses(
        "oracle: only through the treasury", house.on.oracle.report, *house.sign(draft.content).args, sender=stranger
    )


def test_direct__more_than_signed__reverts(house: House, draft: Published) -> None:
    """A row whose registers exceed the signed total mints nothing, although its root was signed."""
    swollen = [replace(draft.leaves[0], mintable=draft.leaves[0].mintable + 1), draft.leaves[1]]
    content = replace(draft.content, root=direct_root(swollen))

    refuses(
        "treasury: more than the oracle signed",
        house.on.treasury.direct,
        *house.direct(content, swollen),
        sender=house.relayer,
    )


def test_direct__more_than_the_rating__waits_for_time(house: House, draft: Published, prosumer: AccountAPI) -> None:
    """One wrong leaf cannot eat the others' room: it gets what its plant can make, the rest when time has passed (hole 2)."""
    house.pay(draft)
    before = house.on.treasury.settled(H, ROOF, 1)
    wrong = drafted(house, {BARN: KWH})
    leaves = [replace(wrong.leaves[0], mintable=10**15), wrong.leaves[1]]
    total = draft.content.total + before.allowance + SLOT_ALLOWANCE * 5 // 4 + KWH
    increase = total - draft.content.total
    content = replace(wrong.content, root=direct_root(leaves), total=total, increase=increase)
    house.pay(replace(wrong, content=content, leaves=leaves))

    after = house.on.treasury.settled(H, ROOF, 1)
    room = before.allowance + (after.at - before.at) * RATED_W * 3_125 // 9
    assert after.register - before.register == room
    assert after.allowance == 0
    assert house.on.token.balanceOf(prosumer, H) == owed(after.register)
    assert house.settled(BARN, utility=H) == 3 * KWH


def test_direct__contract_owner__waits(
    house: House, registrar: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """No owner is called while others are paid: a contract fetches later, the others have theirs (hole 19)."""
    wallet = stranger.deploy(container("AcceptingReceiver"))
    house.on.registry.register_station(77, wallet, 10_000, 1, True, sender=registrar)
    house.join(77, wallet, utility=H)

    receipt = house.pay(drafted(house, {ROOF: KWH, 77: KWH}))

    (credited,) = receipt.decode_logs(house.on.treasury.PendingCredited)
    assert (credited.owner, credited.token_id, credited.amount) == (wallet, H, owed(KWH))
    assert house.on.treasury.pending(wallet, H) == owed(KWH) == house.on.token.balanceOf(house.on.treasury, H)
    assert house.on.token.balanceOf(prosumer, H) == owed(KWH)
    (paid,) = receipt.decode_logs(house.on.treasury.RowMinted)
    transfers = [
        (to_canonical_address(t["_to"]), t["_value"]) for t in receipt.decode_logs(house.on.token.TransferSingle)
    ]
    treasury, owner = (to_canonical_address(str(a.address)) for a in (house.on.treasury, wallet))
    mints = row_mints(paid.terms, paid.row, transfers, [owner], treasury)
    assert {mint.station: mint.owner for mint in mints}[77] == owner


def test_direct__owner_gets_code_later__is_still_paid(house: House, draft: Published, neighbour: AccountAPI) -> None:
    """A wallet that takes code on after the row was seated stops nobody and loses nothing; seated anew, it fetches (hole 19)."""
    house.pay(draft)
    seats = list(house.sitting)
    ape.chain.provider.set_code(neighbour.address, bytes.fromhex("60006000fd"))  # reverts, whoever calls
    house.pay(drafted(house, {ROOF: KWH, BARN: KWH}), seats=seats)
    assert house.on.token.balanceOf(neighbour, H) == owed(3 * KWH)

    house.sitting = seats
    house.pay(drafted(house, {ROOF: KWH, BARN: KWH}), before=seats)
    assert house.on.treasury.pending(neighbour, H) == owed(KWH, 3 * KWH)


def test_direct__handover__ends_the_seller_s_room(
    house: House, draft: Published, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """The buyer's tenure takes a seat of its own; the seller's keeps what it earned and earns nothing more (hole 4)."""
    house.pay(draft)
    house.on.registry.offer_station(ROOF, stranger, sender=prosumer)
    house.on.registry.accept_station(ROOF, sender=stranger)
    ended = house.on.registry.tenure_of(ROOF, 1).until
    before = house.on.treasury.settled(H, ROOF, 1)
    house.join(ROOF, stranger, utility=H, tenure=2)
    slot = house.next_slot()
    house.pay(house.draft(house.leaves({ROOF: KWH}, utility=H, slot=slot, tenure=2), utility=H))

    seller, buyer = (house.on.treasury.settled(H, ROOF, tenure) for tenure in (1, 2))
    assert (seller.register, seller.at) == (KWH, 2**40 - 1)
    assert seller.allowance == (before.allowance + (ended - before.at) * RATED_W * 3_125 // 9) // 1_000 * 1_000
    house.wait(86_400)
    house.pay(drafted(house, {}))
    assert house.on.treasury.settled(H, ROOF, 1).allowance == seller.allowance
    assert buyer.register == KWH
    assert house.on.token.balanceOf(stranger, H) == owed(KWH)


def test_direct__leaves_the_row_and_returns__is_paid_once(house: House, draft: Published, prosumer: AccountAPI) -> None:
    """Out of the row a register is kept as it was; back in it, nothing of it is paid again (hole 1)."""
    house.pay(draft)
    whole = drafted(house, {BARN: KWH})
    alone = [leaf for leaf in whole.leaves if leaf.station == BARN]
    content = replace(whole.content, root=direct_root(alone), stations=1)
    house.pay(replace(whole, content=content, leaves=alone))
    assert house.settled(ROOF, utility=H) == KWH
    house.on.treasury.refresh_rating(ROOF, 1, sender=house.relayer)
    back = drafted(house, {})
    assert house.pay(back).return_value == 0
    assert house.settled(ROOF, utility=H) == KWH
    assert house.on.token.balanceOf(prosumer, H) == owed(KWH)


def test_refresh_rating__seated_register__is_left_alone(house: House, draft: Published) -> None:
    """A register in a row has its rating in its seat, and takes a new one over with the row."""
    house.pay(draft)
    before = house.on.treasury.settled(H, ROOF, 1)
    house.wait(60)
    house.on.treasury.refresh_rating(ROOF, 1, sender=house.relayer)
    assert house.on.treasury.settled(H, ROOF, 1) == before


def test_direct__long_row(house: House, registrar: AccountAPI, prosumer: AccountAPI) -> None:
    """32 tenures fit, 33 do not."""
    for station in range(100, 131):
        house.on.registry.register_station(station, prosumer, RATED_W, 1, True, sender=registrar)
        house.join(station, prosumer, utility=H)
    long = drafted(house, dict.fromkeys([ROOF, BARN, *range(100, 131)], KWH))
    refuses(
        "treasury: not the report's row",
        house.on.treasury.direct,
        *house.direct(long.content, long.leaves),
        sender=house.relayer,
    )
    del house.tenures[H, BARN, 1]
    fitting = drafted(house, {})
    assert len(fitting.leaves) == 32
    assert house.pay(fitting).return_value == 32 * KWH
    assert house.pay(drafted(house, {})).return_value == 0


def test_direct__paused__reverts(house: House, draft: Published, pause) -> None:
    """A stop of either contract refuses the whole transaction."""
    args = house.direct(draft.content, draft.leaves)
    pause(house.on.oracle)
    refuses("oracle: paused", house.on.treasury.direct, *args, sender=house.relayer)
    pause(house.on.treasury)
    refuses("treasury: paused", house.on.treasury.direct, *args, sender=house.relayer)
