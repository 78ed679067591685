# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where the contracts of one network stand, read from the file that the deploy script writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from kit.errors import Malformed, NotFound
from kit.ids import address_bytes


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """One contract: its name, its address as the file has it, and the block in which it was created. `code_hash` is the
    keccak-256 of the code that stood there then; None where the file does not tell.
    """

    name: str
    address: str
    block: int
    code_hash: bytes | None = None

    @property
    def raw(self) -> bytes:
        """The address's 20 bytes."""
        return address_bytes(self.address)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts of one network. `config` is what the deploy script recorded about its choices."""

    chain_id: int
    contracts: Mapping[str, DeployedContract]
    config: Mapping[str, Any]

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
                name: DeployedContract(name, str(entry["address"]), int(entry["block"]), _hash(entry.get("codeHash")))
                for name, entry in made["contracts"].items()
            }
            for contract in contracts.values():
                address_bytes(contract.address)
            return cls(int(made["chainId"]), contracts, made.get("config", {}))
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

    @property
    def first_block(self) -> int:
        """The block of the oldest contract: no event of ours is earlier."""
        return min(contract.block for contract in self.contracts.values())


def _hash(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.removeprefix("0x"))
