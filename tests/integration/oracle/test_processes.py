# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Four nodes as an operator runs them: processes of their own that read chain, stream and clock, one of them killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.client import OracleClient, RegistryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signer import create_keystore
from chain.transactions import TransactionSender
from greencore.embedded.miner import Miner
from greencore.embedded.ports import free_ports
from kit import stream
from kit.clock import AcceleratedClock
from kit.ids import address_bytes
from kit.units import SLOT_SECONDS, UWH_PER_WH, slot_of
from oracle.run import READINGS_SUBJECT
from oracle.verify.check import check
from oracle.verify.source import Door
from tests.conftest import ROOT, Deployed
from tests.integration.oracle.grid import E, Station, account

SPEED = 300
WAIT_SECONDS = 90
_COMMAND = [sys.executable, "-c", "from greencore.cli import main; main()", "oracle"]


class World:
    """A chain whose blocks follow an accelerated clock, a stream, and the nodes' processes."""

    def __init__(self, deployed: Deployed, nats_url: str, databases: list[str], folder: Path) -> None:
        self.deployed = deployed
        self.deployment = Deployment.load(deployed.path)
        self.nats_url = nats_url
        self.databases = databases
        self.folder = folder
        self.ports = free_ports(4)
        self.clock = AcceleratedClock(deployed.chain.timestamp() + 1, time.time(), SPEED)
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, number: int) -> None:
        """A node as its own process, with its key in an encrypted file."""
        keystore, password = self.folder / f"node-{number}.json", self.folder / f"password-{number}"
        if not keystore.exists():
            key = bytes(account(1 + number)._key.to_bytes())
            create_keystore(keystore, "a password", key=key, scrypt_n=1 << 10)
            password.write_text("a password\n")
        environment = {
            **os.environ,
            "GREENCORE_MODE": "demo",
            "GREENCORE_DATABASE_URL": self.databases[number],
            "GREENCORE_NATS_URL": self.nats_url,
            "GREENCORE_RPC_URL": self.deployed.rpc_url,
            "GREENCORE_DEPLOYMENT": str(self.deployed.path),
            "GREENCORE_CLOCK": str(self.clock),
            "GREENCORE_ORACLE_INDEX": str(number),
            "GREENCORE_ORACLE_PEERS": ",".join(f"http://127.0.0.1:{port}" for port in self.ports),
            "GREENCORE_ORACLE_PORT": str(self.ports[number]),
            "GREENCORE_ORACLE_KEYSTORE": str(keystore),
            "GREENCORE_ORACLE_KEYSTORE_PASSWORD_FILE": str(password),
            "GREENCORE_ORACLE_CLOSE_DELAY": "600",
            "GREENCORE_ORACLE_PATIENCE": "0.8",
            "GREENCORE_ORACLE_POLL_SECONDS": "0.2",
        }
        with (self.folder / f"node-{number}.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(_COMMAND, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def stop(self, number: int, *, kill: bool = False) -> int:
        """End a node, as an operator does or as a power cut does. Returns its exit code."""
        process = self.processes.pop(number)
        if kill:
            process.kill()
        else:
            process.terminate()
        return process.wait(timeout=20)

    def logs(self) -> str:
        """What the nodes said last."""
        return "\n".join(
            "".join(path.read_text().splitlines(keepends=True)[-15:]) for path in sorted(self.folder.glob("node-*.log"))
        )


@pytest.fixture
async def world(
    deployment: Deployed, nats_url: str, new_database: Callable[[], str], tmp_path: Path
) -> AsyncIterator[World]:
    made = World(deployment, nats_url, [new_database() for _ in range(4)], tmp_path)
    deployment.chain.call("evm_setAutomine", False)
    mining = asyncio.create_task(Miner(deployment.rpc_url, made.clock, idle_seconds=0.2).run())
    yield made
    for number in list(made.processes):
        made.stop(number)
    mining.cancel()
    await asyncio.gather(mining, return_exceptions=True)
    deployment.chain.call("evm_setAutomine", True)


async def until(condition: Callable[[], object], world: World) -> None:
    """Wait for something to become true, or show what the nodes said."""
    end = time.monotonic() + WAIT_SECONDS
    while not await condition():  # type: ignore[misc]
        if time.monotonic() > end or any(process.poll() is not None for process in world.processes.values()):
            raise AssertionError(world.logs())
        await asyncio.sleep(0.2)


async def test_four_processes_report_what_a_station_sends_while_one_is_killed(world: World) -> None:
    async with AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(Rpc(world.deployed.rpc_url))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        nats = await stream.connect(world.nats_url, name="test")
        stack.push_async_callback(nats.close)
        await stream.ensure_streams(nats)
        oracle, registry = OracleClient(rpc, world.deployment), RegistryClient(rpc, world.deployment)
        for number in range(4):
            world.start(number)
        station = Station()
        sender = TransactionSender(rpc, account(0), chain_id=31337)
        owner = address_bytes(account(8).address)
        encode = registry.abi.encode_call
        await sender.send(registry.address, encode("register_station", station.id.int, owner, 100_000, 0, True))
        key = station.device.public_key().public_bytes_raw()
        await sender.send(registry.address, encode("register_meter", station.id.int, key, 1))
        assert isinstance(station.device, Ed25519PrivateKey)
        first = slot_of(world.clock.now()) + 1
        expected = 0
        for slot in range(first, first + 8):
            await world.clock.sleep((slot + 1) * SLOT_SECONDS - world.clock.now().timestamp())
            await nats.jetstream().publish(READINGS_SUBJECT, station.reading(slot, 10).to_json())
            expected += 10 * UWH_PER_WH
            if slot == first + 2:
                world.stop(2, kill=True)
            if slot == first + 5:
                world.start(2)

        async def all_there() -> bool:
            return (await oracle.head(E)).total == expected

        await until(all_there, world)
        head = await oracle.head(E)

        async def caught_up() -> bool:
            try:
                status = (await http.get(f"http://127.0.0.1:{world.ports[2]}/status")).json()
            except httpx.HTTPError:
                return False
            return bool((status["utilities"][0]["appliedSlot"] or 0) >= head.slot)

        await until(caught_up, world)
        for port in world.ports:
            status = (await http.get(f"http://127.0.0.1:{port}/status")).json()
            assert status["disagreements"] == [], status
            assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
            metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            assert 'greencore_oracle_head_slot{utility="1"}' in metrics
        source = Door(f"http://127.0.0.1:{world.ports[2]}")
        verdict = await check(rpc, world.deployment, source)
        await source.close()
        # the chain went on while it was read: the newest leaves may not be published yet
        assert [f for f in verdict.findings if f.severity == "tampering"] == []
        assert verdict.reports >= 3
        assert [world.stop(number) for number in range(4)] == [0, 0, 0, 0], world.logs()
