# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator does: keys, status, published files, counting again."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from chain.signer import decrypt_keystore
from energy.settle.rules import Advance, advance
from kit.units import UWH_PER_WH
from oracle.command import export, key, status
from oracle.command import replay as replay_command
from oracle.keccak import keccak
from oracle.recount.service import Recounter
from oracle.replay import replay as count_again
from oracle.verify.source import file_name
from tests.integration.oracle.grid import E, Grid


def halved(*arguments: Any, **named: Any) -> Advance:
    """The step of a node that credits half of what was measured."""
    step = advance(*arguments, **named)
    r = step.register
    half = replace(
        r, net=r.net // 2, net_measured=r.net_measured // 2, mintable=r.mintable // 2, measured=r.measured // 2
    )
    return replace(step, register=half)


async def call(command: object, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, command, list(arguments))  # type: ignore[arg-type]


async def test_a_key_is_made_once_and_shown_by_its_address_only(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("long enough\n")
    made = await call(key, str(tmp_path / "node.json"), "--password-file", str(password))
    assert made.exit_code == 0
    assert made.output.strip() == decrypt_keystore(tmp_path / "node.json", "long enough").address
    again = await call(key, str(tmp_path / "node.json"), "--password-file", str(password))
    assert again.exit_code == 2
    assert "never overwritten" in again.output


async def test_nodes_are_looked_at_and_their_leaves_published(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10))
    await grid.report(slot)
    urls = grid.urls(but=-1)
    looked = await call(status, *urls)
    assert looked.exit_code == 0, looked.output
    assert looked.output.count(f"utility 1 slot {slot}") == 4
    await grid.members[3].stop()
    looked = await call(status, *urls)
    assert looked.exit_code == 1
    assert f"{urls[3]}  does not answer" in looked.output

    monkeypatch.setenv("GREENCORE_DATABASE_URL", grid.members[0].database_url)
    done = await call(export, str(tmp_path / "leaves"))
    assert done.exit_code == 0, done.output
    async with httpx.AsyncClient(trust_env=False) as http:
        served = await http.get(f"{urls[0]}/leaves/1/{slot}")
        written = tmp_path / "leaves" / file_name(E, slot)
        assert written.read_bytes() == served.content
        (entry,) = json.loads((tmp_path / "leaves" / "reports-1.json").read_bytes())
        assert (entry["slot"], bytes.fromhex(entry["dataHash"])) == (slot, keccak(served.content))
        again = await call(export, str(tmp_path / "leaves"))
        assert again.output.startswith("0 files written, 1 were there")
        written.write_bytes(served.content[:-1])  # a copy that broke off
        assert (await call(export, str(tmp_path / "leaves"))).output.startswith("1 files written, 0 were there")
        assert written.read_bytes() == served.content
        assert (await http.get(f"{urls[0]}/leaves/1/{slot + 1}")).status_code == 404
        listed = (await http.get(f"{urls[0]}/reports/1")).json()["reports"]
        assert [(r["slot"], r["agreed"]) for r in listed] == [(slot, True)]
        refused = await http.post(f"{urls[0]}/propose", json={})
        assert (refused.status_code, refused.json()["code"]) == (401, "oracle.operator_only")
        headers = {"Authorization": "Bearer secret"}
        nothing = await http.post(f"{urls[0]}/propose", json={"slot": slot}, headers=headers)
        assert nothing.json() == {"attempt": None}
        done_now = await http.post(f"{urls[0]}/propose", json={"utility": 7}, headers=headers)
        assert done_now.json()["code"] == "oracle.utility_not_served"
        malformed = await http.post(f"{urls[0]}/sign", content=b"{}")
        assert (malformed.status_code, malformed.json()["code"]) == (422, "oracle.bad_message")


async def test_counting_again_says_who_was_wrong_and_repairs_only_when_told(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await grid.add_station()
    grid.pass_slots()
    wrong = grid.members[0]
    await wrong.stop()
    wrong.advance = halved
    await wrong.start()
    slot = grid.pass_slots()
    await grid.everyone_hears(station.reading(slot, 10), station.reading(slot - 1, -4))
    await grid.report(slot, by=1)
    right = await grid.states()
    assert right[0] != right[1]

    # by the wrong rules it still differs, and says how
    async with wrong.database.transaction() as session:
        found = await count_again(session, wrong.node.recounter, E, write=False)
    (difference,) = found.differences
    assert difference.mine is not None
    assert difference.theirs is not None
    assert difference.theirs.mintable == 6 * UWH_PER_WH
    assert difference.mine.mintable == 3 * UWH_PER_WH

    # by the right rules nothing differs, and the registers are the others' once they are written
    monkeypatch.setenv("GREENCORE_DATABASE_URL", wrong.database_url)
    monkeypatch.setattr("oracle.command.book", lambda: wrong.policy)  # the grid's version, whatever the slot
    looked = await call(replay_command)
    assert (looked.exit_code, looked.output) == (
        0,
        "1 reports, 0 differ, 1 registers would change; --write replaces them\n",
    )
    assert (await grid.states())[0] == right[0]
    assert (await call(replay_command, "--write")).exit_code == 0
    assert (await grid.states())[0] == right[1]
    async with grid.members[2].database.transaction() as session:
        nothing = await count_again(session, Recounter(grid.members[2].policy), E, write=True)
    assert (nothing.reports, nothing.differences, nothing.changed) == (1, (), 0)
