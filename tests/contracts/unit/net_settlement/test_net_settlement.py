# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NetSettlement: a window of net positions in several currencies is paid whole, once, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_canonical_address, to_checksum_address

from scripts._house import container
from tests.contracts.attested import WINDOW, Signing, position, positions_hash
from tests.contracts.house import ZERO, Contracts, addresses, compact, node_keys, refuses

NOON, EVENING = keccak(b"window of noon"), keccak(b"window of the evening")
OWED = keccak(b"the obligations of the window")
UNBOUNDED = (1 << 128) - 1

Line = tuple[int, AccountAPI | str, int]  # place of the currency, party, net amount


@dataclass(frozen=True)
class Clearing:
    """The contract, two currencies and three operators of which two sign."""

    net: ContractInstance
    coins: list[ContractInstance]
    keys: list[PrivateKey]

    def window(
        self,
        lines: Sequence[Line],
        *,
        window: bytes = NOON,
        obligations: bytes = OWED,
        by: list[PrivateKey] | None = None,
        age: int = 0,
        ordered: bool = True,
    ) -> tuple[Any, ...]:
        """What `settle` takes."""
        packed = [position(at, to_canonical_address(str(getattr(p, "address", p))), net) for at, p, net in lines]
        if ordered:
            packed.sort()
        currencies = [coin.address for coin in self.coins]
        hashed = positions_hash([to_canonical_address(currency) for currency in currencies], packed)
        deadline = int(ape.chain.blocks.head.timestamp) + 600 - age
        signing = Signing("GreenCore NetSettlement", ape.chain.chain_id, to_canonical_address(self.net.address))
        digest = signing.digest(WINDOW, window, obligations, hashed, deadline)
        words = [word for key in (self.keys[:2] if by is None else by) for word in compact(key, digest)]
        return window, obligations, currencies, packed, deadline, addresses(self.keys), words

    def accounts(self, party: AccountAPI) -> tuple[tuple[int, ...], ...]:
        """Balance and mandate of a party in each currency."""
        return tuple(tuple(self.net.account_of(coin, party)) for coin in self.coins)


