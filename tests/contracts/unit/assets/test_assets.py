# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Assets: providers mint of their own series and no more than its size; a ticket redeems once."""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from scripts._house import container
from tests.contracts.house import ZERO, refuses

PASSPORT, TICKET, RIGHT = 1, 2, 3
DAY = 86_400
HASH, OTHER = b"\x01" * 32, b"\x02" * 32


@dataclass
class Shop:
    """The assets with their Guard, a provider and a holder."""

    assets: ContractInstance
    guard: ContractInstance
    provider: AccountAPI
    holder: AccountAPI

    @property
    def now(self) -> int:
        """The last block's time."""
        return int(ape.chain.blocks.head.timestamp)

    def series(self, **changes: Any) -> list[Any]:
        """The arguments of `open_series`, with something changed."""
        terms = {
            "kind": TICKET,
            "size": 10,
            "ends": 0,
            "bps": 500,
            "to": self.provider,
            "hash": HASH,
            "uri": "ipfs://x",
        }
        return list((terms | changes).values())

    def open(self, **changes: Any) -> int:
        """A new series of the provider; its id."""
        self.assets.open_series(*self.series(**changes), sender=self.provider)
        return int(self.assets.series())


@pytest.fixture(scope="module")
def deployed(
    owner: AccountAPI,
    guardian: AccountAPI,
    neighbour: AccountAPI,
    prosumer: AccountAPI,
    buyer: AccountAPI,
    stranger: AccountAPI,
) -> tuple[ContractInstance, ContractInstance]:
    """Assets and Guard, one provider."""
    guard = owner.deploy(container("Guard"))
    guard.set_guardian(guardian, True, sender=owner)
    assets = owner.deploy(container("Assets"), guard)
    assets.set_provider(neighbour, True, sender=owner)
    return assets, guard


@pytest.fixture
def shop(deployed: tuple[ContractInstance, ContractInstance], neighbour: AccountAPI, prosumer: AccountAPI) -> Shop:
    """A fresh view."""
    return Shop(*deployed, neighbour, prosumer)


def test_open_series(shop: Shop, owner: AccountAPI) -> None:
    """It stands as it was given, with its royalty and its document."""
    ends = shop.now + DAY
    receipt = shop.assets.open_series(*shop.series(ends=ends), sender=shop.provider)

    (opened,) = receipt.decode_logs(shop.assets.SeriesOpened)
    # `provider` of a log is Ape's own.
    assert opened.event_arguments["provider"] == shop.provider
    assert (opened.id, opened.kind, opened.size, opened.ends) == (1, TICKET, 10, ends)
    series = shop.assets.series_of(1)
    assert (series.provider, series.kind, series.size, series.minted) == (shop.provider, TICKET, 10, 0)
    assert (series.ends, series.content_hash) == (ends, HASH)
    assert tuple(shop.assets.royaltyInfo(1, 999)) == (shop.provider, 49)
    assert tuple(shop.assets.royaltyInfo(2, 999)) == (ZERO, 0)
    assert shop.assets.uri(1) == "ipfs://x"
    for interface in ("0x01ffc9a7", "0xd9b67a26", "0x0e89341c", "0x2a55205a"):
        assert shop.assets.supportsInterface(interface)
    assert not shop.assets.supportsInterface("0xffffffff")


