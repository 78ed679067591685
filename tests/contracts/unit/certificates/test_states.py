# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The five states of a certificate: who moves it from one to the next, and that nothing but VALID moves or is used."""

from collections.abc import Callable

import ape
import pytest
from ape.api import AccountAPI

from tests.contracts.certificates import EXPIRED, PENDING, RETIRED, REVOKED, VALID, Desk, use
from tests.contracts.house import refuses


def pending(desk: Desk) -> int:
    """Not validated yet."""
    return desk.issued()


def rejected(desk: Desk) -> int:
    """Never validated."""
    made = desk.issued()
    desk.on.revoke(made, "the plant burns gas", sender=desk.validator)
    return made


def revoked(desk: Desk) -> int:
    """Revoked after it was validated."""
    made = desk.valid()
    desk.on.revoke(made, "the meter was bridged", sender=desk.validator)
    return made


def expired(desk: Desk) -> int:
    """Validated, and then nobody used it."""
    made = desk.valid()
    ape.chain.mine(timestamp=desk.on.certificate(made).expires_at)
    return made


def expired_before_it_was_validated(desk: Desk) -> int:
    """Nobody looked at it."""
    made = desk.issued()
    ape.chain.mine(timestamp=desk.on.certificate(made).expires_at)
    return made


def part_of_a_revoked_one(desk: Desk) -> int:
    """Split off before its origin was revoked."""
    made = desk.valid()
    part = desk.on.split(desk.prosumer, made, 400, sender=desk.prosumer).return_value
    desk.on.revoke(made, "the meter was bridged", sender=desk.validator)
    return int(part)


