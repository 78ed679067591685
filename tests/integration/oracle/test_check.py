# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The independent check against a real chain: clean after a full story, loud after tampering."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from chain.client import batch_id
from chain.transactions import Reverted
from kit.ids import address_bytes
from oracle import repository
from oracle.verify.check import CLEAN, TAMPERED, UNCHECKED, check, check_facts
from oracle.verify.command import main
from oracle.verify.reader import read_facts
from oracle.verify.source import Door, file_name
from tests.integration.oracle.grid import E, Grid, account


async def story(grid: Grid) -> list[int]:
    """Three reports, one after a rotation; claims as class and as batch; fuse, transfer, burn, reserve. Returns the slots."""
    roof, house = await grid.add_station(owner=8), await grid.add_station(owner=8)
    grid.pass_slots()
    first = grid.pass_slots()
    await grid.everyone_hears(roof.reading(first, 120), house.reading(first, 11))
    await grid.report(first)
    await grid.claim(first, roof)
    await grid.claim(first, house, batch=True)
    second = grid.slot - 1
    await grid.everyone_hears(roof.reading(second, 35), house.reading(second, -5))
    await asyncio.sleep(0.3)
    await grid.report(second, by=1)
    await grid.claim(second, roof)
    await grid.claim(second, house)
    signers = sorted(address_bytes(account(n).address) for n in (1, 2, 3, 5))
    rotate = grid.oracle.abi.encode_call("rotate", signers, 3, 1, second + 1, second)
    await grid.sender().send(grid.oracle.address, rotate)
    third = grid.slot - 1
    await asyncio.sleep(0.3)
    await grid.report(third, by=2)
    holder, other = grid.sender(8), address_bytes(account(9).address)
    token, batch = grid.token, batch_id(E, first)
    for call in (
        token.abi.encode_call("fuse", batch, 1_000),
        token.abi.encode_call("safeTransferFrom", address_bytes(account(8).address), other, E, 500, b""),
        token.abi.encode_call("burn", E, 77),
    ):
        await holder.send(token.address, call)
    await grid.sender(9).send(grid.treasury.address, grid.treasury.abi.encode_call("collect_reserve", E))
    return [first, second, third]


async def publish(grid: Grid, slots: list[int], folder: Path) -> None:
    """The leaves as an operator would export them."""
    async with grid.members[3].database.transaction() as session:
        for slot in slots:
            report = await repository.report_at(session, E, slot)
            assert report is not None
            data = await repository.load_leaves(session, report.data_hash)
            assert data is not None
            (folder / file_name(E, slot)).write_bytes(data)


def run(grid: Grid, place: str, *options: str) -> tuple[int, str]:
    """The command as a person runs it."""
    arguments = ["--rpc", grid.rpc_url, "--deployment", str(grid.path), "--leaves", place, *options]
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout


async def test_a_full_story_is_clean_and_every_tampering_is_loud(grid: Grid, tmp_path: Path) -> None:
    slots = await story(grid)
    await publish(grid, slots, tmp_path)

    source = Door(f"http://127.0.0.1:{grid.members[1].port}")
    verdict = await check(grid.rpc, grid.deployment, source)
    await source.close()
    assert verdict.findings == ()
    assert (verdict.reports, verdict.mints) == (3, 3)

    code, text = await asyncio.to_thread(run, grid, str(tmp_path), "--json")
    told = json.loads(text)
    assert (code, told["verdict"]) == (CLEAN, "clean")
    assert told["utilities"][0]["signedUwh"] == str((120 + 11 + 35) * 10**6)
    code, text = await asyncio.to_thread(run, grid, str(tmp_path))
    assert code == CLEAN
    assert "everything is right" in text

    path = tmp_path / file_name(E, slots[1])
    original = path.read_bytes()
    path.write_bytes(original.replace(b",2,", b",3,", 1))
    code, text = await asyncio.to_thread(run, grid, str(tmp_path))
    assert code == TAMPERED
    assert f"slot {slots[1]}: the published file is not the one that was signed" in " ".join(text.split())
    path.unlink()
    code, text = await asyncio.to_thread(run, grid, str(tmp_path))
    assert code == UNCHECKED
    assert f"slot {slots[1]}" in text
    path.write_bytes(original)

    # the treasury's own key makes a token that no report covers
    token, treasury = grid.token, grid.treasury.address
    grid.chain.call("anvil_impersonateAccount", treasury)
    grid.chain.call("anvil_setBalance", treasury, hex(10**18))
    mint = token.abi.encode_call("mint", address_bytes(account(9).address), E, 5)
    grid.chain.call("eth_sendTransaction", {"from": treasury, "to": token.address, "data": "0x" + mint.hex()})
    code, text = await asyncio.to_thread(run, grid, str(tmp_path))
    assert code == TAMPERED
    assert "5 µWh appeared, 0 were minted, collected or fused" in " ".join(text.split())


async def test_a_report_can_be_challenged_until_its_delay_is_over_and_the_check_says_until_when(grid: Grid) -> None:
    await grid.sender().send(grid.oracle.address, grid.oracle.abi.encode_call("set_challenge_delay", 3_600))
    roof = await grid.add_station(owner=8)
    grid.pass_slots()
    slot = grid.pass_slots()
    await grid.everyone_hears(roof.reading(slot, 120))
    await grid.report(slot)
    until = await grid.oracle.read("claimable_at", E, slot)
    with pytest.raises(Reverted, match="challenge delay is running"):
        await grid.claim(slot, roof)
    door = f"http://127.0.0.1:{grid.members[1].port}"
    code, text = await asyncio.to_thread(run, grid, door, "--json")
    told = json.loads(text)
    assert (code, told["challengeable"]) == (CLEAN, [{"utility": E, "slot": slot, "until": until}])
    code, text = await asyncio.to_thread(run, grid, door)
    assert f"1 reports can still be challenged: slot {slot}" in " ".join(text.split())
    grid.pass_slots(5)
    await grid.claim(slot, roof)
    source = Door(door)
    verdict = await check(grid.rpc, grid.deployment, source)
    # the same mint, had it come while the delay ran
    facts = await read_facts(grid.rpc, grid.deployment)
    early = replace(facts, times={**facts.times, facts.mints[0].at[0]: until - 1})
    caught = await check_facts(early, source)
    await source.close()
    assert (verdict.findings, verdict.mints, verdict.open) == ((), 1, ())
    (finding,) = caught.findings
    assert (finding.check, finding.what) == ("delay", "was claimed 1 s before its challenge delay was over")
    assert str(roof.id) in finding.where


async def test_what_cannot_be_checked_is_not_called_right(grid: Grid, tmp_path: Path) -> None:
    code, _ = await asyncio.to_thread(run, grid, str(tmp_path / "nowhere"))
    assert code == UNCHECKED
    elsewhere = tmp_path / "deployment.json"
    elsewhere.write_text(grid.path.read_text().replace('"chainId": 31337', '"chainId": 5'))
    arguments = ["--rpc", grid.rpc_url, "--deployment", str(elsewhere), "--leaves", str(tmp_path), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == UNCHECKED
    assert json.loads(result.stdout)["code"] == "verify.wrong_chain"
    result = await asyncio.to_thread(
        CliRunner().invoke, main, ["--rpc", "http://user:secret@127.0.0.1:9", *arguments[2:]]
    )
    assert result.exit_code == UNCHECKED
    assert "secret" not in result.output
