# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Roles alone, as an operator runs them: settings by environment variables, an address printed, an end on SIGTERM."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from greencore.accounts import REGISTRAR, account, private_key
from greencore.embedded.anvil import rpc
from greencore.embedded.ports import free_ports, listens
from tests.conftest import Deployed, TestChain


@contextmanager
def role(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "greencore", *arguments],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM, 1)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str], variable: str) -> str:
    """What the role prints for the other roles' settings."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"{variable}="):
            return line.strip().partition("=")[2].strip("'")
    raise AssertionError(f"{variable} was never told")


def _wait(holds: object, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_postgres(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("p") / "pg"
    with role("postgres", "--data", str(data)) as process:
        url = _address(process, "GREENCORE_DATABASE_URL").replace("postgresql+asyncpg", "postgresql")
        _wait(lambda: (data / "run" / ".s.PGSQL.5432").exists())
        time.sleep(0.5)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_nats(tmp_path: Path) -> None:
    port, mqtt, http = free_ports(3)
    ports = ("--port", str(port), "--mqtt-port", str(mqtt), "--http-port", str(http))
    with role("nats", "--data", str(tmp_path), *ports) as process:
        assert _address(process, "GREENCORE_NATS_URL").endswith(f"@127.0.0.1:{port}")
        _wait(lambda: listens(port) and listens(mqtt))
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert client.recv(4).startswith(b"INFO")


def test_a_chain_with_the_deployments_clock(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    clock = f"1700000000@{time.time():.3f}x60"
    with role("chain", "--data", str(tmp_path), "--port", str(port), GREENCORE_CLOCK=clock) as process:
        url = _address(process, "GREENCORE_RPC_URL")
        _wait(lambda: int(rpc(url, "eth_blockNumber"), 16) > 1)
        assert 1_700_000_000 <= int(rpc(url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16) < 1_700_010_000
    with pytest.raises(urllib.error.URLError):
        rpc(url, "eth_chainId")


def test_a_miner_for_somebody_elses_chain(anvil: TestChain) -> None:
    before = int(anvil.call("eth_blockNumber"), 16)
    with role("miner", "--idle", "0.1", GREENCORE_RPC_URL=anvil.rpc_url):
        _wait(lambda: int(anvil.call("eth_blockNumber"), 16) > before + 3)


def test_migrate_brings_a_database_to_the_newest_revision(database_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "greencore", "migrate"],
        env={**os.environ, "GREENCORE_DATABASE_URL": database_url}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "the database is up to date\n"), ran.stderr


@pytest.mark.parametrize("name", ["indexer", "oracle"])
def test_a_role_without_contracts_says_so_and_ends(name: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "greencore", name],
        env={**os.environ, "GREENCORE_DEPLOYMENT": str(tmp_path / "none.json")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "no deployment can be read here" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_registrar_enters_a_station_once(deployment: Deployed) -> None:
    station, device = uuid4(), "ab" * 31 + f"{os.getpid() % 256:02x}"
    environment = {
        **os.environ,
        "GREENCORE_MODE": "demo",
        "GREENCORE_RPC_URL": deployment.rpc_url,
        "GREENCORE_DEPLOYMENT": str(deployment.path),
        "GREENCORE_REGISTRAR_KEY": private_key(REGISTRAR),
    }

    def register(owner: str) -> subprocess.CompletedProcess[str]:
        arguments = ["--station", str(station), "--owner", owner, "--rated-w", "5000", "--key", device]
        return subprocess.run(
            [sys.executable, "-m", "greencore", "register", *arguments],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    owner, other = str(account(9).address), str(account(10).address)
    assert register(owner).stdout == "station entered, meter entered\n"
    assert register(owner).stdout == "station was entered before, meter was entered before\n"
    refused = register(other)
    assert refused.returncode == 2
    assert "belongs to" in refused.stderr
