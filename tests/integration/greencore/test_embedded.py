# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The embedded servers: they start, survive being killed, keep strangers out, and end with their owner."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiomqtt
import pytest
from sqlalchemy import text

from greencore.embedded.anvil import Anvil
from greencore.embedded.miner import Miner
from greencore.embedded.nats import Nats
from greencore.embedded.ports import free_ports
from greencore.embedded.postgres import Postgres
from greencore.embedded.program import Program, StartFailed, running
from kit import stream
from kit.clock import FixedClock
from kit.database import Database


async def test_a_database_is_migrated_and_ours_alone(database: Database) -> None:
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM kit_outbox")) == 0
        assert await session.scalar(text("SELECT current_user")) == "greencore"


def test_postgres_keeps_what_was_committed_when_it_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("p")
    server = Postgres(folder / "pg")
    with running(server.prepare(), folder / "log") as process:
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        process.kill()
        process.wait()
    assert (server.data / "postmaster.pid").exists(), "a killed server leaves its pid file, and we start over it"
    with running(server.prepare(), folder / "log"), server.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_pid_file_whose_number_is_another_process_does_not_block(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("p")
    server = Postgres(folder / "pg", durable=False)
    with running(server.prepare(), folder / "log"):
        pass
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n\n\n\nready\n")
    with running(server.prepare(), folder / "log"), server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    server = Postgres(tmp_path / ("long" * 30), durable=False)
    with running(server.prepare(), tmp_path / "log"), server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_a_station_may_publish_its_own_intervals_only(nats_server: Nats) -> None:
    ours, other = uuid4(), uuid4()
    password = nats_server.station_password(ours)
    nats_server.prepare()  # writes the new user; the fixture's server is told by its own signal
    client = await stream.connect(nats_server.url, name="test")
    try:
        await stream.ensure_streams(client)
        _reload(nats_server)
        async with aiomqtt.Client("127.0.0.1", nats_server.mqtt_port, username=str(ours), password=password) as mqtt:
            await mqtt.publish(f"greencore/v1/{ours}/intervals", b"ours", qos=1)
            await mqtt.publish(f"greencore/v1/{other}/intervals", b"not ours", qos=1)
            granted = await mqtt.subscribe(f"greencore/v1/{ours}/receipts", qos=1)
            refused = await mqtt.subscribe(f"greencore/v1/{other}/receipts", qos=1)
        assert not granted[0].is_failure
        assert refused[0].is_failure
        message = await client.jetstream().get_msg(stream.TELEMETRY, 1)
        assert message.data == b"ours"
        assert (await client.jetstream().stream_info(stream.TELEMETRY)).state.messages == 1
    finally:
        await client.close()


async def test_a_wrong_password_is_refused(nats_server: Nats) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", nats_server.mqtt_port, username="greencore", password="guess"):
            pass


async def test_blocks_carry_the_deployments_clock_also_after_a_restart(tmp_path: Path) -> None:
    server = Anvil(tmp_path / "anvil", free_ports(1)[0], genesis_time=1_700_000_000)
    clock = FixedClock(datetime.fromtimestamp(1_700_000_900, UTC))
    assert await _mined_at(server, clock, tmp_path) == 1_700_000_900
    clock.at = datetime.fromtimestamp(1_700_000_500, UTC)
    later = await _mined_at(server, clock, tmp_path)
    assert 1_700_000_900 < later < 1_700_000_910, "a clock that was set back must not stop the chain"


async def test_a_torn_state_is_replaced_by_its_copy(tmp_path: Path) -> None:
    server = Anvil(tmp_path / "anvil", free_ports(1)[0], genesis_time=1_700_000_000)
    clock = FixedClock(datetime.fromtimestamp(1_700_000_900, UTC))
    await _mined_at(server, clock, tmp_path)
    server.keep_copy()
    state = tmp_path / "anvil" / "state.json"
    state.write_bytes(state.read_bytes()[:-100])  # a kill while it was written
    server.keep_copy()
    with running(server.prepare(), tmp_path / "log"):
        assert int((await asyncio.to_thread(server.call, "eth_blockNumber")), 16) > 0
    (tmp_path / "anvil" / "state.copy.json").unlink()
    state.write_bytes(b"{")
    with pytest.raises(StartFailed, match="torn"):
        server.prepare()


async def _mined_at(server: Anvil, clock: FixedClock, folder: Path) -> int:
    """Start the chain, send one transaction, and return the time of its block."""
    with running(server.prepare(), folder / "log"):
        miner = asyncio.create_task(Miner(server.url, clock, idle_seconds=60).run())
        number = await asyncio.to_thread(_send_and_wait, server)
        miner.cancel()
        block = await asyncio.to_thread(server.call, "eth_getBlockByNumber", number, False)
        return int(block["timestamp"], 16)


def _send_and_wait(server: Anvil) -> str:
    """Send one transaction and return its block's number."""
    first, second, *_ = server.call("eth_accounts")
    transaction = server.call("eth_sendTransaction", {"from": first, "to": second, "value": "0x1"})
    limit = time.monotonic() + 10
    while (receipt := server.call("eth_getTransactionReceipt", transaction)) is None:
        assert time.monotonic() < limit, "nobody mined it"
        time.sleep(0.02)
    return str(receipt["blockNumber"])


def test_a_program_that_ends_at_once_says_why(tmp_path: Path) -> None:
    program = Program("broken", (sys.executable, "-c", "raise SystemExit('no such thing')"), lambda _pid: False)
    with pytest.raises(StartFailed, match="no such thing"), running(program, tmp_path / "log"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_a_child_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    owner.stdout.close()
    assert _alive(child)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    limit = time.monotonic() + 5
    while _alive(child):
        assert time.monotonic() < limit, "the child lives on without its owner"
        time.sleep(0.02)


_OWNER = """
import sys, time
from pathlib import Path
from greencore.embedded.program import Program
program = Program("child", ("sleep", "60"), lambda pid: True)
print(program.launch(Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _reload(server: Nats) -> None:
    """What the supervisor does after new stations: SIGHUP to the server that listens on our port."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        if str(server.folder / "nats.conf").encode() in entry.read_bytes():
            os.kill(int(entry.parent.name), signal.SIGHUP)
    time.sleep(0.3)
