# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What holders do with VALID certificates: transfer, split, retire; and what freezes, stops and receivers forbid."""

import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.certificates import PERIOD, RETIRED, VALID, Desk, certificate_id, use
from tests.contracts.house import ROOF, ZERO, refuses


def test_transfer__in_part(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """A part moves under the same id; nothing is made or lost."""
    made = desk.valid()

    receipt = desk.on.safeTransferFrom(prosumer, buyer, made, 300, b"", sender=prosumer)

    (log,) = receipt.decode_logs(desk.on.TransferSingle)
    assert (log._operator, log._from, log._to, log._id, log._value) == (prosumer, prosumer, buyer, made, 300)
    assert (desk.on.balanceOf(prosumer, made), desk.on.balanceOf(buyer, made)) == (700, 300)
    assert desk.on.total_supply(made) == 1_000


def test_transfer__several(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI) -> None:
    """In one call by an approved operator, the same id twice among them."""
    one, two = desk.valid(), desk.valid()
    desk.on.setApprovalForAll(relayer, True, sender=prosumer)

    receipt = desk.on.safeBatchTransferFrom(prosumer, buyer, [one, two, one], [100, 1_000, 900], b"", sender=relayer)

    (log,) = receipt.decode_logs(desk.on.TransferBatch)
    assert (log._operator, log._from, log._to) == (relayer, prosumer, buyer)
    assert (log._ids, log._values) == ([one, two, one], [100, 1_000, 900])
    assert desk.on.balanceOfBatch([buyer, buyer, prosumer, prosumer], [one, two, one, two]) == [1_000, 1_000, 0, 0]


def test_transfer__to_oneself__changes_nothing(desk: Desk, prosumer: AccountAPI) -> None:
    """Alone and in a batch."""
    made = desk.valid()
    desk.on.safeTransferFrom(prosumer, prosumer, made, 1_000, b"", sender=prosumer)
    desk.on.safeBatchTransferFrom(prosumer, prosumer, [made, made], [1_000, 1], b"", sender=prosumer)
    assert desk.on.balanceOf(prosumer, made) == desk.on.total_supply(made) == 1_000


def test_transfer__bad__reverts(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """More than is held, to nobody, without approval, lists that do not fit; in a batch the sum counts."""
    made = desk.valid()
    single, several = desk.on.safeTransferFrom, desk.on.safeBatchTransferFrom
    too_much, nobody = "certificates: amount exceeds balance", "certificates: transfer to the zero address"
    refuses(too_much, single, prosumer, buyer, made, 1_001, b"", sender=prosumer)
    refuses(too_much, several, prosumer, buyer, [made, made], [999, 2], b"", sender=prosumer)
    refuses(too_much, single, prosumer, buyer, made, 2**256 - 1, b"", sender=prosumer)
    refuses(nobody, single, prosumer, ZERO, made, 1, b"", sender=prosumer)
    refuses(nobody, several, prosumer, ZERO, [made], [1], b"", sender=prosumer)
    refuses(
        "certificates: ids and amounts differ in length",
        several,
        prosumer,
        buyer,
        [made, made],
        [1],
        b"",
        sender=prosumer,
    )
    denied = "certificates: caller is not owner or approved"
    refuses(denied, single, prosumer, stranger, made, 1, b"", sender=stranger)
    refuses(denied, several, prosumer, stranger, [made], [1], b"", sender=stranger)
    refuses(denied, desk.on.split, prosumer, made, 1, sender=stranger)
    refuses(denied, desk.on.retire, prosumer, made, 1, use(stranger), sender=stranger)


def test_frozen_or_stopped__every_path_is_shut(
    desk: Desk, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI, guardian: AccountAPI, pause
) -> None:
    """A freeze of the owner or of the operator shuts everything, one of the receiver the transfers."""
    made = desk.valid()
    desk.on.setApprovalForAll(relayer, True, sender=prosumer)
    guard = desk.house.on.guard
    transfers = (
        (desk.on.safeTransferFrom, (prosumer, buyer, made, 1, b"")),
        (desk.on.safeBatchTransferFrom, (prosumer, buyer, [made], [1], b"")),
    )
    uses = ((desk.on.split, (prosumer, made, 1)), (desk.on.retire, (prosumer, made, 1, use(buyer))))
    for account in (prosumer, relayer, buyer):
        guard.freeze(account, sender=guardian)
        for method, args in transfers if account == buyer else transfers + uses:
            refuses("certificates: account is frozen", method, *args, sender=relayer)
        guard.unfreeze(account, sender=guardian)
    pause(desk.on)
    for method, args in transfers + uses:
        refuses("certificates: paused", method, *args, sender=relayer)


def test_receivers(desk: Desk, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """A contract is asked with what it gets; one that refuses leaves everything as it was."""
    made = desk.valid()
    willing = stranger.deploy(container("AcceptingReceiver"))
    unwilling = stranger.deploy(container("RefusingReceiver"), 1)

    desk.on.safeTransferFrom(prosumer, willing, made, 5, b"", sender=prosumer)

    assert (willing.operator(), willing.sender(), willing.id(), willing.amount()) == (prosumer, prosumer, made, 5)
    refuses("mock: refuses", desk.on.safeTransferFrom, prosumer, unwilling, made, 1, b"", sender=prosumer)
    assert desk.on.balanceOf(prosumer, made) == 995


def test_reentrancy__from_a_hook__is_locked_out(desk: Desk, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """A receiver that sends on what it is just getting, or retires it, finds the door locked."""
    made = desk.valid()
    thief = stranger.deploy(container("ReentrantReceiver"))
    for call in (
        desk.on.safeTransferFrom.encode_input(thief, stranger, made, 1, b""),
        desk.on.retire.encode_input(thief, made, 1, use(stranger)),
    ):
        thief.prepare(desk.on, call, sender=stranger)
        desk.on.safeTransferFrom(prosumer, thief, made, 1, b"", sender=prosumer)
    assert (thief.calls(), thief.successes()) == (2, 0)
    assert desk.on.balanceOf(thief, made) == 2


def test_split(desk: Desk, prosumer: AccountAPI) -> None:
    """The back of the range goes to an id of its own, with all that its origin says; splits of splits count on."""
    made = desk.valid()

    receipt = desk.on.split(prosumer, made, 400, sender=prosumer)

    part = certificate_id(ROOF, 0, part=1)
    assert receipt.return_value == part
    (log,) = receipt.decode_logs(desk.on.Split)
    assert (log.id, log.part, log.owner, log.from_wh, log.to_wh) == (made, part, prosumer, 600, 1_000)
    burned, minted = receipt.decode_logs(desk.on.TransferSingle)
    assert (burned._to, burned._id, burned._value) == (ZERO, made, 400)
    assert (minted._from, minted._id, minted._value) == (ZERO, part, 400)
    again = desk.on.split(prosumer, part, 100, sender=prosumer).return_value
    assert again == certificate_id(ROOF, 0, part=2)
    origin, *others = (desk.on.certificate(one) for one in (made, part, again))
    assert (origin.from_wh, origin.to_wh) == (0, 600)
    assert [(other.from_wh, other.to_wh) for other in others] == [(600, 900), (900, 1_000)]
    for other in others:
        assert (other.origin, other.state) == (made, VALID)
        for name in ("utility", "station", "tenure", "kind", "technology", "metered_from", "metered_until"):
            assert getattr(other, name) == getattr(origin, name)
        for name in ("issued_at", "expires_at", "validator"):
            assert getattr(other, name) == getattr(origin, name)
    assert [desk.on.balanceOf(prosumer, one) for one in (made, part, again)] == [600, 300, 100]


def test_split__bad__reverts(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Nothing, everything, or more than one holds."""
    made = desk.valid()
    for amount in (0, 1_000, 1_001, 2**256 - 1):
        refuses("certificates: nothing to split", desk.on.split, prosumer, made, amount, sender=prosumer)
    desk.on.safeTransferFrom(prosumer, buyer, made, 300, b"", sender=prosumer)
    refuses("certificates: amount exceeds balance", desk.on.split, buyer, made, 301, sender=buyer)
    desk.on.split(buyer, made, 300, sender=buyer)


def test_retire__in_part(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Each use takes the next Wh of the range, whoever holds them, and the record tells all of a statement."""
    made = desk.valid()
    desk.on.safeTransferFrom(prosumer, buyer, made, 300, b"", sender=prosumer)

    receipt = desk.on.retire(buyer, made, 200, use(ZERO), sender=buyer)
    desk.on.retire(prosumer, made, 50, use(buyer, name="", purpose="a gift"), sender=prosumer)

    assert receipt.return_value == 1
    (log,) = receipt.decode_logs(desk.on.Retired)
    assert (log.id, log.holder, log.beneficiary, log.retirement) == (made, buyer, ZERO, 1)
    assert (log.from_wh, log.to_wh, log.name, log.purpose) == (0, 200, "Mill Lane 4", "charging the bus")
    assert (log.period_from, log.period_until) == PERIOD
    (burned,) = receipt.decode_logs(desk.on.TransferSingle)
    assert (burned._from, burned._to, burned._id, burned._value) == (buyer, ZERO, made, 200)
    first, second = desk.on.retirement(1), desk.on.retirement(2)
    assert (first.certificate, first.from_wh, first.to_wh, first.holder) == (made, 0, 200, buyer)
    assert (second.certificate, second.from_wh, second.to_wh, second.holder) == (made, 200, 250, prosumer)
    assert (first.use.beneficiary, first.use.name, first.use.purpose) == (ZERO, "Mill Lane 4", "charging the bus")
    assert (second.use.beneficiary, second.use.name, second.use.purpose) == (buyer, "", "a gift")
    assert (second.use.period_from, second.use.period_until) == PERIOD
    assert (second.retired_at, second.revoked_at) == (desk.house.now, 0)
    assert (desk.on.balanceOf(prosumer, made), desk.on.balanceOf(buyer, made)) == (650, 100)
    assert (desk.on.certificate(made).from_wh, desk.on.total_supply(made)) == (250, 750)
    assert (desk.on.state_of(made), desk.on.retirements()) == (VALID, 2)
    assert desk.on.retirement(3).certificate == 0


def test_retire__all__ends_it(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI, relayer: AccountAPI) -> None:
    """A market that was approved retires for its buyer; used up means RETIRED, and time does not change that."""
    made = desk.valid()
    desk.on.setApprovalForAll(relayer, True, sender=prosumer)

    desk.on.retire(prosumer, made, 1_000, use(buyer), sender=relayer)

    assert (desk.on.state_of(made), desk.on.total_supply(made), desk.on.balanceOf(prosumer, made)) == (RETIRED, 0, 0)
    told = desk.on.retirement(1)
    assert (told.holder, told.use.beneficiary) == (prosumer, buyer)
    refuses("certificates: not valid", desk.on.safeTransferFrom, prosumer, buyer, made, 0, b"", sender=prosumer)
    desk.house.wait(400 * 86_400)
    assert desk.on.state_of(made) == RETIRED


@pytest.mark.parametrize(
    ("amount", "change", "reason"),
    [
        (0, {}, "certificates: nothing to retire"),
        (1_001, {}, "certificates: amount exceeds balance"),
        (2**256 - 1, {}, "certificates: amount exceeds balance"),
        (1, {0: ZERO, 1: ""}, "certificates: no beneficiary"),
        (1, {2: ""}, "certificates: no purpose"),
        (1, {3: PERIOD[1]}, "certificates: no consumption period"),
    ],
)
def test_retire__bad__reverts(
    desk: Desk, prosumer: AccountAPI, amount: int, change: dict[int, object], reason: str
) -> None:
    """A use says how much, for whom, for what and for when."""
    made = desk.valid()
    said = tuple(change.get(i, value) for i, value in enumerate(use(prosumer)))
    refuses(reason, desk.on.retire, prosumer, made, amount, said, sender=prosumer)
