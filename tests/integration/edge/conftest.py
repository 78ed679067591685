# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Real peers on loopback: the station simulator and the agent as processes, and a receiver that signs receipts."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.protocol import ReceiptLine, SignedInterval, decode, sign_receipt
from greencore.embedded.ports import free_ports

ROOT = Path(__file__).parents[3]
SIM0 = 1_760_486_400  # 2025-10-15T00:00:00Z


class Books:
    """What a server keeps: the first bytes per meter and slot, and how often anything came."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.kept: dict[tuple[UUID, str, int], SignedInterval] = {}
        self.deliveries = 0
        self.repeated = 0
        self.conflicts = 0

    @property
    def public_hex(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def take(self, payload: bytes) -> bytes:
        """Store and sign, as docs/protocol.md says."""
        self.deliveries += 1
        lines = []
        signed = decode(payload)
        for each in signed:
            place = (each.interval.home_id, each.interval.meter, each.interval.slot)
            first = self.kept.setdefault(place, each)
            status = "accepted" if first is each else "duplicate" if first.body == each.body else "conflict"
            self.repeated += status == "duplicate"
            self.conflicts += status == "conflict"
            lines.append(
                ReceiptLine("0x" + each.hash.hex(), each.interval.meter, each.interval.start.isoformat(), status)
            )
        return sign_receipt(signed[0].interval.home_id, datetime.now(UTC), lines, self.key).to_json()

    def intervals(self, station: UUID) -> list[SignedInterval]:
        """A station's intervals in order of time."""
        return [
            signed for place, signed in sorted(self.kept.items(), key=lambda item: item[0][2]) if place[0] == station
        ]


class Receiver:
    """A small HTTP server. `fault` may answer in its place: it gets the payload and returns (status, body) or None."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.fault: Callable[[bytes], tuple[int, bytes] | None] = lambda _payload: None
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, answer = self.fault(body) or (200, self.books.take(body))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    app = Receiver(Books())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", interface="asgi3"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    app.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield app
    server.should_exit = True
    await task


class Processes:
    """Starts and ends processes; their output stands beside their data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, args: list[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                args, cwd=ROOT, env=os.environ | (env or {}), stdout=output, stderr=subprocess.STDOUT
            )
        self._started.append(process)
        return process

    def stop_all(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.stop_all()


class Rig:
    """One simulator and its agents on one accelerated clock."""

    def __init__(self, processes: Processes, folder: Path, speed: int) -> None:
        self.processes = processes
        self.folder = folder
        self.speed = speed
        self.start = SIM0
        self.clock = ""
        self.stations: dict[str, UUID] = {}
        self.ports: dict[str, int] = {}
        self._simulator: subprocess.Popen[bytes] | None = None

    def simulate(self, *stations: dict[str, Any], skip_s: int = 0) -> None:
        """Start the simulator and wait until it listens; time begins `skip_s` after the epoch."""
        for station in stations:
            self.ports[station["name"]] = station.setdefault("port", free_port())
            self.stations[station["name"]] = uuid4()
        self.clock = f"{SIM0 + skip_s}@{time.time():.3f}x{self.speed}"
        config = {"clock": self.clock, "epoch": SIM0, "stations": stations}
        (self.folder / "stations.json").write_text(json.dumps(config))
        self._start_simulator()

    def restart_simulator(self) -> None:
        """Kill it and start it again."""
        self.pause_meter()
        self._start_simulator()

    def pause_meter(self) -> None:
        """Kill the simulator: no read succeeds any more."""
        assert self._simulator is not None
        self._simulator.kill()
        self._simulator.wait()

    async def wall(self, seconds: float) -> None:
        """Let wall time pass."""
        await asyncio.sleep(seconds)

    def _start_simulator(self) -> None:
        log = self.folder / "simulator.log"
        log.unlink(missing_ok=True)
        args = [sys.executable, "-m", "simulator", "--config", str(self.folder / "stations.json")]
        self._simulator = process = self.processes.start("simulator", args)
        wait_for(lambda: "ready" in log.read_text() or process.poll() is not None, 20)
        assert process.poll() is None, log.read_text()

    def agent(self, name: str, receipt_key: str, **settings: Any) -> subprocess.Popen[bytes]:
        """Start an agent for a station; settings are GREENCORE_EDGE_* in small letters."""
        values = {
            "station": self.stations[name],
            "data_dir": self.folder / name,
            "modbus_port": self.ports[name],
            "modbus_timeout_s": 0.2,
            "modbus_retry_max_s": 0.3,
            "source": "demo",
            "poll_s": 60,
            "receipt_key": receipt_key,
            "retry_base_s": 0.1,
            "retry_max_s": 1,
            "delivery_timeout_s": 2,
        } | settings
        env = {f"GREENCORE_EDGE_{key.upper()}": str(value) for key, value in values.items()}
        args = [sys.executable, "-m", "edge.command", "run"]
        return self.processes.start(name, args, env | {"GREENCORE_CLOCK": self.clock})

    def status(self, name: str) -> dict[str, Any]:
        """What the agent says of itself; empty before it has said anything."""
        try:
            return json.loads((self.folder / name / "status.json").read_text())
        except FileNotFoundError:
            return {}

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def status_in() -> Callable[[Path], dict[str, Any]]:
    """What the agent of a data folder last wrote of itself."""
    return lambda folder: dict(json.loads((folder / "status.json").read_text()))


@pytest.fixture
def make_rig(processes: Processes, tmp_path: Path) -> Callable[[int], Rig]:
    return lambda speed: Rig(processes, tmp_path, speed)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_for_async


@pytest.fixture(name="free_port")
def free_port_fixture() -> Callable[[], int]:
    return free_port


@pytest.fixture
def wait_for_port() -> Callable[[int], None]:
    def listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return lambda port: wait_for(lambda: listens(port), 20)


def free_port() -> int:
    (port,) = free_ports(1)
    return port


def wait_for(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


async def wait_for_async(true: Callable[[], bool], seconds: float, why: Callable[[], Any] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.05)
