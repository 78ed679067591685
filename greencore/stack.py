# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""All server roles of one house on this machine, on embedded servers: what runs, with which settings, in which order."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import migrations
from greencore.accounts import NODES
from greencore.embedded.anvil import Anvil
from greencore.embedded.nats import SERVICE_USER, Nats
from greencore.embedded.ports import HOST, direct, listens
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import Program, StartFailed, bound
from greencore.folder import Folder
from greencore.keys import DevelopmentKeys, Keys
from greencore.supervisor import Supervisor

ROOT = Path(__file__).parents[1]
SERVERS, ROLES, EDGES = 0, 1, 2  # waves: the last one is stopped first
PLATFORM = "greencore"
_READY_SECONDS = 90
_COPY_SECONDS = 7


@dataclass(slots=True)
class Stack:
    """The servers and roles of one folder. `clock` is GREENCORE_CLOCK for all of them; change it between starts only."""

    folder: Folder
    supervisor: Supervisor
    mode: str
    keys: Keys = field(default_factory=DevelopmentKeys)
    genesis: int | None = None
    clock: str = ""
    tuning: Mapping[str, str] = field(default_factory=dict)
    postgres: Postgres = field(init=False)
    nats: Nats = field(init=False)
    anvil: Anvil = field(init=False)
    api_port: int = field(init=False)
    node_ports: list[int] = field(init=False)

    def __post_init__(self) -> None:
        root, port = self.folder.root, self.folder.port
        self.postgres = Postgres(root / "postgres")
        self.nats = Nats(root / "nats", port("nats"), port("mqtt"), port("nats-http"))
        self.anvil = Anvil(root / "anvil", port("chain", preferred=8545), genesis_time=self.genesis)
        self.api_port = port("api", preferred=8000)
        self.node_ports = [port(f"oracle-{index}") for index in range(len(NODES))]

    @property
    def api_url(self) -> str:
        """The API's base URL."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def node_urls(self) -> list[str]:
        """The oracle nodes' base URLs, in the order of their index."""
        return [f"http://{HOST}:{port}" for port in self.node_ports]

    @property
    def deployment(self) -> Path:
        """Where the contracts stand."""
        return self.folder.root / "deployment.json"

    @property
    def receipt_key(self) -> Path:
        """The server's key for receipts."""
        return self.folder.root / "receipt.key"

    def environment(self, database: str = PLATFORM) -> dict[str, str]:
        """What every role is told."""
        return {
            "GREENCORE_MODE": self.mode,
            "GREENCORE_DATABASE_URL": self.postgres.url(database),
            "GREENCORE_NATS_URL": self.nats.url,
            "GREENCORE_RPC_URL": self.anvil.url,
            "GREENCORE_DEPLOYMENT": str(self.deployment),
            "GREENCORE_CLOCK": self.clock,
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
            **self.tuning,
        }

    async def start_servers(self) -> None:
        """PostgreSQL, NATS and the chain, side by side, and the contracts compiled meanwhile. Raises StartFailed."""
        start = self.supervisor.start
        await asyncio.gather(
            self._compile(),
            start("postgres", self.postgres.prepare, wave=SERVERS),
            start("nats", self.nats.prepare, wave=SERVERS),
            start("anvil", self.anvil.prepare, wave=SERVERS),
        )

    async def _compile(self) -> None:
        """Fill the compiler's cache: a first start would wait for it later. What does not compile, the deployment will say."""
        if not self.deployment.exists():
            await self._run_script(
                self.supervisor.log("compile"), sys.executable, "-m", "scripts.export_abi", "--check"
            )

    async def migrate(self) -> None:
        """Bring the platform's and every node's database to the newest revision. The first time, nodes' are copies of it."""
        await asyncio.to_thread(self._migrate)

    def _migrate(self) -> None:
        first_time = not self.postgres.has_database(PLATFORM)
        self.postgres.create_database(PLATFORM)
        migrations.upgrade(self.postgres.url(PLATFORM))
        for database in map(self.node_database, range(len(NODES))):
            self.postgres.create_database(database, template=PLATFORM if first_time else "template1")
            if not first_time:
                migrations.upgrade(self.postgres.url(database))

    async def deploy(self, config: Path) -> None:
        """Deploy the contracts by the script that deploys them anywhere. Raises StartFailed with what it said."""
        log = self.supervisor.log("deploy")
        ape = str(Path(sys.executable).parent / "ape")
        options = ("--network", self.anvil.url, "--config", str(config), "--out", str(self.deployment))
        if await self._run_script(log, ape, "run", "deploy", *options):
            raise StartFailed(f"the contracts could not be deployed; {log} says:\n{log.read_text()[-1500:]}")

    async def _run_script(self, log: Path, *command: str) -> int:
        """Run a program of the checkout to its end; returns its exit code."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *bound(command), cwd=ROOT, stdout=output, stderr=output, env={**os.environ, **self.environment()}
            )
            try:
                return await process.wait()
            finally:
                if process.returncode is None:  # somebody pressed Ctrl-C
                    process.kill()

    async def keep_chain(self) -> None:
        """Keep a whole copy of the chain's state beside the one that is being written, until cancelled."""
        while True:
            await asyncio.sleep(_COPY_SECONDS)
            await asyncio.to_thread(self.anvil.keep_copy)

    async def start_miner(self) -> None:
        """Blocks, from now on by the present clock."""
        await self.supervisor.start("miner", lambda: self.role("miner"), wave=ROLES)

    async def start_roles(self) -> None:
        """The nodes, the indexer, the worker and the API, side by side. Raises StartFailed."""
        start = self.supervisor.start
        await asyncio.gather(
            start("indexer", lambda: self.role("indexer"), wave=ROLES),
            start("worker", self._worker, wave=ROLES),
            start("api", self._api, wave=ROLES, seconds=_READY_SECONDS),
            *(
                start(f"oracle-{index}", self._node(index), wave=ROLES, seconds=_READY_SECONDS)
                for index in range(len(NODES))
            ),
        )

    def node_database(self, index: int) -> str:
        """A node has a database of its own."""
        return f"oracle_{index}"

    def role(
        self, *command: str, name: str = "", environment: Mapping[str, str] | None = None, url: str | None = None
    ) -> Program:
        """A role as a program; ready when `url` answers 200, or at once."""
        return Program(
            name or command[0],
            (sys.executable, "-P", "-m", "greencore", *command),
            (lambda _pid: True) if url is None else (lambda _pid: answers(url)),
            self.environment() | dict(environment or {}),
        )

    def _worker(self) -> Program:
        environment = {
            **self._door(),
            "GREENCORE_MQTT_HOST": HOST,
            "GREENCORE_MQTT_PORT": str(self.nats.mqtt_port),
            "GREENCORE_MQTT_USER": SERVICE_USER,
            "GREENCORE_MQTT_PASSWORD": self.nats.service_password,
            "GREENCORE_KEEPER_EVERY": "1" if self.mode == "demo" else "4",
        }
        return self.role("worker", environment=environment)

    def _api(self) -> Program:
        environment = {
            **self._door(),
            "GREENCORE_API_HOST": HOST,
            "GREENCORE_API_PORT": str(self.api_port),
            "GREENCORE_OPERATOR_TOKEN": self.folder.secret("operator"),
        }
        return self.role("api", environment=environment, url=f"{self.api_url}/healthz")

    def _door(self) -> dict[str, str]:
        return {
            "GREENCORE_RECEIPT_KEY": str(self.receipt_key),
            "GREENCORE_ORACLE_NODES": ",".join(self.node_urls),
            **self.keys.keeper(),
        }

    def _node(self, index: int) -> Callable[[], Program]:
        def make() -> Program:
            environment = {
                "GREENCORE_DATABASE_URL": self.postgres.url(self.node_database(index)),
                "GREENCORE_ORACLE_INDEX": str(index),
                "GREENCORE_ORACLE_PEERS": ",".join(self.node_urls),
                "GREENCORE_ORACLE_PORT": str(self.node_ports[index]),
                **self.keys.node(index),
                "GREENCORE_ORACLE_OPERATOR_TOKEN": self.folder.secret("operator"),
            }
            url = f"{self.node_urls[index]}/healthz"
            return self.role("oracle", name=f"oracle-{index}", environment=environment, url=url)

        return make


def answers(url: str) -> bool:
    """Whether a URL of this machine answers 200 now."""
    try:
        with direct.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def answers_on(ports: Sequence[int]) -> Callable[[int], bool]:
    """A readiness check: somebody listens on each of some ports."""
    return lambda _pid: all(listens(port) for port in ports)


def forget_settings() -> None:
    """Drop GREENCORE_* from our environment: what the user set for another deployment must not leak into this house."""
    for name in [name for name in os.environ if name.startswith("GREENCORE_")]:
        del os.environ[name]