@pytest.mark.parametrize(
    ("way", "state"),
    [
        (pending, PENDING),
        (rejected, REVOKED),
        (revoked, REVOKED),
        (expired, EXPIRED),
        (expired_before_it_was_validated, EXPIRED),
        (part_of_a_revoked_one, REVOKED),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_not_valid__every_path_is_shut(
    desk: Desk,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    relayer: AccountAPI,
    way: Callable[[Desk], int],
    state: int,
) -> None:
    """Origin's revoked certificates went on trading, because plain transfers never asked. Here all ask: transfers, in
    batches too, by owner and approved, splits and retirements. Its value stays where it is."""
    desk.on.setApprovalForAll(relayer, True, sender=prosumer)
    made = way(desk)
    good = desk.valid(10)
    held = desk.on.balanceOf(prosumer, made)

    assert desk.on.state_of(made) == desk.on.certificate(made).state == state
    reason = "certificates: not valid"
    for sender in (prosumer, relayer):
        refuses(reason, desk.on.safeTransferFrom, prosumer, buyer, made, 1, b"", sender=sender)
        refuses(reason, desk.on.safeTransferFrom, prosumer, buyer, made, 0, b"", sender=sender)
        for ids in ([made], [good, made], [made, good], [good, made, good]):
            refuses(reason, desk.on.safeBatchTransferFrom, prosumer, buyer, ids, [1] * len(ids), b"", sender=sender)
        refuses(reason, desk.on.split, prosumer, made, 1, sender=sender)
        refuses(reason, desk.on.retire, prosumer, made, 1, use(buyer), sender=sender)
    if state != PENDING:
        refuses("certificates: not pending", desk.on.validate, [made], sender=desk.validator)
    assert desk.on.balanceOf(prosumer, made) == desk.on.total_supply(made) == held > 0


def test_unknown__every_path_is_shut(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """What was never issued is not valid, not pending, and not there to be revoked."""
    assert desk.on.state_of(7) == 0
    assert desk.on.uri(7) == ""
    assert desk.on.certificate(7).technology == ""
    refuses("certificates: not valid", desk.on.safeTransferFrom, prosumer, buyer, 7, 0, b"", sender=prosumer)
    refuses("certificates: not pending", desk.on.validate, [7], sender=desk.validator)
    refuses("certificates: no such certificate", desk.on.revoke, 7, "nothing", sender=desk.validator)


def test_validate(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """A validator makes several VALID at once, and its name stands in each."""
    ids = [desk.issued(), desk.issued()]

    receipt = desk.on.validate(ids, sender=desk.validator)

    assert [(log.id, log.validator) for log in receipt.decode_logs(desk.on.Validated)] == [
        (made, desk.validator) for made in ids
    ]
    for made in ids:
        assert desk.on.state_of(made) == VALID
        assert desk.on.certificate(made).validator == desk.validator
    desk.on.safeTransferFrom(prosumer, buyer, ids[1], 1, b"", sender=prosumer)


def test_validate__bad__reverts(desk: Desk, stranger: AccountAPI, owner: AccountAPI, pause) -> None:
    """Nobody else; nothing twice, also not within one call; nothing that the validator holds; all or none."""
    made = desk.issued()
    refuses("certificates: access is denied", desk.on.validate, [made], sender=stranger)
    refuses("certificates: access is denied", desk.on.validate, [made], sender=owner)
    refuses("certificates: not pending", desk.on.validate, [made, made], sender=desk.validator)
    desk.on.set_validator(desk.prosumer, True, sender=owner)
    refuses("certificates: validator holds it", desk.on.validate, [made], sender=desk.prosumer)
    pause(desk.on)
    refuses("certificates: paused", desk.on.validate, [made], sender=desk.validator)
    desk.house.on.guard.unpause(desk.on, sender=owner)
    desk.on.validate([made], sender=desk.validator)
    refuses("certificates: not pending", desk.on.validate, [made], sender=desk.validator)


def test_revoke(desk: Desk, pause) -> None:
    """The reason, who and when are kept; a stop does not hinder it."""
    made = desk.valid()
    pause(desk.on)

    receipt = desk.on.revoke(made, "the meter was bridged", sender=desk.validator)

    (log,) = receipt.decode_logs(desk.on.Revoked)
    assert (log.id, log.validator, log.state, log.reason) == (made, desk.validator, VALID, "the meter was bridged")
    told = desk.on.revocation(made)
    assert (told.at, told.by, told.reason) == (desk.house.now, desk.validator, "the meter was bridged")
    assert desk.on.state_of(made) == REVOKED


def test_revoke__bad__reverts(desk: Desk, stranger: AccountAPI, prosumer: AccountAPI) -> None:
    """Nobody else, not without a reason, not twice."""
    made = desk.valid()
    refuses("certificates: access is denied", desk.on.revoke, made, "mine", sender=stranger)
    refuses("certificates: access is denied", desk.on.revoke, made, "mine", sender=prosumer)
    refuses("certificates: no reason", desk.on.revoke, made, "", sender=desk.validator)
    desk.on.revoke(made, "bridged", sender=desk.validator)
    refuses("certificates: revoked already", desk.on.revoke, made, "again", sender=desk.validator)


def test_revoke__a_part__leaves_the_rest(desk: Desk, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """A part is revoked alone; its origin and its siblings go on."""
    made = desk.valid()
    first, second = (desk.on.split(prosumer, made, 100, sender=prosumer).return_value for _ in range(2))

    desk.on.revoke(first, "only this hour", sender=desk.validator)

    assert [desk.on.state_of(one) for one in (made, first, second)] == [VALID, REVOKED, VALID]
    desk.on.safeTransferFrom(prosumer, buyer, second, 100, b"", sender=prosumer)


def test_revoke__used_up__stays_retired_and_tells(desk: Desk, prosumer: AccountAPI) -> None:
    """Fraud that comes out late takes nothing from anybody, but every statement says so, a part's too."""
    made = desk.valid()
    part = desk.on.split(prosumer, made, 400, sender=prosumer).return_value
    desk.on.retire(prosumer, made, 600, use(prosumer), sender=prosumer)
    desk.on.retire(prosumer, part, 1, use(prosumer), sender=prosumer)
    assert desk.on.state_of(made) == RETIRED
    assert [desk.on.retirement(number).revoked_at for number in (1, 2)] == [0, 0]

    receipt = desk.on.revoke(made, "found a year later", sender=desk.validator)

    (log,) = receipt.decode_logs(desk.on.Revoked)
    assert log.state == RETIRED
    assert [desk.on.state_of(one) for one in (made, part)] == [RETIRED, REVOKED]
    assert [desk.on.retirement(number).revoked_at for number in (1, 2)] == [desk.house.now] * 2


def test_expiry__to_the_second(desk: Desk) -> None:
    """VALID in the last second before, EXPIRED from then on; a part expires with its origin."""
    made = desk.valid()
    part = desk.on.split(desk.prosumer, made, 400, sender=desk.prosumer).return_value
    expires_at = desk.on.certificate(made).expires_at
    assert desk.on.certificate(part).expires_at == expires_at

    ape.chain.mine(timestamp=expires_at - 1)
    assert [desk.on.state_of(one) for one in (made, part)] == [VALID, VALID]
    ape.chain.mine(timestamp=expires_at)
    assert [desk.on.state_of(one) for one in (made, part)] == [EXPIRED, EXPIRED]
    assert desk.on.balanceOf(desk.prosumer, made) == 600