@pytest.fixture(scope="session")
def clearing(
    contracts: Contracts,
    owner: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> Clearing:
    """Three parties with 1,000 of each currency in their wallets; all agreed to pay, none deposited anything."""
    net = owner.deploy(container("NetSettlement"), contracts.guard)
    coins = [owner.deploy(container("FuzzCoin")) for _ in range(2)]
    clearing = Clearing(net, coins, node_keys(3, generation=8))
    net.set_operators(addresses(clearing.keys), 2, 0, sender=owner)
    for coin in coins:
        net.set_currency(coin, True, sender=owner)
        for party, mandate in ((prosumer, UNBOUNDED), (neighbour, 400), (buyer, 400)):
            coin.give(party, 1_000, sender=owner)
            coin.approve(net, 1_000, sender=party)
            net.set_mandate(coin, mandate, sender=party)
    return clearing


@pytest.fixture
def lines(prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI) -> list[Line]:
    """What everybody owes or is owed: in the second currency two parties only."""
    return [(0, prosumer, -300), (0, neighbour, -100), (0, buyer, 400), (1, prosumer, 250), (1, buyer, -250)]


def test_settle(
    clearing: Clearing,
    lines: list[Line],
    relayer: AccountAPI,
    prosumer: AccountAPI,
    neighbour: AccountAPI,
    buyer: AccountAPI,
) -> None:
    """Deposits pay first, wallets pay the rest; who is owed has it at once."""
    net, (first, second) = clearing.net, clearing.coins
    net.deposit(first, 120, sender=prosumer)
    assert net.available(first, prosumer) == 1_000
    assert net.available(first, neighbour) == 400
    args = clearing.window(lines)
    assert net.settle.call(*args, sender=relayer) is True
    receipt = net.settle(*args, sender=relayer)

    (settled,) = receipt.decode_logs(net.Settled)
    assert (settled.window, settled.obligations, settled.count) == (NOON, OWED, 5)
    assert settled.positions == net.positions_of(NOON)
    paid = {(log.currency, log.party): log.net for log in receipt.decode_logs(net.PositionSettled)}
    assert paid == {(clearing.coins[at].address, party.address): amount for at, party, amount in lines}
    assert net.obligations_of(NOON) == OWED
    assert clearing.accounts(prosumer) == ((0, UNBOUNDED), (250, UNBOUNDED))
    assert clearing.accounts(neighbour) == ((0, 300), (0, 400))
    assert clearing.accounts(buyer) == ((400, 400), (0, 150))
    assert [first.balanceOf(who) for who in (net, prosumer, neighbour, buyer)] == [400, 700, 900, 1_000]
    assert [second.balanceOf(who) for who in (net, prosumer, neighbour, buyer)] == [250, 1_000, 1_000, 750]
    assert (net.held(first), net.held(second)) == (400, 250)

    receipt = net.withdraw(first, 399, neighbour, sender=buyer)
    (withdrawn,) = receipt.decode_logs(net.Withdrawn)
    assert (withdrawn.party, withdrawn.to, withdrawn.amount) == (buyer, neighbour, 399)
    assert (first.balanceOf(neighbour), net.held(first)) == (1_299, 1)
    refuses("net_settlement: amount exceeds balance", net.withdraw, first, 2, buyer, sender=buyer)


def test_settle__again__does_nothing(clearing: Clearing, lines: list[Line], relayer: AccountAPI) -> None:
    """A window brought twice is paid once; under other terms it is refused."""
    net = clearing.net
    net.settle(*clearing.window(lines), sender=relayer)
    before = [clearing.accounts(party) for _, party, _ in lines]
    again = clearing.window(lines, by=[], age=6_000)
    assert net.settle.call(*again, sender=relayer) is False
    assert not net.settle(*again, sender=relayer).decode_logs(net.Settled)
    assert [clearing.accounts(party) for _, party, _ in lines] == before
    otherwise = "net_settlement: window was settled otherwise"
    refuses(otherwise, net.settle, *clearing.window(lines, obligations=keccak(b"others")), sender=relayer)
    refuses(otherwise, net.settle, *clearing.window(lines[:3]), sender=relayer)
    small: list[Line] = [(at, party, net_ // 10) for at, party, net_ in lines[3:]]
    net.settle(*clearing.window(small, window=EVENING), sender=relayer)


def test_settle__one_leg_fails__nothing_happens(
    clearing: Clearing, lines: list[Line], relayer: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """The last party of the last currency cannot pay: nobody paid and nobody was paid; without it the window goes on."""
    net, (first, second) = clearing.net, clearing.coins
    second.approve(net, 249, sender=buyer)
    assert net.available(second, buyer) == 249
    args = clearing.window(lines)
    refuses("erc20: insufficient allowance", net.settle, *args, sender=relayer)
    with ape.reverts():
        net.settle(*args, sender=relayer, gas=2_000_000)
    assert net.obligations_of(NOON) == bytes(32)
    assert clearing.accounts(prosumer) == ((0, UNBOUNDED), (0, UNBOUNDED))
    assert first.balanceOf(prosumer) == 1_000
    net.settle(*clearing.window(lines[:3]), sender=relayer)
    assert first.balanceOf(prosumer) == 700


def test_settle__over_a_mandate__reverts(
    clearing: Clearing, relayer: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI
) -> None:
    """Windows take no more than a party agreed to, all together, whatever it has."""
    net, (first, _) = clearing.net, clearing.coins
    net.settle(*clearing.window([(0, neighbour, -300), (0, prosumer, 300)]), sender=relayer)
    net.settle(*clearing.window([(0, neighbour, 200), (0, prosumer, -200)], window=OWED), sender=relayer)
    more = clearing.window([(0, neighbour, -101), (0, prosumer, 101)], window=EVENING)
    refuses("net_settlement: over the party's mandate", net.settle, *more, sender=relayer)
    receipt = net.set_mandate(first, 101, sender=neighbour)
    (changed,) = receipt.decode_logs(net.MandateChanged)
    assert (changed.party, changed.old, changed.new) == (neighbour, 100, 101)
    net.settle(*more, sender=relayer)
    assert net.account_of(first, neighbour) == (99, 0)


def test_settle__unsound_window__reverts(
    clearing: Clearing, lines: list[Line], relayer: AccountAPI, prosumer: AccountAPI, buyer: AccountAPI
) -> None:
    """What two operators sign must still add up, be in order, and name what exists."""
    net, keys = clearing.net, clearing.keys
    pair: list[Line] = [(0, prosumer, -1), (0, buyer, 1)]
    unsound = (
        ("net_settlement: currency does not add up to zero", clearing.window([*pair, (1, buyer, 1)])),
        ("net_settlement: currency does not add up to zero", clearing.window([(0, buyer, 1), (1, prosumer, -1)])),
        ("net_settlement: positions are not in order", clearing.window([*pair, pair[0]])),
        ("net_settlement: positions are not in order", clearing.window(lines[::-1], ordered=False)),
        ("net_settlement: no such currency", clearing.window([(2, prosumer, -1), (2, buyer, 1)])),
        ("net_settlement: the zero address is no party", clearing.window([(1, ZERO, 1), (1, prosumer, -1)])),
        ("net_settlement: position is empty", clearing.window([(0, prosumer, 0)])),
        ("net_settlement: nothing to settle", clearing.window([])),
        ("net_settlement: nothing to settle", clearing.window(pair, obligations=bytes(32))),
        ("net_settlement: signatures are over", clearing.window(pair, age=601)),
        ("quorum: too few signatures", clearing.window(pair, by=keys[:1])),
        ("quorum: not a signer, or not in order", clearing.window(pair, by=node_keys(2))),
        ("quorum: not a signer, or not in order", (EVENING, *clearing.window(pair)[1:])),
    )
    for reason, args in unsound:
        refuses(reason, net.settle, *args, sender=relayer)


def test_settle__frozen_unlisted_paused__reverts(
    clearing: Clearing,
    contracts: Contracts,
    lines: list[Line],
    owner: AccountAPI,
    guardian: AccountAPI,
    relayer: AccountAPI,
    buyer: AccountAPI,
) -> None:
    """A frozen party fails the window, and its money stays where it is; others withdraw even while windows stop."""
    net, (first, second), guard = clearing.net, clearing.coins, contracts.guard
    net.deposit(first, 10, sender=buyer)
    args = clearing.window(lines)
    guard.freeze(buyer, sender=guardian)
    refuses("net_settlement: account is frozen", net.settle, *args, sender=relayer)
    refuses("net_settlement: account is frozen", net.withdraw, first, 1, buyer, sender=buyer)
    assert net.available(first, buyer) == 0
    guard.unfreeze(buyer, sender=guardian)
    net.set_currency(second, False, sender=owner)
    refuses("net_settlement: currency is not listed", net.settle, *args, sender=relayer)
    refuses("net_settlement: currency is not listed", net.deposit, second, 1, sender=buyer)
    guard.pause(net, sender=guardian)
    refuses("net_settlement: paused", net.settle, *args, sender=relayer)
    refuses("net_settlement: paused", net.deposit, first, 1, sender=buyer)
    net.withdraw(first, 10, buyer, sender=buyer)
    assert first.balanceOf(buyer) == 1_000


def test_settle__gas(
    clearing: Clearing, relayer: AccountAPI, prosumer: AccountAPI, neighbour: AccountAPI, buyer: AccountAPI
) -> None:
    """What one more position costs, by receipts: credited first or again, debited from an account or a wallet."""
    coin = clearing.coins[0]
    parties = [to_checksum_address(keccak(f"party {i}".encode())[12:]) for i in range(40)]
    coin.approve(clearing.net, UNBOUNDED, sender=prosumer)

    def gas(name: str, lines: Sequence[Line]) -> int:
        args = clearing.window(lines, window=keccak(name.encode()))
        return int(clearing.net.settle(*args, sender=relayer).gas_used)

    def credited(at: slice) -> list[Line]:
        return [(0, prosumer, -len(parties[at])), *((0, party, 1) for party in parties[at])]

    gas("the first of all", credited(slice(38, 40)))
    first = (gas("32 first", credited(slice(2, 34))) - gas("2 first", credited(slice(0, 2)))) // 30
    again = (gas("32 again", credited(slice(2, 34))) - gas("2 again", credited(slice(0, 2)))) // 30
    one = gas("a wallet", [(0, prosumer, -2), (0, buyer, 1), (0, neighbour, 1)])
    wallet = gas("two wallets", [(0, prosumer, -1), (0, neighbour, -2), (0, parties[0], 3)])
    clearing.net.deposit(coin, 10, sender=neighbour)
    account = gas("an account", [(0, neighbour, -1), (0, parties[1], 1)])
    print(f"a position credited first {first}, again {again}; window of 3: {one} from one wallet, {wallet} from two")
    print(f"a window of 2 from an account to an account: {account}")
    assert first < 29_000
    assert again < 12_000
    assert account < 150_000


def test_access__stranger__reverts(
    clearing: Clearing, stranger: AccountAPI, guardian: AccountAPI, owner: AccountAPI
) -> None:
    """Only the owner lists and appoints; only the Guard stops."""
    net = clearing.net
    for sender in (stranger, guardian):
        refuses("ownable: caller is not the owner", net.set_currency, stranger, True, sender=sender)
        refuses("ownable: caller is not the owner", net.set_operators, [stranger.address], 1, 0, sender=sender)
    refuses("net_settlement: access is denied", net.set_paused, True, sender=owner)
    refuses("quorum: two quorums could disagree", net.set_operators, addresses(clearing.keys), 1, 0, sender=owner)
    assert not hasattr(net, "renounce_ownership")
