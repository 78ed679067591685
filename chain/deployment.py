# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where the contracts of one network stand, read from the file that the deploy script writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from kit.errors import Malformed, NotFound
from kit.ids import address_bytes


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """One contract: its name, its address as the file has it, and the block in which it was created. `code_hash` is the
    keccak-256 of the code that stood there then; None where the file does not tell. `source` names the contract that it is
    made of, and so its ABI: there are several pools and settlement tokens.
    """

    name: str
    address: str
    block: int
    code_hash: bytes | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not self.source:
            object.__setattr__(self, "source", self.name)

    @property
    def raw(self) -> bytes:
        """The address's 20 bytes."""
        return address_bytes(self.address)


@dataclass(frozen=True, slots=True)
class Market:
    """A market of the order book. A lot is 10^lot_exp units of the base; a tick's price is (base_price + tick) × 10^tick_exp
    units of the quote per lot. `base` and `quote` are utility codes (E, AGR) or GCM, GCC.
    """

    number: int
    base: str
    quote: str
    lot_exp: int
    tick_exp: int
    base_price: int
    maker_bps: int
    taker_bps: int
    min_lots: int

    @property
    def pair(self) -> str:
        """As E/GCM."""
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True, slots=True)
class RoundMarket:
    """A market of call auctions. Lots and prices are those of the book. Orders of a slot come until `gate` seconds before it; a
    result is accepted for `window` seconds after that. `tier` is the Guard's tier that a trader needs.
    """

    number: int
    base: str
    quote: str
    lot_exp: int
    tick_exp: int
    base_price: int
    fee_bps: int
    min_lots: int
    gate: int
    window: int
    tier: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts of one network, and the markets of the book and of the rounds. `config` is what the deploy script recorded
    about its choices.
    """

    chain_id: int
    contracts: Mapping[str, DeployedContract]
    config: Mapping[str, Any]
    markets: Sequence[Market] = ()
    rounds: Sequence[RoundMarket] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises NotFound if there is none, Malformed if it is not one."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotFound(
                "chain.no_deployment",
                f"{path}: no deployment can be read here; name one by GREENCORE_DEPLOYMENT, or deploy first",
            ) from error
        return cls.parse(data, source=str(path))

    @classmethod
    def parse(cls, data: bytes, *, source: str = "deployment") -> Self:
        """Read the file's bytes. Raises Malformed naming `source`."""
        try:
            made = orjson.loads(data)
            contracts = {
                name: DeployedContract(
                    name,
                    str(entry["address"]),
                    int(entry["block"]),
                    _hash(entry.get("codeHash")),
                    str(entry.get("source", name)),
                )
                for name, entry in made["contracts"].items()
            }
            markets = tuple(Market(**entry) for entry in made.get("markets", ()))
            rounds = tuple(RoundMarket(**entry) for entry in made.get("rounds", ()))
            for contract in contracts.values():
                address_bytes(contract.address)
            return cls(int(made["chainId"]), contracts, made.get("config", {}), markets, rounds)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Malformed("chain.bad_deployment", f"{source} is not a deployment: {error!r}") from error

    def contract(self, name: str) -> DeployedContract:
        """A contract by its name. Raises NotFound for one that is not deployed."""
        try:
            return self.contracts[name]
        except KeyError as error:
            raise NotFound("chain.not_deployed", f"{name} is not deployed on chain {self.chain_id}") from error

    def address(self, name: str) -> str:
        """A contract's address. Raises NotFound for one that is not deployed."""
        return self.contract(name).address

    def market(self, pair: str) -> Market:
        """The newest market of a pair, as E/GCM. Raises NotFound if it has none."""
        found = [market for market in self.markets if market.pair == pair]
        if not found:
            raise NotFound("chain.no_market", f"the book on chain {self.chain_id} has no market {pair}")
        return found[-1]

    @property
    def first_block(self) -> int:
        """The block of the oldest contract: no event of ours is earlier."""
        return min(contract.block for contract in self.contracts.values())


def _hash(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.removeprefix("0x"))
