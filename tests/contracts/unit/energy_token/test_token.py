# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""EnergyToken: transfers ask the Guard, batches fuse one way, supplies follow the Treasury's book."""

import pytest
from ape.api import AccountAPI

from scripts._house import container
from tests.contracts.house import KWH, ROOF, ZERO, E, House, batch_id, refuses, reserve_of

OWED = KWH - reserve_of(0, KWH)


@pytest.fixture
def class_tokens(house: House) -> int:
    """The prosumer holds one claim's class tokens; the id."""
    house.claim(house.publish({ROOF: KWH}), ROOF)
    return E


@pytest.fixture
def batch_tokens(house: House) -> int:
    """The prosumer holds one slot's batch tokens; the id."""
    published = house.publish({ROOF: KWH})
    house.claim_batch(published, ROOF)
    return batch_id(E, published.content.slot)


def test_transfer(house: House, class_tokens: int, prosumer: AccountAPI, buyer: AccountAPI) -> None:
    """Alone and in a batch; the supply does not move."""
    token = house.on.token
    token.safeTransferFrom(prosumer, buyer, class_tokens, 100, b"", sender=prosumer)
    token.safeBatchTransferFrom(prosumer, buyer, [class_tokens], [11], b"", sender=prosumer)

    assert token.balanceOf(buyer, class_tokens) == 111
    assert token.balanceOf(prosumer, class_tokens) == OWED - 111
    assert token.total_supply(class_tokens) == OWED


def test_transfer__without_approval__reverts(
    house: House, class_tokens: int, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI
) -> None:
    """Only the owner or whom the owner approved."""
    token = house.on.token
    reason = "energy_token: caller is not owner or approved"
    refuses(reason, token.safeTransferFrom, prosumer, stranger, class_tokens, 1, b"", sender=stranger)
    refuses(reason, token.safeBatchTransferFrom, prosumer, stranger, [class_tokens], [1], b"", sender=stranger)
    refuses(reason, token.burn_from, prosumer, class_tokens, 1, sender=stranger)

    token.setApprovalForAll(stranger, True, sender=prosumer)
    token.safeTransferFrom(prosumer, buyer, class_tokens, 1, b"", sender=stranger)
    assert token.balanceOf(buyer, class_tokens) == 1


def test_transfer__frozen_or_paused__reverts(
    house: House, class_tokens: int, prosumer: AccountAPI, buyer: AccountAPI, guardian: AccountAPI, pause
) -> None:
    """A frozen account neither gives, receives, burns nor fuses; a stop stops everybody."""
    token = house.on.token
    give = (prosumer, buyer, class_tokens, 1, b"")
    for frozen in (prosumer, buyer):
        house.on.guard.freeze(frozen, sender=guardian)
        refuses("energy_token: account is frozen", token.safeTransferFrom, *give, sender=prosumer)
        refuses(
            "energy_token: account is frozen",
            token.safeBatchTransferFrom,
            prosumer,
            buyer,
            [class_tokens],
            [1],
            b"",
            sender=prosumer,
        )
        house.on.guard.unfreeze(frozen, sender=guardian)
    house.on.guard.freeze(prosumer, sender=guardian)
    refuses("energy_token: account is frozen", token.burn, class_tokens, 1, sender=prosumer)
    refuses("energy_token: account is frozen", token.fuse, batch_id(E, 1), 0, sender=prosumer)
    house.on.guard.unfreeze(prosumer, sender=guardian)

    pause(token)
    refuses("energy_token: paused", token.safeTransferFrom, *give, sender=prosumer)
    refuses("energy_token: paused", token.burn, class_tokens, 1, sender=prosumer)
    refuses("energy_token: paused", token.fuse, batch_id(E, 1), 0, sender=prosumer)


def test_transfer__frozen_operator__reverts(
    house: House, class_tokens: int, prosumer: AccountAPI, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI
) -> None:
    """A frozen account moves nobody else's tokens either."""
    house.on.token.setApprovalForAll(stranger, True, sender=prosumer)
    house.on.guard.freeze(stranger, sender=guardian)

    refuses(
        "energy_token: account is frozen",
        house.on.token.safeTransferFrom,
        prosumer,
        buyer,
        class_tokens,
        1,
        b"",
        sender=stranger,
    )


def test_mint__paused_token__still_pays(house: House, prosumer: AccountAPI, pause) -> None:
    """What was metered is owed: a stop of transfers does not stop minting."""
    published = house.publish({ROOF: KWH})
    pause(house.on.token)
    house.claim(published, ROOF)
    assert house.on.token.balanceOf(prosumer, E) == OWED


