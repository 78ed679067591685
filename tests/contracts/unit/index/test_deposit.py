# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCM: class tokens come in at the weights of the moment, and nobody buys in below the basket's worth."""

from ape.api import AccountAPI

from tests.contracts.house import KWH, ZERO, E, H, W, batch_id, refuses
from tests.contracts.unit.index.conftest import Fill, Money

LOCKED = 10**6  # what the first deposit leaves in the index for good
ONE = 10**6  # a weight of one GCM a token
NO_CAP = 2**96 - 1


def test_constructor(money: Money, owner: AccountAPI, minter: AccountAPI) -> None:
    """Nine utilities at one GCM a token, nine decimals, the tokens' own minter."""
    gcm = money.gcm
    assert (gcm.name(), gcm.symbol(), gcm.decimals(), gcm.totalSupply()) == ("GreenCore Index", "GCM", 9, 0)
    assert [tuple(gcm.weight_of(utility)) for utility in range(10)] == [(0, 0)] + [(ONE, NO_CAP)] * 9
    assert (gcm.owner(), gcm.treasury(), gcm.token()) == (owner, minter, money.token)
    assert gcm.supportsInterface("0x4e2312e0")
    assert not gcm.supportsInterface("0xffffffff")


def test_deposit__plain_transfer(money: Money, give: Fill, prosumer: AccountAPI) -> None:
    """One transaction without an approval; the first deposit leaves a little for good; the record has the weight."""
    gcm = money.gcm
    give(prosumer, E, 3 * KWH)

    receipt = money.token.safeTransferFrom(prosumer, gcm, E, KWH, b"", sender=prosumer)

    (deposited,) = receipt.decode_logs(gcm.Deposited)
    assert (deposited.number, deposited.depositor, deposited.utility) == (1, prosumer, E)
    assert (deposited.amount, deposited.weight, deposited.minted) == (KWH, ONE, KWH)
    assert gcm.balanceOf(prosumer) == KWH - LOCKED
    assert gcm.balanceOf(gcm) == LOCKED
    money.token.safeTransferFrom(prosumer, gcm, E, KWH, KWH.to_bytes(32, "big"), sender=prosumer)
    assert gcm.balanceOf(prosumer) == 2 * KWH - LOCKED
    assert gcm.totalSupply() == 2 * KWH == gcm.basket()[E]
    assert gcm.worth() == 2 * KWH * ONE
    assert (gcm.deposits(), tuple(gcm.deposit_of(2))) == (2, (E, ONE, KWH, KWH))
    assert tuple(gcm.deposit_of(3)) == (0, 0, 0, 0)


def test_deposit__approved_and_in_a_batch(
    money: Money, give: Fill, pay_in: Fill, owner: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI
) -> None:
    """Several utilities in one transfer, one record each at its own weight; an operator's deposit is the owner's."""
    gcm, token = money.gcm, money.token
    pay_in(stranger, E, KWH)
    gcm.set_weight(H, 1_500_000, NO_CAP, sender=owner)
    for utility in (E, H):
        give(prosumer, utility, KWH)
    assert gcm.preview_deposit(H, 101) == 151

    token.safeBatchTransferFrom(prosumer, gcm, [E, H], [100, 101], (251).to_bytes(32, "big"), sender=prosumer)
    assert gcm.balanceOf(prosumer) == 100 + 151
    assert [tuple(gcm.deposit_of(n)) for n in (2, 3)] == [(E, ONE, 100, 100), (H, 1_500_000, 101, 151)]

    token.setApprovalForAll(gcm, True, sender=prosumer)
    # The half unit that the batch lost is worth above par: from now on a deposit gets its share, one unit below par.
    assert gcm.deposit(H, 10, gcm.preview_deposit(H, 10), sender=prosumer).return_value == 14
    token.setApprovalForAll(stranger, True, sender=prosumer)
    token.safeTransferFrom(prosumer, gcm, H, 10, b"", sender=stranger)
    assert gcm.balanceOf(prosumer) == 251 + 28

    gcm.set_weight(H, 0, NO_CAP, sender=owner)
    assert tuple(gcm.deposit_of(3)) == (H, 1_500_000, 101, 151)


