# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator types."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from click.testing import CliRunner

from edge.buffer.store import Buffer, Draft
from edge.command import cli
from edge.intervals import BuilderState
from edge.keys import load_or_create, public_hex
from edge.protocol import Interval, sign

ROOT = Path(__file__).parents[3]
HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")


def test_the_key_is_made_once_and_printed(tmp_path):
    first = CliRunner().invoke(cli, ["key", "--data-dir", str(tmp_path)])
    assert first.exit_code == 0
    assert first.output.strip() == public_hex(load_or_create(tmp_path))
    (tmp_path / "device.key").chmod(0o644)
    second = CliRunner().invoke(cli, ["key", "--data-dir", str(tmp_path)])
    assert second.exit_code == 2
    assert "chmod 600" in second.output


def test_the_buffer_shows_counts_and_the_newest(tmp_path):
    key = load_or_create(tmp_path)
    with Buffer(tmp_path) as buffer:
        draft = Draft(
            "main",
            1_956_096,
            b"",
            lambda seq: sign(Interval(HOME, 1_956_096, {"meterWh": -1_500_001}, bytes(32), seq=seq), key),
        )
        buffer.store([draft], BuilderState(), "map")
    text = CliRunner().invoke(cli, ["buffer", "--data-dir", str(tmp_path)])
    assert "pending 1" in text.output
    assert "2025-10-15T00:00:00Z" in text.output
    shown = json.loads(CliRunner().invoke(cli, ["buffer", "--data-dir", str(tmp_path), "--json"]).output)
    assert shown["last"][0]["meterWh"] == "-1.500001"
    assert shown["totals"] == {"built": 1, "accepted": 0, "duplicate": 0, "conflict": 0, "rejected": 0}


def test_a_folder_without_a_buffer_is_named(tmp_path):
    result = CliRunner().invoke(cli, ["buffer", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
    assert list(tmp_path.iterdir()) == []


def test_run_without_settings_names_what_is_missing(monkeypatch):
    monkeypatch.delenv("GREENCORE_EDGE_STATION", raising=False)
    result = CliRunner().invoke(cli, ["run"], env={"GREENCORE_EDGE_RECEIPT_KEY": "xyz"})
    assert result.exit_code == 2
    assert "GREENCORE_EDGE_STATION: Field required" in result.output
    assert "GREENCORE_EDGE_RECEIPT_KEY: 64 hexadecimal digits" in result.output


def test_an_agent_loads_nothing_that_a_small_box_has_no_room_for():
    heavy = (
        "pandas",
        "numpy",
        "web3",
        "sqlalchemy",
        "fastapi",
        "strawberry",
        "asyncpg",
        "ape",
        "vyper",
        "kit",
        "chain",
        "aiomqtt",  # where REST delivers
        "edge.doctor.examination",
        "edge.scan.scan",
    )
    code = f"import sys, edge.command; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
