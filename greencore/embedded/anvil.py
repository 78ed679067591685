# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""anvil: the chain of the demo and the tests. The native binary of the npm package runs directly, without its Node wrapper.

In a deployment it mines nothing by itself: `miner` does, and stamps blocks with the deployment's clock.
"""

import json
import platform
import shutil
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import orjson

from greencore.embedded.ports import HOST, direct
from greencore.embedded.program import Program, StartFailed

CHAIN_ID = 31337
ACCOUNTS = 60
# The mnemonic that every development chain uses: worthless anywhere else.
MNEMONIC = "test test test test test test test test test test test junk"
_STATE_SECONDS = 5
_BLOCKS_KEPT = 256


class RpcError(RuntimeError):
    """The chain answered with an error."""


@dataclass(frozen=True, slots=True)
class Anvil:
    """A chain with its state in `folder`. `automine` gives every transaction its block at once and is for tests."""

    folder: Path
    port: int
    automine: bool = False
    genesis_time: int | None = None

    @property
    def url(self) -> str:
        """JSON-RPC."""
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> Program:
        """How to run it. Its state is saved every few seconds and at its end; a kill loses the seconds since."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self._state
        self._mend()
        argv = [str(binary()), "--host", HOST, "--port", str(self.port), "--chain-id", str(CHAIN_ID)]
        argv += ["--mnemonic", MNEMONIC, "--hardfork", "cancun", "--balance", "1000000", "--accounts", str(ACCOUNTS)]
        argv += ["--state", str(state), "--state-interval", str(_STATE_SECONDS), "--silent"]
        if not self.automine:
            argv += ["--no-mining", "--prune-history", str(_BLOCKS_KEPT)]
        if self.genesis_time is not None:
            argv += ["--timestamp", str(self.genesis_time)]
        return Program("anvil", tuple(argv), self._ready)

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    @property
    def _copy(self) -> Path:
        return self.folder / "state.copy.json"

    def keep_copy(self) -> None:
        """Copy the saved state if it is whole. anvil writes over its file in place, so a kill while it writes would leave half."""
        if not self._state.exists():
            return
        data = self._state.read_bytes()
        if _is_whole(data):
            draft = self._copy.with_suffix(".new")
            draft.write_bytes(data)
            draft.replace(self._copy)

    def _mend(self) -> None:
        """Go on from the copy where the state itself is torn. Raises StartFailed if there is none."""
        if not self._state.exists() or _is_whole(self._state.read_bytes()):
            return
        if not self._copy.exists():
            raise StartFailed(f"{self._state} was torn by a kill and there is no copy of it yet; start over")
        shutil.copyfile(self._copy, self._state)

    def call(self, method: str, *params: object) -> Any:
        """One JSON-RPC call. Raises RpcError for the chain's own errors, URLError if it does not answer."""
        return rpc(self.url, method, *params)

    def _ready(self, _pid: int) -> bool:
        try:
            return bool(self.call("eth_chainId") == hex(CHAIN_ID))
        except (URLError, OSError, RpcError):
            return False


def _is_whole(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def rpc(url: str, method: str, *params: object) -> Any:
    """One JSON-RPC call without any client library. Raises RpcError for the chain's own errors, URLError if it does not answer."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with direct.open(request, timeout=10) as answer:
        reply = json.load(answer)
    if "error" in reply:
        raise RpcError(f"{method}: {reply['error'].get('message', reply['error'])}")
    return reply["result"]


def binary() -> Path:
    """The program from `node_modules`. Raises StartFailed where npm has not fetched it."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    root = Path(__file__).parents[2]
    path = root / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
    if not path.exists():
        raise StartFailed("no anvil here; run `npm ci` in the project, or set GREENCORE_RPC_URL to a chain")
    return path
