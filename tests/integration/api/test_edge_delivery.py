# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The agent's own delivery against the real door: envelopes, single intervals, the same by hand, and what the doctor sees."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from sqlalchemy import func, select
from structlog.testing import capture_logs

from edge.buffer.command import buffer_command
from edge.buffer.store import Buffer, Draft
from edge.clock import Clock
from edge.delivery.sender import Delivery
from edge.delivery.transports import transport_of
from edge.doctor.remote import server as examine_server
from edge.intervals import BuilderState
from edge.settings import EdgeSettings
from edge.status import Status
from energy.models import EnergyReading
from kit.database import Database
from tests.integration.api.world import LAST, NOON, Device

COUNT = 200


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def deliver(settings: EdgeSettings, buffer: Buffer, device: Device, folder: Path) -> Status:
    """Run the agent's delivery until nothing waits."""
    status = Status(folder, {})
    clock = Clock(int(NOON.timestamp()) * 10**9, 0, 10**9, lambda: 0)
    with ThreadPoolExecutor(1) as writer:
        delivery = Delivery(settings, buffer, writer, clock, status, device.key)
        delivery.transport = transport_of(settings, delivery.receive)
        tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(delivery.transport.run())]
        try:
            async with asyncio.timeout(30):
                while writer.submit(buffer.counts).result()["pending"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return status


async def test_two_days_arrive_in_envelopes_and_again_by_hand_without_harm(
    url: str, app: FastAPI, database: Database, device: Device, tmp_path: Path
) -> None:
    found = await examine_key(url)
    settings = EdgeSettings(station=device.station, receipt_key=found, api_url=url, upload_jitter_s=0, retry_base_s=0.1)
    folder = tmp_path / "edge"
    drafts = [
        Draft("main", slot, b"", lambda seq, slot=slot: device.signed(slot, seq=seq))
        for slot in range(LAST - COUNT + 1, LAST + 1)
    ]
    with capture_logs(), Buffer(folder) as buffer:
        buffer.store(drafts[:-1], BuilderState(), "map")
        status = await deliver(settings, buffer, device, folder)
        assert status._values["envelopes"] == 3
        buffer.store(drafts[-1:], BuilderState(), "map")
        await deliver(settings, buffer, device, folder)
        assert buffer.counts()["accepted"] == COUNT
        assert abs(status._values["clock_skew_s"]) < 60
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(EnergyReading)) == COUNT
    assert {it.name: it.verdict for it in await examine_server(settings, lambda: 0.0)}["server"] == "ok"

    pem = device.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "device.key").write_bytes(pem)
    out = tmp_path / "out.json"

    def run(*arguments: str) -> str:
        done = CliRunner(mix_stderr=False).invoke(buffer_command, list(arguments))
        assert done.exit_code == 0, done.stderr
        return done.stdout

    await asyncio.to_thread(run, "export", "--data-dir", str(folder), "--format", "signed", "-o", str(out))
    told = await asyncio.to_thread(run, "deliver", str(out), "--api-url", url, "--receipt-key", found)
    assert told.splitlines()[-1] == f"{COUNT} intervals: {COUNT} duplicate"  # the server in this process logs before it


async def examine_key(url: str) -> str:
    """The receipt key as the doctor finds it: by the mismatch with a wrong one."""
    wrong = EdgeSettings(station="6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f", receipt_key="00" * 32, api_url=url)
    findings = {it.name: it for it in await examine_server(wrong, lambda: 0.0)}
    assert findings["server.receipt_key"].verdict == "fail"
    return findings["server.receipt_key"].seen.split()[3].rstrip(",")