def test_fuse(house: House, batch_tokens: int, prosumer: AccountAPI) -> None:
    """A part of a batch becomes class tokens; the sum of both supplies does not move."""
    token = house.on.token

    receipt = token.fuse(batch_tokens, 1_000, sender=prosumer)

    (fused,) = receipt.decode_logs(token.Fused)
    assert (fused.owner, fused.batch_id, fused.class_id, fused.amount) == (prosumer, batch_tokens, E, 1_000)
    gone, come = receipt.decode_logs(token.TransferSingle)
    assert (gone._from, gone._to, gone._id, gone._value) == (prosumer, ZERO, batch_tokens, 1_000)
    assert (come._from, come._to, come._id, come._value) == (ZERO, prosumer, E, 1_000)
    assert token.balanceOf(prosumer, batch_tokens) == OWED - 1_000 == token.total_supply(batch_tokens)
    assert token.balanceOf(prosumer, E) == 1_000 == token.total_supply(E)


def test_fuse__refusals__revert(house: House, batch_tokens: int, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """One way only, and only what one has."""
    refuses("energy_token: not a batch", house.on.token.fuse, E, 1, sender=prosumer)
    refuses("energy_token: amount exceeds balance", house.on.token.fuse, batch_tokens, OWED + 1, sender=prosumer)
    refuses("energy_token: amount exceeds balance", house.on.token.fuse, batch_tokens, 1, sender=stranger)


def test_burn(house: House, class_tokens: int, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """Burning lowers the supply and never what was minted."""
    token = house.on.token
    receipt = token.burn(class_tokens, 7, sender=prosumer)
    token.setApprovalForAll(stranger, True, sender=prosumer)
    token.burn_from(prosumer, class_tokens, 3, sender=stranger)

    (burned,) = receipt.decode_logs(token.TransferSingle)
    assert (burned._operator, burned._from, burned._to, burned._value) == (prosumer, prosumer, ZERO, 7)
    assert token.balanceOf(prosumer, class_tokens) == OWED - 10 == token.total_supply(class_tokens)
    assert house.on.treasury.minted(E) == KWH
    refuses("energy_token: amount exceeds balance", token.burn, class_tokens, OWED, sender=prosumer)


def test_burn__batch(house: House, batch_tokens: int, prosumer: AccountAPI) -> None:
    """A burned batch leaves its supply, and its class never gets it."""
    house.on.token.burn(batch_tokens, OWED, sender=prosumer)

    assert not house.on.token.exists(batch_tokens)
    assert house.on.token.total_supply(E) == 0
    house.claim(house.publish({ROOF: KWH}), ROOF)
    assert house.on.token.total_supply(E) == KWH - reserve_of(KWH, 2 * KWH)


def test_mint__not_the_treasury__reverts(house: House, owner: AccountAPI) -> None:
    """Nobody else mints, not even who deployed the token; and nobody owns it."""
    for method in (house.on.token.mint, house.on.token.mint_with_hook):
        refuses("energy_token: access is denied", method, owner, E, 1, sender=owner)
    refuses("energy_token: access is denied", house.on.token.set_paused, True, sender=owner)
    assert not {"owner", "set_minter", "safe_mint", "renounce_ownership"} & {
        m.name for m in house.on.token.contract_type.methods
    }


def test_ids__batch_and_class_never_meet(house: House, class_tokens: int) -> None:
    """The tag bit keeps a batch from looking like a class; ids that mean nothing have no supply (hole 11)."""
    assert batch_id(0, E) != E
    for nothing in (0, 10, 255, 256, 1 << 32, 1 << 254):
        assert house.on.token.total_supply(nothing) == 0


def test_interfaces_and_uri(house: House) -> None:
    """ERC-165, ERC-1155 and its metadata extension are announced; the address of the metadata is built from the id."""
    for interface in ("01ffc9a7", "d9b67a26", "0e89341c"):
        assert house.on.token.supportsInterface(bytes.fromhex(interface))
    assert not house.on.token.supportsInterface(b"\xff" * 4)
    assert house.on.token.uri(E) == "https://greencore.example/token/1"


def test_transfer__to_contracts(house: House, class_tokens: int, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """A transfer to a contract asks its hook, as ERC-1155 has it; the Treasury itself takes none."""
    willing, refusing = (
        stranger.deploy(container("AcceptingReceiver")),
        stranger.deploy(container("RefusingReceiver"), 1),
    )

    house.on.token.safeTransferFrom(prosumer, willing, class_tokens, 5, b"", sender=prosumer)

    assert (willing.operator(), willing.sender(), willing.id(), willing.amount()) == (
        prosumer,
        prosumer,
        class_tokens,
        5,
    )
    refuses("mock: refuses", house.on.token.safeTransferFrom, prosumer, refusing, class_tokens, 5, b"", sender=prosumer)
