# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Treasury.claim_batch: exactly one slot, as tokens that name it."""

from ape.api import AccountAPI

from tests.contracts.house import BARN, KWH, ROOF, SLOT_ALLOWANCE, E, House, batch_id, refuses, reserve_of


def test_claim_batch(house: House, prosumer: AccountAPI) -> None:
    """The slot's energy becomes tokens of the slot; the class has none of them."""
    published = house.publish({ROOF: KWH})
    token_id = batch_id(E, published.content.slot)

    receipt = house.claim_batch(published, ROOF)

    kept = reserve_of(0, KWH)
    (minted,) = receipt.decode_logs(house.on.treasury.Minted)
    assert (minted.token_id, minted.mode, minted.slot) == (token_id, 2, published.content.slot)
    assert (minted.from_register, minted.to_register, minted.to_owner) == (0, KWH, KWH - kept)
    assert receipt.return_value == KWH
    assert house.on.token.balanceOf(prosumer, token_id) == KWH - kept == house.on.token.total_supply(token_id)
    assert house.on.token.balanceOf(prosumer, E) == 0 == house.on.token.total_supply(E)
    assert house.on.treasury.minted(E) == KWH
    assert house.on.treasury.issued(E) == KWH - kept


def test_claim_batch__slot_after_slot(house: House, prosumer: AccountAPI) -> None:
    """A register that is settled up to the slot before is ready for the next batch."""
    for _ in range(2):
        published = house.publish({ROOF: KWH})
        house.claim_batch(published, ROOF)
        assert house.on.token.balanceOf(prosumer, batch_id(E, published.content.slot)) > 0


def test_claim_batch__again__reverts(house: House) -> None:
    """A batch exists once: a repetition is not a slot any more, neither as batch nor as class tokens."""
    published = house.publish({ROOF: KWH})
    house.claim_batch(published, ROOF)

    refuses(
        "treasury: not exactly one slot", house.on.treasury.claim_batch, *published.shown(ROOF), sender=house.relayer
    )
    assert house.claim(published, ROOF).return_value == 0


def test_claim_batch__after_a_missed_slot__reverts(house: House) -> None:
    """Two open slots have no one slot to name; class tokens settle both (hole 10)."""
    house.publish({ROOF: KWH})
    published = house.publish({ROOF: KWH})

    refuses(
        "treasury: not exactly one slot", house.on.treasury.claim_batch, *published.shown(ROOF), sender=house.relayer
    )
    assert house.claim(published, ROOF).return_value == 2 * KWH


def test_claim_batch__nothing_in_the_slot__reverts(house: House) -> None:
    """A slot without energy makes no batch."""
    published = house.publish({BARN: KWH})

    refuses(
        "treasury: not exactly one slot", house.on.treasury.claim_batch, *published.shown(ROOF), sender=house.relayer
    )


def test_claim_batch__more_than_the_rating__reverts(house: House) -> None:
    """A slot that outran the rating cannot be cut: it waits, or becomes class tokens piece by piece."""
    published = house.publish({ROOF: 3 * SLOT_ALLOWANCE})
    settled_now = house.now - house.on.registry.tenure_of(ROOF, 1).since
    assert settled_now * 10_000 * 3_125 // 9 < 3 * SLOT_ALLOWANCE

    refuses(
        "treasury: more than the rating allows",
        house.on.treasury.claim_batch,
        *published.shown(ROOF),
        sender=house.relayer,
    )
    house.wait(2700)
    assert house.claim_batch(published, ROOF).return_value == 3 * SLOT_ALLOWANCE


def test_claim_batch__paused__reverts(house: House, pause) -> None:
    """A stop refuses batches too."""
    published = house.publish({ROOF: KWH})
    pause(house.on.treasury)

    refuses("treasury: paused", house.on.treasury.claim_batch, *published.shown(ROOF), sender=house.relayer)
