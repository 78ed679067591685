# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How a node's process is put together: who its peers are, what it refuses, what it survives."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from kit.errors import Refused
from kit.settings import Mode, Settings
from oracle import run
from oracle.settings import OracleSettings

KEY = "0x" + "11" * 32


def test_peers_come_from_a_list_and_the_own_url_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENCORE_ORACLE_PEERS", "http://a:8600/, http://b:8601,http://c:8602")
    monkeypatch.setenv("GREENCORE_ORACLE_INDEX", "1")
    monkeypatch.setenv("GREENCORE_ORACLE_PORT", "8601")
    settings = OracleSettings()
    assert settings.peers == ("http://a:8600", "http://b:8601", "http://c:8602")
    assert run.others(settings) == ["http://a:8600", "http://c:8602"]
    # a list of the others alone is as good
    assert run.others(OracleSettings(index=3, port=8603)) == list(settings.peers)


def test_a_node_computes_what_it_is_told__energy_if_nothing() -> None:
    assert OracleSettings().utilities == (1,)
    assert OracleSettings(utilities="3, 1").utilities == (1, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("codes", ["", "0", "1,10", "1,1", "water"])
def test_unknown_utilities__are_refused(codes: str) -> None:
    with pytest.raises(ValidationError):
        OracleSettings(utilities=codes)  # type: ignore[arg-type]


def test_the_password_comes_from_its_file_without_the_lines_end(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("with spaces \n")
    assert OracleSettings(keystore_password_file=path).password() == "with spaces "


@pytest.mark.parametrize(
    ("settings", "node", "code"),
    [
        ({}, {}, "oracle.no_key"),
        ({"mode": Mode.LIVE}, {"keystore": KEY}, "oracle.bare_key"),
        ({"mode": Mode.LIVE, "clock": "1@1x60"}, {"keystore": "node.json"}, "oracle.clock"),
    ],
)
async def test_settings_that_a_live_node_must_not_have_are_refused(
    settings: dict[str, Any], node: dict[str, Any], code: str, tmp_path: Path
) -> None:
    deployment = tmp_path / "deployment.json"
    deployment.write_text('{"chainId": 1, "contracts": {}}')
    with pytest.raises(Refused) as refused:
        await run.run(Settings(deployment=deployment, **settings), OracleSettings(**node), [])
    assert refused.value.code == code


async def test_readings_get_another_chance_although_the_database_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_RETRY_SECONDS", 0.01)
    calls = 0
    done = asyncio.Event()

    async def again() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OSError("the database is away")
        done.set()

    node = cast("Any", SimpleNamespace(intake=SimpleNamespace(retry=again)))
    task = asyncio.create_task(run.retry(node))
    await asyncio.wait_for(done.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert calls >= 3
