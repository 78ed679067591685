# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests: PostgreSQL once a session with a fresh database a test, NATS and the chain as they are asked for."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import migrations
from greencore.embedded.anvil import Anvil
from greencore.embedded.nats import Nats
from greencore.embedded.ports import free_ports
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import running
from kit.database import Database

ROOT = Path(__file__).parents[1]
_TEMPLATE = "greencore_template"
_numbers = count(1)

os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder with a short path for the servers of a session: a socket's path may have 107 bytes only."""
    with tempfile.TemporaryDirectory(prefix="gct-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[Postgres]:
    """A running PostgreSQL that forgets at a power cut."""
    server = Postgres(server_folder / "pg", durable=False)
    with running(server.prepare(), server_folder / "postgres.log"):
        yield server


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """The name of a migrated database that others are copied from."""
    postgres.create_database(_TEMPLATE)
    migrations.upgrade(postgres.url(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def new_database(postgres: Postgres, template: str) -> Iterator[Callable[[], str]]:
    """Makes as many fresh, migrated databases as a test asks for, and returns their URLs in SQLAlchemy form."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{os.getpid()}_{next(_numbers)}")
        postgres.create_database(made[-1], template=template)
        return postgres.url(made[-1])

    yield make
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """A fresh, migrated database in SQLAlchemy form."""
    return new_database()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The kit's access to a fresh, migrated database."""
    made = Database(database_url)
    yield made
    await made.close()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Nats]:
    """A fresh NATS: `url` for services, `mqtt_port` and `station_password` for meters."""
    server = Nats(tmp_path / "nats", *free_ports(3), durable=False)
    with running(server.prepare(), tmp_path / "nats.log"):
        yield server


@pytest.fixture
def nats_url(nats_server: Nats) -> str:
    """A fresh NATS with JetStream and no streams yet."""
    return nats_server.url


@dataclass(frozen=True, slots=True)
class TestChain:
    """A chain whose transactions are mined at once. `rpc_url` for clients; time moves by `mine`."""

    __test__ = False

    server: Anvil

    @property
    def rpc_url(self) -> str:
        """JSON-RPC."""
        return self.server.url

    def call(self, method: str, *params: object) -> Any:
        """One JSON-RPC call."""
        return self.server.call(method, *params)

    def mine(self, *, timestamp: int | None = None) -> None:
        """One block, at an instant in unix seconds if one is given (it must be later than the last block's)."""
        self.call("evm_mine", *([timestamp] if timestamp is not None else []))

    def timestamp(self) -> int:
        """The last block's time, unix seconds."""
        return int(self.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by as many empty ones."""
        self.call("anvil_reorg", depth, [])


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[TestChain]:
    """A fresh chain that mines at once."""
    server = Anvil(tmp_path / "anvil", free_ports(1)[0], automine=True)
    with running(server.prepare(), tmp_path / "anvil.log"):
        yield TestChain(server)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A chain with the contracts on it: `path` is the deployment file."""

    chain: TestChain
    path: Path

    @property
    def rpc_url(self) -> str:
        """JSON-RPC."""
        return self.chain.rpc_url


@pytest.fixture(scope="session")
def deployed_chain(server_folder: Path) -> Iterator[Deployed]:
    """The contracts, deployed once by the same script that deploys them anywhere."""
    server = Anvil(server_folder / "anvil", free_ports(1)[0], automine=True)
    with running(server.prepare(), server_folder / "anvil.log"):
        path = server_folder / "deployment.json"
        deploy(server.url, path)
        yield Deployed(TestChain(server), path)


@pytest.fixture
def deployment(deployed_chain: Deployed) -> Iterator[Deployed]:
    """The deployed contracts as they were just after deployment, whatever the test before did."""
    mark = deployed_chain.chain.call("evm_snapshot")
    yield deployed_chain
    deployed_chain.chain.call("evm_revert", mark)


def deploy(rpc_url: str, path: Path) -> None:
    """Run the deploy script against a chain."""
    subprocess.run(
        [str(ROOT / ".venv/bin/ape"), "run", "deploy", "--network", rpc_url],
        cwd=ROOT,
        env={**os.environ, "GREENCORE_DEPLOYMENT": str(path)},
        check=True,
        capture_output=True,
    )
