# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What `greencore up` runs: the server roles by the system's clock, live mode, keys in keystores, a development chain."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Sequence

import click
import yaml
from eth_utils.address import to_checksum_address

from api.receipts import load_key, public_hex
from greencore.accounts import REGISTRAR, private_key
from greencore.embedded.miner import Miner
from greencore.embedded.ports import HOST
from greencore.folder import Folder
from greencore.keys import Keystores
from greencore.stack import PLATFORM, ROOT, Stack
from greencore.supervisor import Supervisor
from kit.clock import SystemClock
from kit.units import Utility

_SUPPLY_WEI = 10**24


class Pilot:
    """All server roles in one folder."""

    def __init__(self, folder: Folder, utilities: Sequence[int] = (Utility.E,)) -> None:
        folder.logs.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.keys = Keystores(folder.root / "keys", folder.secret("keystores"))
        self.supervisor = Supervisor(folder.logs, folder.root / "processes.json")
        served = {"GREENCORE_ORACLE_UTILITIES": ",".join(str(int(code)) for code in utilities)}
        self.stack = Stack(folder, self.supervisor, mode="live", keys=self.keys, tuning=served)

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM. Raises StartFailed."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        start = asyncio.create_task(self._start())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([start, stopped], return_when=asyncio.FIRST_COMPLETED)
            if start.done():
                await start
                click.echo(self._told())
                copies = asyncio.create_task(self.stack.keep_chain())
                await stopped
                copies.cancel()
        finally:
            start.cancel()
            stopped.cancel()
            await asyncio.gather(start, stopped, return_exceptions=True)
            click.echo("stopping")
            await self.supervisor.stop()

    async def _start(self) -> None:
        stack = self.stack
        click.echo("starting PostgreSQL, NATS and the chain")
        addresses = await asyncio.to_thread(self.keys.prepare)
        await stack.start_servers()
        for address in addresses.values():
            await asyncio.to_thread(stack.anvil.call, "anvil_setBalance", address, hex(_SUPPLY_WEI))
        miner = asyncio.create_task(Miner(stack.anvil.url, SystemClock()).run())
        try:
            click.echo("bringing the databases to the newest revision, deploying the contracts")
            await asyncio.gather(stack.migrate(), self._deploy(addresses))
        finally:
            miner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await miner
        click.echo("starting four oracle nodes, indexer, worker, API")
        await stack.start_miner()
        await stack.start_roles()

    async def _deploy(self, addresses: dict[str, str]) -> None:
        if self.stack.deployment.exists():
            return
        config = yaml.safe_load((ROOT / "scripts" / "development.yaml").read_text())
        nodes = [to_checksum_address(address) for name, address in addresses.items() if name.startswith("oracle")]
        config |= {"live": True, "signers": nodes}
        path = self.folder.root / "deploy.json"
        path.write_text(json.dumps(config, indent=1))
        await self.stack.deploy(path)

    def _told(self) -> str:
        stack = self.stack
        key = public_hex(load_key(stack.receipt_key))
        nodes = stack.node_urls
        return f"""
up. An edge agent needs (greencore edge key prints its public key, greencore register enters it into the Registry):
  GREENCORE_EDGE_API_URL={stack.api_url}
  GREENCORE_EDGE_RECEIPT_KEY={key}
  or MQTT on {HOST}:{stack.nats.mqtt_port}
Other commands (register, energy …, verify) find it by
  export GREENCORE_DEPLOYMENT={stack.deployment}
  export GREENCORE_RPC_URL={stack.anvil.url}
  export GREENCORE_DATABASE_URL='{stack.postgres.url(PLATFORM)}'
  greencore oracle status {" ".join(nodes)}
  greencore verify --leaves {nodes[0]}
chain         {stack.anvil.url}, contracts in {stack.deployment}, registrar's key {private_key(REGISTRAR)}
API           {stack.api_url}/docs
logs          {self.folder.logs}
Ctrl-C stops everything, the same command goes on from there.
"""
