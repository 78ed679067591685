# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of a folder, and what systemd hears from the agent."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge import watchdog
from edge.buffer.store import Buffer
from edge.command import cli
from edge.intervals import BuilderState
from edge.keys import load_or_create
from edge.protocol import ReceiptLine, sign_receipt
from tests.integration.edge.buffer_child import FIRST, HOME, draft

ROOT = Path(__file__).parents[3]
NOBODY = "0" * 64


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Runs it on a folder; returns the exit code and the findings by name."""
    for name in [name for name in os.environ if name.startswith("GREENCORE_")]:
        monkeypatch.delenv(name)

    def run(offline: bool = True, **settings: object):
        values = {
            "station": HOME,
            "receipt_key": NOBODY,
            "data_dir": tmp_path / "data",
            "rated_w": 5000,
            "api_url": "http://127.0.0.1:9",
            "modbus_port": 9,
            "modbus_timeout_s": 0.5,
        } | settings
        environment = {f"GREENCORE_EDGE_{name.upper()}": str(value) for name, value in values.items()}
        done = CliRunner(mix_stderr=False).invoke(
            cli, ["doctor", "--json", *(["--offline"] if offline else [])], env=environment
        )
        return done.exit_code, {it["name"]: it for it in json.loads(done.stdout)["findings"]}

    return run


def filled(folder: Path) -> None:
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        buffer.store([draft(FIRST, key), draft(FIRST + 1, key)], BuilderState(), "map")


def test_a_folder_that_is_new_is_no_failure(doctor, tmp_path):
    code, found = doctor()
    assert code == 1
    assert {name: found[name]["verdict"] for name in ("settings", "key", "disk", "buffer", "agent")} == {
        "settings": "ok",
        "key": "warn",
        "disk": "warn",
        "buffer": "warn",
        "agent": "warn",
    }
    assert not (tmp_path / "data").exists()


def test_what_is_missing_in_the_settings_is_named_and_nothing_else_is_tried(doctor):
    code, found = doctor(station="no uuid")
    assert code == 2
    assert list(found) == ["settings"]
    assert "GREENCORE_EDGE_STATION" in found["settings"]["seen"]


def test_every_trouble_of_this_machine_has_a_line_that_says_what_to_do(doctor, tmp_path):
    folder = tmp_path / "data"
    filled(folder)
    with Buffer(folder) as buffer:
        row = buffer.pending(1)[0]
        line = ReceiptLine("0x" + row.hash.hex(), "main", "", "rejected", "telemetry.signature")
        buffer.receive(sign_receipt(HOME, datetime.now(UTC), [line], load_or_create(tmp_path / "server")), 0)
    (folder / "status.json").write_text(
        json.dumps(
            {
                "running": True,
                "pid": os.getpid(),
                "last_read": "2025-10-15T00:00:00Z",
                "buffer_error": "disk I/O error; 3 intervals wait in memory",
                "waiting_for_disk": 3,
                "clock_skew_s": 90.0,
                "clock_skew_uncertainty_s": 0.6,
                "delivery_error": "ConnectError: nothing listens there",
            }
        )
    )
    code, found = doctor(source="demo", api_url="http://greencore.example", map="nonsense")
    assert code == 2
    verdicts = {name: it["verdict"] for name, it in found.items()}
    assert (
        verdicts.items()
        >= {
            "settings.map.main": "fail",
            "settings.tls": "warn",
            "key": "fail",
            "buffer": "ok",
            "buffer.refused": "warn",
            "buffer.pending": "warn",
            "interval": "warn",
            "agent.buffer_error": "fail",
            "agent.delivery_error": "warn",
            "clock.server": "warn",
            "agent.read": "warn",
        }.items()
    )
    assert all(it["todo"] for it in found.values() if it["verdict"] != "ok")


def test_a_damaged_buffer_fails_is_left_alone_and_is_told_after_it_was_put_aside(doctor, tmp_path):
    folder = tmp_path / "data"
    filled(folder)
    path = folder / "buffer.sqlite"
    path.write_bytes(bytes(5000) + path.read_bytes()[5000:])
    code, found = doctor()
    assert (code, found["buffer"]["verdict"]) == (2, "fail")
    assert path.read_bytes()[:16] == bytes(16)
    Buffer(folder).close()
    code, found = doctor()
    assert (code, found["buffer"]["verdict"]) == (1, "ok")
    assert "greencore edge buffer recover buffer-damaged-" in found["buffer.put_aside"]["todo"]


def test_a_server_and_a_meter_that_are_away_fail_with_the_reason(doctor):
    code, found = doctor(offline=False)
    assert code == 2
    assert (found["server"]["verdict"], found["meter.main"]["verdict"]) == ("fail", "fail")
    assert "nothing listens there" in found["server"]["seen"]
    assert found["meter.main"]["seen"].startswith("unreachable")


async def test_systemd_hears_that_the_agent_is_ready_and_that_it_turns(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        with ThreadPoolExecutor(1) as writer:
            watching = asyncio.create_task(watchdog.watch(writer))
            await asyncio.sleep(0.3)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        assert [manager.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert not watchdog.notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not watchdog.notify("READY=1")


def test_the_unit_is_one_that_systemd_understands(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (ROOT / "deploy/systemd/greencore-edge@.service").read_text()
    path = tmp_path / "greencore-edge@pv-1.service"
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit, flags=re.MULTILINE))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_small_installation_lists_is_what_the_project_lists():
    project = (ROOT / "pyproject.toml").read_text()
    lines = (ROOT / "deploy/edge/requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert len(wanted) > 8
    assert [line for line in wanted if f'"{line}"' not in project] == []