def test_deposit__bad__reverts(
    money: Money, give: Fill, pay_in: Fill, owner: AccountAPI, minter: AccountAPI, prosumer: AccountAPI
) -> None:
    """What is no class token, too small, closed, over the cap or under what the owner accepts goes back whole."""
    gcm, token = money.gcm, money.token
    move = token.safeTransferFrom
    batch = batch_id(E, 1)
    for token_id, amount in ((E, 3 * KWH), (batch, KWH)):
        give(prosumer, token_id, amount)

    refuses("gcm: first deposit too small", move, prosumer, gcm, E, LOCKED, b"", sender=prosumer)
    pay_in(prosumer, E, KWH)
    refuses("gcm: not a class token", move, prosumer, gcm, batch, 1, b"", sender=prosumer)
    refuses("gcm: not a class token", move, prosumer, gcm, 0, 0, b"", sender=prosumer)
    refuses("gcm: not a class token", move, prosumer, gcm, 10, 0, b"", sender=prosumer)
    refuses("gcm: deposit too small", move, prosumer, gcm, E, 0, b"", sender=prosumer)
    refuses("gcm: less than accepted", move, prosumer, gcm, E, 7, (8).to_bytes(32, "big"), sender=prosumer)
    refuses("gcm: data is not one number", move, prosumer, gcm, E, 7, b"8", sender=prosumer)
    refuses("energy_token: caller is not owner or approved", gcm.deposit, E, 7, 0, sender=prosumer)

    gcm.set_weight(E, ONE, KWH + 6, sender=owner)
    refuses("gcm: more than the basket takes", move, prosumer, gcm, E, 7, b"", sender=prosumer)
    gcm.set_weight(E, 0, NO_CAP, sender=owner)
    refuses("gcm: utility is closed", move, prosumer, gcm, E, 7, b"", sender=prosumer)

    refuses("gcm: only utility tokens", gcm.onERC1155Received, prosumer, prosumer, W, KWH, b"", sender=prosumer)
    ids = (prosumer, prosumer, [W], [KWH], b"")
    refuses("gcm: only utility tokens", gcm.onERC1155BatchReceived, *ids, sender=prosumer)
    refuses("energy_token: receiver refuses", token.mint_with_hook, gcm, E, KWH, sender=minter)


def test_deposit__weight_was_raised__shares_what_the_others_gained(
    money: Money, give: Fill, pay_in: Fill, owner: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """Who comes after a rise pays the risen price: in and out again brings nothing."""
    gcm = money.gcm
    pay_in(prosumer, E, 4 * KWH)
    gcm.set_weight(E, 2 * ONE, NO_CAP, sender=owner)
    give(buyer, E, KWH)

    money.token.safeTransferFrom(buyer, gcm, E, KWH, b"", sender=buyer)
    assert gcm.balanceOf(buyer) == KWH == gcm.deposit_of(2).minted

    gcm.redeem(KWH, buyer, [0] * 10, sender=buyer)
    assert money.token.balanceOf(buyer, E) == KWH


def test_deposit__weight_was_lowered__gets_the_weight_and_no_more(
    money: Money, pay_in: Fill, owner: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """A basket that is worth less than the supply gives nobody more GCM than the weights say."""
    pay_in(prosumer, E, 4 * KWH)
    money.gcm.set_weight(E, ONE // 2, NO_CAP, sender=owner)
    pay_in(buyer, E, KWH)
    assert money.gcm.balanceOf(buyer) == KWH // 2
    assert money.gcm.worth() == 5 * KWH * ONE // 2


def test_set_weight(money: Money, pay_in: Fill, owner: AccountAPI, prosumer: AccountAPI, stranger: AccountAPI) -> None:
    """Owner only, within bounds; the log has before and after; the basket is weighed anew."""
    gcm = money.gcm
    pay_in(prosumer, H, KWH)

    receipt = gcm.set_weight(H, 10**9, 5 * KWH, sender=owner)

    (changed,) = receipt.decode_logs(gcm.WeightChanged)
    assert (changed.utility, changed.old_weight, changed.new_weight) == (H, ONE, 10**9)
    assert (changed.old_cap, changed.new_cap) == (NO_CAP, 5 * KWH)
    assert gcm.worth() == KWH * 10**9
    assert gcm.basket()[H] == KWH
    refuses("gcm: weight out of bounds", gcm.set_weight, H, 10**9 + 1, 0, sender=owner)
    for utility in (0, 10):
        refuses("gcm: unknown utility", gcm.set_weight, utility, 1, 1, sender=owner)
    refuses("ownable: caller is not the owner", gcm.set_weight, H, 1, 1, sender=stranger)
    assert gcm.balanceOf(ZERO) == 0
