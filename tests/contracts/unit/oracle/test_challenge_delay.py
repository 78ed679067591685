# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The challenge delay: nobody claims against a young report, and nothing is paid with a report meanwhile."""

from ape.api import AccountAPI

from tests.contracts.house import (
    AGR,
    BARN,
    CLAIMED,
    KWH,
    ROOF,
    SLOT,
    E,
    H,
    House,
    refuses,
)

HOUR = 3_600
RUNNING = "oracle: challenge delay is running"


def test_set_challenge_delay(house: House, owner: AccountAPI) -> None:
    """The owner sets it, everybody can read it, the log tells both."""
    assert house.on.oracle.challenge_delay() == 0

    receipt = house.on.oracle.set_challenge_delay(HOUR, sender=owner)

    (changed,) = receipt.decode_logs(house.on.oracle.ChallengeDelayChanged)
    assert (changed.old, changed.new) == (0, HOUR)
    assert house.on.oracle.challenge_delay() == HOUR
    assert [house.on.oracle.mode_of(utility) for utility in range(1, 5)] == [1, 2, 3, 0]


def test_set_challenge_delay__bad__reverts(house: House, owner: AccountAPI, stranger: AccountAPI) -> None:
    """Only the owner, whole slots, at most a day: the ring of roots forgets after 32 hours."""
    set_delay = house.on.oracle.set_challenge_delay
    refuses("ownable: caller is not the owner", set_delay, HOUR, sender=stranger)
    refuses("oracle: delay is not whole slots", set_delay, SLOT + 1, sender=owner)
    refuses("oracle: delay out of bounds", set_delay, 97 * SLOT, sender=owner)
    refuses("oracle: delay out of bounds", set_delay, 2**256 - 2**256 % SLOT, sender=owner)


def test_claim__younger_than_the_delay__reverts_and_is_paid_after(house: House, owner: AccountAPI) -> None:
    """To the second: one before its end refused, at its end paid."""
    house.on.oracle.set_challenge_delay(HOUR, sender=owner)
    published = house.publish({ROOF: KWH})
    accepted = house.now

    assert house.on.oracle.claimable_at(E, published.content.slot) == accepted + HOUR
    assert house.on.oracle.root_of(E, published.content.slot) == published.content.root
    house.wait(HOUR - 1)
    for way in (house.on.treasury.claim, house.on.treasury.claim_batch):
        refuses(RUNNING, way, *published.shown(ROOF), sender=house.relayer)
    house.wait(1)
    house.claim(published, ROOF)
    assert house.settled(ROOF) == KWH


def test_claim__older_report_under_the_delay__settles_what_it_says(house: House, owner: AccountAPI) -> None:
    """Reports go on every slot; each is claimable when its own delay is over, the newer one not yet."""
    house.on.oracle.set_challenge_delay(2 * SLOT, sender=owner)
    first = house.publish({ROOF: KWH})
    house.next_slot()
    second = house.publish({ROOF: KWH})

    refuses(RUNNING, house.on.treasury.claim, *second.shown(ROOF), sender=house.relayer)
    house.claim(first, ROOF)
    assert house.settled(ROOF) == KWH


def test_claim__wrong_report_overtaken_in_time__is_never_paid(house: House, owner: AccountAPI) -> None:
    """What the delay is for: a sound report with `validFrom` of its own slot kills the wrong one before it can be claimed."""
    house.on.oracle.set_challenge_delay(HOUR, sender=owner)
    wrong = house.publish({ROOF: 2 * KWH})
    house.tenures[E, ROOF, 1].mintable = KWH
    slot = house.next_slot()
    # the running total cannot fall; the difference is owed to nobody yet, and grows into the neighbour's register
    house.tenures[E, BARN, 1].mintable = KWH
    sound = house.draft(house.leaves({}, utility=E, slot=slot), valid_from=slot)
    house.bring(sound.content)

    house.wait(HOUR)

    refuses("treasury: no such report", house.on.treasury.claim, *wrong.shown(ROOF), sender=house.relayer)
    house.claim(sound, ROOF)
    assert house.settled(ROOF) == KWH


def test_claim__accepted_before_there_was_a_delay__waits_from_when_it_was_set(house: House, owner: AccountAPI) -> None:
    """Nobody wrote down when those were accepted, so they count as accepted when the delay began."""
    published = house.publish({ROOF: KWH})
    house.wait(10 * HOUR)
    house.on.oracle.set_challenge_delay(HOUR, sender=owner)
    began = house.now

    assert house.on.oracle.claimable_at(E, published.content.slot) == began + HOUR
    refuses(RUNNING, house.on.treasury.claim, *published.shown(ROOF), sender=house.relayer)
    house.on.oracle.set_challenge_delay(2 * HOUR, sender=owner)
    assert house.on.oracle.claimable_at(E, published.content.slot) == began + 2 * HOUR
    house.wait(2 * HOUR)
    house.claim(published, ROOF)


def test_claim__delay_taken_back__is_paid_at_once(house: House, owner: AccountAPI) -> None:
    """0 is no delay, for every report."""
    house.on.oracle.set_challenge_delay(HOUR, sender=owner)
    published = house.publish({ROOF: KWH})
    house.on.oracle.set_challenge_delay(0, sender=owner)

    assert house.on.oracle.claimable_at(E, published.content.slot) == 0
    house.claim(published, ROOF)


def test_direct__under_a_delay__reverts(house: House, owner: AccountAPI) -> None:
    """What is paid with the report could not be challenged; it goes on when the delay is gone."""
    house.on.oracle.set_challenge_delay(SLOT, sender=owner)
    slot = house.next_slot()
    draft = house.draft(house.leaves({ROOF: KWH}, utility=H, slot=slot), utility=H)
    args = house.direct(draft.content, draft.leaves)
    reason = "oracle: a challenge delay stops paying with the report"
    refuses(reason, house.on.treasury.direct, *args, sender=house.relayer)

    house.on.oracle.set_challenge_delay(0, sender=owner)
    house.on.treasury.direct(*args, sender=house.relayer)
    assert house.settled(ROOF, utility=H) == KWH


def test_open_utility__under_a_delay__has_it_too(house: House, owner: AccountAPI, prosumer: AccountAPI) -> None:
    """A utility that is opened later is challenged like the others."""
    house.on.oracle.set_challenge_delay(HOUR, sender=owner)
    house.on.oracle.open_utility(AGR, CLAIMED, sender=owner)
    house.join(ROOF, prosumer, utility=AGR)
    house.next_slot()
    published = house.publish({ROOF: KWH}, utility=AGR)

    refuses(RUNNING, house.on.treasury.claim, *published.shown(ROOF), sender=house.relayer)
    house.wait(HOUR)
    house.claim(published, ROOF)
    assert house.settled(ROOF, utility=AGR) == KWH