def test_open_series__bad_terms__reverts(shop: Shop, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """What can't be kept is refused, and so is whoever isn't a provider."""
    for changes, reason in (
        ({"kind": 0}, "assets: unknown kind"),
        ({"kind": 4}, "assets: unknown kind"),
        ({"size": 0}, "assets: size is 0"),
        ({"kind": PASSPORT, "size": 2}, "assets: a passport is one of its kind"),
        ({"ends": shop.now - 1}, "assets: ends before it begins"),
        ({"bps": 1_001}, "assets: royalty out of bounds"),
        ({"to": ZERO}, "assets: royalty to nobody"),
    ):
        refuses(reason, shop.assets.open_series, *shop.series(**changes), sender=shop.provider)
    refuses("assets: access is denied", shop.assets.open_series, *shop.series(), sender=stranger)
    shop.guard.freeze(shop.provider, sender=guardian)
    refuses("assets: account is frozen", shop.assets.open_series, *shop.series(), sender=shop.provider)


def test_mint__up_to_the_size_and_never_again(shop: Shop) -> None:
    """What was redeemed makes no room."""
    ticket = shop.open(size=3)
    shop.assets.mint(shop.holder, ticket, 2, sender=shop.provider)
    refuses("assets: more than the series' size", shop.assets.mint, shop.holder, ticket, 2, sender=shop.provider)
    shop.assets.redeem(shop.holder, ticket, 2, bytes(32), sender=shop.holder)
    shop.assets.mint(shop.holder, ticket, 1, sender=shop.provider)
    refuses("assets: more than the series' size", shop.assets.mint, shop.holder, ticket, 1, sender=shop.provider)
    assert shop.assets.balanceOf(shop.holder, ticket) == shop.assets.total_supply(ticket) == 1
    assert shop.assets.series_of(ticket).minted == 3


def test_mint__wrong__reverts(shop: Shop, owner: AccountAPI, stranger: AccountAPI, guardian: AccountAPI) -> None:
    """Nobody mints of another's series, of one that has ended, nothing, to a frozen account, or once dismissed."""
    ticket = shop.open(ends=shop.now + DAY)
    shop.assets.set_provider(stranger, True, sender=owner)
    refuses("assets: not the caller's series", shop.assets.mint, shop.holder, ticket, 1, sender=stranger)
    refuses("assets: not the caller's series", shop.assets.mint, shop.holder, ticket + 1, 1, sender=shop.provider)
    refuses("assets: nothing to mint", shop.assets.mint, shop.holder, ticket, 0, sender=shop.provider)
    shop.guard.freeze(shop.holder, sender=guardian)
    refuses("assets: account is frozen", shop.assets.mint, shop.holder, ticket, 1, sender=shop.provider)
    shop.guard.unfreeze(shop.holder, sender=guardian)
    ape.chain.mine(timestamp=shop.now + DAY + 1)
    refuses("assets: series has ended", shop.assets.mint, shop.holder, ticket, 1, sender=shop.provider)
    shop.assets.set_provider(shop.provider, False, sender=owner)
    refuses("assets: access is denied", shop.assets.mint, shop.holder, ticket, 1, sender=shop.provider)


def test_redeem__once(shop: Shop, stranger: AccountAPI) -> None:
    """Tickets are destroyed for their service; by the holder or whom the holder approved, tickets only, in time only."""
    ticket, right = shop.open(ends=shop.now + DAY), shop.open(kind=RIGHT)
    for asset in (ticket, right):
        shop.assets.mint(shop.holder, asset, 2, sender=shop.provider)

    receipt = shop.assets.redeem(shop.holder, ticket, 1, OTHER, sender=shop.holder)

    (redeemed,) = receipt.decode_logs(shop.assets.Redeemed)
    assert (redeemed.id, redeemed.holder, redeemed.amount, redeemed.note) == (ticket, shop.holder, 1, OTHER)
    redeem = shop.assets.redeem
    refuses("assets: caller is not owner or approved", redeem, shop.holder, ticket, 1, OTHER, sender=stranger)
    refuses("assets: nothing to redeem", redeem, shop.holder, ticket, 0, OTHER, sender=shop.holder)
    refuses("assets: not a ticket", redeem, shop.holder, right, 1, OTHER, sender=shop.holder)
    refuses("erc1155: burn amount exceeds total_supply", redeem, shop.holder, ticket, 2, OTHER, sender=shop.holder)
    shop.assets.setApprovalForAll(stranger, True, sender=shop.holder)
    assert shop.assets.holds(shop.holder, ticket)
    ape.chain.mine(timestamp=shop.now + DAY + 1)
    refuses("assets: series has ended", redeem, shop.holder, ticket, 1, OTHER, sender=stranger)
    assert not shop.assets.holds(shop.holder, ticket)
    assert shop.assets.holds(shop.holder, right)
    assert not shop.assets.holds(stranger, right)


def test_redeem__by_whom_the_holder_approved(shop: Shop, stranger: AccountAPI) -> None:
    """A counter that scans tickets, say."""
    ticket = shop.open()
    shop.assets.mint(shop.holder, ticket, 1, sender=shop.provider)
    shop.assets.setApprovalForAll(stranger, True, sender=shop.holder)
    shop.assets.redeem(shop.holder, ticket, 1, bytes(32), sender=stranger)
    assert not shop.assets.exists(ticket)


def test_set_content__passports_only(shop: Shop) -> None:
    """An inspection goes into the passport; a ticket means for ever what it meant."""
    passport, ticket = shop.open(kind=PASSPORT, size=1), shop.open()
    receipt = shop.assets.set_content(passport, OTHER, sender=shop.provider)
    (changed,) = receipt.decode_logs(shop.assets.ContentChanged)
    assert (changed.id, changed.old, changed.new) == (passport, HASH, OTHER)
    assert shop.assets.series_of(passport).content_hash == OTHER
    refuses("assets: not a passport", shop.assets.set_content, ticket, OTHER, sender=shop.provider)
    refuses("assets: access is denied", shop.assets.set_content, passport, HASH, sender=shop.holder)


def test_transfer(shop: Shop, buyer: AccountAPI, stranger: AccountAPI, guardian: AccountAPI, owner: AccountAPI) -> None:
    """Alone and in a batch; not by strangers, not by or to the frozen, not while stopped."""
    ticket = shop.open()
    shop.assets.mint(shop.holder, ticket, 5, sender=shop.provider)
    shop.assets.safeTransferFrom(shop.holder, buyer, ticket, 1, b"", sender=shop.holder)
    shop.assets.safeBatchTransferFrom(shop.holder, buyer, [ticket], [2], b"", sender=shop.holder)
    assert shop.assets.balanceOf(buyer, ticket) == 3

    give = (shop.holder, buyer, ticket, 1, b"")
    batch = (shop.holder, buyer, [ticket], [1], b"")
    one, many = shop.assets.safeTransferFrom, shop.assets.safeBatchTransferFrom
    refuses("assets: caller is not owner or approved", one, *give, sender=stranger)
    refuses("assets: caller is not owner or approved", many, *batch, sender=stranger)
    for frozen in (shop.holder, buyer):
        shop.guard.freeze(frozen, sender=guardian)
        refuses("assets: account is frozen", one, *give, sender=shop.holder)
        refuses("assets: account is frozen", many, *batch, sender=shop.holder)
        shop.guard.unfreeze(frozen, sender=guardian)
    shop.assets.setApprovalForAll(stranger, True, sender=shop.holder)
    shop.guard.freeze(stranger, sender=guardian)
    refuses("assets: account is frozen", one, *give, sender=stranger)
    shop.guard.pause(shop.assets, sender=guardian)
    for method, arguments, sender in (
        (one, give, shop.holder),
        (shop.assets.redeem, (shop.holder, ticket, 1, HASH), shop.holder),
        (shop.assets.mint, (shop.holder, ticket, 1), shop.provider),
        (shop.assets.open_series, shop.series(), shop.provider),
    ):
        refuses("assets: paused", method, *arguments, sender=sender)
    shop.guard.unpause(shop.assets, sender=owner)
    one(*give, sender=shop.holder)


def test_access__stranger__reverts(shop: Shop, stranger: AccountAPI, owner: AccountAPI) -> None:
    """Providers are the owner's to approve; the brake is the Guard's."""
    refuses("ownable: caller is not the owner", shop.assets.set_provider, stranger, True, sender=stranger)
    refuses("assets: access is denied", shop.assets.set_paused, True, sender=owner)
