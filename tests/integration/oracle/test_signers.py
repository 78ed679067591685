# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node whose key is elsewhere, and a node that is killed at the worst instant: neither ever contradicts itself."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chain.signers import open_signer
from kit.errors import Unavailable
from oracle.quorum import repository as quorum_repository
from oracle.quorum.messages import SignRequest
from tests.conftest import ROOT
from tests.integration.chain.remote_signer import sandbox
from tests.integration.oracle.grid import E, Grid, account


async def test_a_node_with_a_remote_signer_takes_part_and_its_outage_delays_nothing(grid: Grid) -> None:
    with sandbox(bytes(account(3)._key.to_bytes())) as remote:
        member = grid.members[2]
        await member.stop()
        member.signer = await open_signer(f"{remote.url}#{account(3).address}", timeout_seconds=1)
        await member.start()
        await grid.members[3].stop()
        roof = await grid.add_station()
        first = grid.pass_slots()
        for up in grid.members[:3]:
            await up.hear(roof.reading(first, 100))
        grid.close(first)
        # three of four are up: without the remote signature there is no quorum
        remote.behave("other_key")
        alone = await grid.members[0].node.propose(E, first)
        assert alone is not None
        assert not alone.succeeded
        assert {refusal.code for refusal in alone.refusals} >= {"chain.signer_other_key"}
        remote.behave("honest")
        done = await grid.members[0].node.propose(E, first)
        assert done is not None
        assert done.succeeded
        assert done.content_hash == alone.content_hash
        # the remote signer's own node brings a report: a transaction signed elsewhere
        second = grid.pass_slots()
        for up in grid.members[:3]:
            await up.hear(roof.reading(second, 50))
        grid.close(second)
        brought = await member.node.propose(E, second)
        assert brought is not None
        assert brought.tx_hash
        transaction = await grid.rpc.transaction(brought.tx_hash)
        assert transaction is not None
        assert transaction["from"].lower() == account(3).address.lower()
        remote.behave("failing")
        third = grid.pass_slots()
        grid.close(third)
        with pytest.raises(Unavailable) as silent:
            await member.node.propose(E, third)
        assert silent.value.code == "chain.signer_unavailable"
        await grid.members[3].start()
        other = await grid.members[0].node.propose(E, third)
        assert other is not None
        assert other.succeeded
        await member.signer.close()


async def test_a_node_killed_between_its_decision_and_its_signature_signs_nothing_else(
    grid: Grid, tmp_path: Path
) -> None:
    roof = await grid.add_station()
    grid.pass_slots(2)
    slot = grid.pass_slots()
    await grid.everyone_hears(roof.reading(slot, 100))
    for down in (1, 2, 3):
        await grid.members[down].stop()
    grid.close(slot)
    assert await grid.members[0].node.propose(E, slot) is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{grid.members[0].port}/signed/{E}/{slot}")
    request = SignRequest.from_json(answer.content)
    (tmp_path / "request.json").write_bytes(answer.content)
    await grid.members[0].stop()

    where = [grid.members[3].database_url, grid.rpc_url, str(grid.path), str(tmp_path / "request.json")]
    command = [sys.executable, "-m", "tests.integration.oracle.killed_node", *where]
    killed = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL

    for up in (1, 3):
        await grid.members[up].start()
    member = grid.members[3]
    async with member.database.transaction() as session:
        bound = await quorum_repository.decision(session, E, slot)
    assert bound is not None
    assert (bound.content_hash, bound.signature) == (request.proposal.content.hash(), b"")
    # both know a reading more by now and would count it: one is bound already
    garden = roof.reading(slot - 1, 7)
    for up in (1, 3):
        await grid.members[up].hear(garden)
    other = await grid.members[1].node.propose(E, slot)
    assert other is not None
    assert other.content_hash != bound.content_hash
    assert "oracle.signed_other" in {refusal.code for refusal in other.refusals}
    # the content that it decided for gets its signature, and with it the quorum
    for up in (0, 2):
        await grid.members[up].start()
    done = await grid.members[0].node.propose(E, slot)
    assert done is not None
    assert (done.succeeded, done.content_hash) == (True, bound.content_hash)
