# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""With which keys a house's nodes and its keeper sign: the development mnemonic's, or keystores of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chain.signer import create_keystore
from greencore.accounts import KEEPER, NODES, private_key


class Keys(Protocol):
    """Settings that name keys, and the addresses of those keys."""

    def node(self, index: int) -> dict[str, str]:
        """What an oracle node is told of its key."""
        ...

    def keeper(self) -> dict[str, str]:
        """What the API and the worker are told of the keeper's key."""
        ...


class DevelopmentKeys:
    """Keys that everybody knows: for the demo."""

    def node(self, index: int) -> dict[str, str]:
        """The node's account of the mnemonic."""
        return {"GREENCORE_ORACLE_KEYSTORE": private_key(NODES[index])}

    def keeper(self) -> dict[str, str]:
        """The keeper's account of the mnemonic."""
        return {"GREENCORE_KEEPER_KEY": private_key(KEEPER)}


@dataclass(frozen=True, slots=True)
class Keystores:
    """Encrypted keys under one folder, each made on first use, with one password in a file beside them."""

    folder: Path
    password: str

    def prepare(self) -> dict[str, str]:
        """Make what is missing, about a second a key. Returns name → address."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.password_file.exists():
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(self.password + "\n")
        names = [*(f"oracle-{index}" for index in range(len(NODES))), "keeper"]
        return {name: self._address(self.folder / f"{name}.json") for name in names}

    @property
    def password_file(self) -> Path:
        """Where the password stands."""
        return self.folder / "password"

    def node(self, index: int) -> dict[str, str]:
        """The node's keystore and the password's file."""
        return {
            "GREENCORE_ORACLE_KEYSTORE": str(self.folder / f"oracle-{index}.json"),
            "GREENCORE_ORACLE_KEYSTORE_PASSWORD_FILE": str(self.password_file),
        }

    def keeper(self) -> dict[str, str]:
        """The keeper's keystore and the password's file."""
        return {
            "GREENCORE_KEEPER_KEY": str(self.folder / "keeper.json"),
            "GREENCORE_KEEPER_PASSWORD": str(self.password_file),
        }

    def _address(self, path: Path) -> str:
        if not path.exists():
            return create_keystore(path, self.password)
        return "0x" + str(json.loads(path.read_text())["address"]).removeprefix("0x")
