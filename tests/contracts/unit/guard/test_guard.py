# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Guard: guardians stop, freeze and rate; only the owner lets go on."""

from ape.api import AccountAPI

from tests.contracts.house import House, refuses


def test_pause_and_unpause(house: House, guardian: AccountAPI, owner: AccountAPI) -> None:
    """Every contract that obeys the Guard stops and goes on."""
    for target in (house.on.oracle, house.on.treasury, house.on.token):
        receipt = house.on.guard.pause(target, sender=guardian)
        (paused,) = receipt.decode_logs(house.on.guard.Paused)
        assert (paused.target, paused.by) == (target, guardian)
        assert target.paused()
        receipt = house.on.guard.unpause(target, sender=owner)
        (unpaused,) = receipt.decode_logs(house.on.guard.Unpaused)
        assert (unpaused.target, unpaused.by) == (target, owner)
        assert not target.paused()


def test_freeze_and_unfreeze(house: House, guardian: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Freezes are seen one by one and in pairs."""
    receipt = house.on.guard.freeze(prosumer, sender=guardian)
    (frozen,) = receipt.decode_logs(house.on.guard.Frozen)
    assert (frozen.account, frozen.by) == (prosumer, guardian)
    assert house.on.guard.frozen(prosumer)
    assert house.on.guard.any_frozen(prosumer, buyer)
    assert house.on.guard.any_frozen(buyer, prosumer)
    assert not house.on.guard.any_frozen(buyer, buyer)

    house.on.guard.unfreeze(prosumer, sender=guardian)
    assert not house.on.guard.frozen(prosumer)


def test_freeze__twice__reverts(house: House, guardian: AccountAPI, prosumer: AccountAPI) -> None:
    """Every line of the log is a change."""
    refuses("guard: not frozen", house.on.guard.unfreeze, prosumer, sender=guardian)
    house.on.guard.freeze(prosumer, sender=guardian)
    refuses("guard: frozen already", house.on.guard.freeze, prosumer, sender=guardian)


def test_set_tier(house: House, guardian: AccountAPI, prosumer: AccountAPI) -> None:
    """A tier is recorded with what it was."""
    house.on.guard.set_tier(prosumer, 1, sender=guardian)
    receipt = house.on.guard.set_tier(prosumer, 2, sender=guardian)

    (changed,) = receipt.decode_logs(house.on.guard.TierChanged)
    assert (changed.account, changed.old, changed.new) == (prosumer, 1, 2)
    assert house.on.guard.tier_of(prosumer) == 2


def test_set_guardian(house: House, owner: AccountAPI, guardian: AccountAPI, prosumer: AccountAPI) -> None:
    """A dismissed guardian is a stranger."""
    receipt = house.on.guard.set_guardian(guardian, False, sender=owner)

    (changed,) = receipt.decode_logs(house.on.guard.GuardianChanged)
    assert (changed.guardian, changed.old, changed.new) == (guardian, True, False)
    refuses("guard: access is denied", house.on.guard.freeze, prosumer, sender=guardian)


def test_access__stranger__reverts(house: House, guardian: AccountAPI, stranger: AccountAPI) -> None:
    """Who may do what. A guardian cannot let go on what it stopped, nor appoint others."""
    guard, token = house.on.guard, house.on.token
    for method, arguments in (
        (guard.pause, [token]),
        (guard.freeze, [token]),
        (guard.unfreeze, [token]),
        (guard.set_tier, [token, 1]),
    ):
        refuses("guard: access is denied", method, *arguments, sender=stranger)
    for sender in (stranger, guardian):
        refuses("ownable: caller is not the owner", guard.unpause, token, sender=sender)
        refuses("ownable: caller is not the owner", guard.set_guardian, stranger, True, sender=sender)


def test_ownership__two_steps(house: House, owner: AccountAPI, buyer: AccountAPI, stranger: AccountAPI) -> None:
    """Every owned contract changes hands only when the new owner takes it, and can never be left without one."""
    for contract in (house.on.guard, house.on.registry, house.on.oracle, house.on.treasury):
        refuses("ownable: caller is not the owner", contract.transfer_ownership, stranger, sender=stranger)
        contract.transfer_ownership(buyer, sender=owner)
        assert contract.owner() == owner
        refuses("ownable_2step: caller is not the new owner", contract.accept_ownership, sender=stranger)
        contract.accept_ownership(sender=buyer)
        assert contract.owner() == buyer
        assert not hasattr(contract, "renounce_ownership")
