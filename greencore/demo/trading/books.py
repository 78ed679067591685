# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The market's verdict, read from the chain alone: the Vault holds exactly what accounts, open orders and fees add up to."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chain.client import Contract, EnergyTokenClient
from chain.contract import load_abi
from chain.deployment import Deployment
from chain.market import Asset, BookClient, VaultClient, escrowed
from chain.rpc import Rpc, hex_of
from kit.ids import address_bytes

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class MarketSide:
    """What the Vault holds and what it owes, by token, in units of each; the index's worth in 10^-15 GCM, its supply in 10^-9."""

    held: Mapping[Asset, int]
    owed: Mapping[Asset, int]
    orders: int
    trades: int
    index_worth: int
    index_supply: int

    def told(self) -> dict[str, int]:
        """For JSON."""
        return {"open_orders": self.orders, "trades": self.trades, "index_supply": self.index_supply}

    @property
    def checks(self) -> dict[str, bool]:
        """What has to hold."""
        return {
            "the_vault_holds_what_it_owes": all(self.held[asset] == self.owed[asset] for asset in self.held),
            "every_gcm_is_covered": self.index_worth >= self.index_supply * _MILLION,
        }


async def read_market(rpc: Rpc, deployment: Deployment) -> MarketSide:
    """Add up every account, order and fee of every market at one block. Raises Unavailable."""
    book, vault, gcm = BookClient(rpc, deployment), VaultClient(rpc, deployment), Contract(rpc, deployment, "GCM")
    block = await rpc.block_number()
    owed: Counter[Asset] = Counter()
    owners, places = await _known(rpc, vault, book, block)
    count = 0
    for market in range(1, int(await book.read("market_count", block=block)) + 1):
        terms = await book.terms(market, block=block)
        base, quote = await book.fees(market, block=block)
        for account in await vault.accounts(market, sorted(owners[market]), block=block):
            base, quote = base + account.base, quote + account.quote
        for owner in sorted(owners[market]):
            orders = await book.orders(owner, sorted(places[owner]), block=block)
            mine = [order for order in orders.values() if order.market == market]
            count += len(mine)
            base, quote = (one + more for one, more in zip((base, quote), escrowed(terms, mine), strict=True))
        owed[terms.base] += base
        owed[terms.quote] += quote
    held = {asset: await _balance(rpc, deployment, asset, address_bytes(vault.address), block) for asset in owed}
    return MarketSide(
        held,
        owed,
        count,
        len(await _logs(rpc, book, "Traded", block)),
        int(await gcm.read("worth", block=block)),
        int(await gcm.read("totalSupply", block=block)),
    )


async def _known(
    rpc: Rpc, vault: VaultClient, book: BookClient, block: int
) -> tuple[dict[int, set[bytes]], dict[bytes, set[int]]]:
    """Who ever had an account in which market, and where each owner ever placed an order."""
    owners: dict[int, set[bytes]] = defaultdict(set)
    places: dict[bytes, set[int]] = defaultdict(set)
    for values in await _logs(rpc, vault, "Deposited", block):
        owners[values["market"]].add(values["owner"])
    for values in await _logs(rpc, vault, "Moved", block):
        owners[values["to_market"]].add(values["owner"])
    for values in await _logs(rpc, book, "Collected", block):
        owners[values["market"]].add(values["beneficiary"])
    for values in await _logs(rpc, book, "Placed", block):
        owners[values["market"]].add(values["owner"])
        places[values["owner"]].add(values["n"])
    return owners, places


async def _logs(rpc: Rpc, contract: Contract, event: str, block: int) -> list[dict[str, Any]]:
    logs = await rpc.logs(
        addresses=[contract.address],
        topics=[contract.abi.topic(event)],
        from_block=contract.deployed.block,
        to_block=block,
    )
    decoded = [contract.abi.decode_log(log) for log in logs]
    return [values for _, values in filter(None, decoded)]


async def _balance(rpc: Rpc, deployment: Deployment, asset: Asset, owner: bytes, block: int) -> int:
    if asset.erc1155:
        return await EnergyTokenClient(rpc, deployment).balance_of(owner, asset.id, block=block)
    abi = load_abi("GCM")
    answer = await rpc.call(hex_of(asset.token), abi.encode_call("balanceOf", owner), block=block)
    return int(abi.decode_result("balanceOf", answer))
