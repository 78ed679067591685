# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Rotation while nodes work: one leaves, one joins, what the old set has signed is finished or signed again; and the command."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from click.testing import CliRunner, Result
from eth_utils.address import to_checksum_address

from chain.signer import LocalSigner
from greencore.embedded.ports import free_ports
from kit.ids import address_bytes
from oracle.rotation.command import rotate
from tests.conftest import Deployed
from tests.integration.oracle.grid import E, Grid, account


@pytest.fixture
async def grid(deployment: Deployed, new_database: Callable[[], str]) -> AsyncIterator[Grid]:
    """Five nodes, of whom the first four are the signer set."""
    made = Grid(deployment, new_database, free_ports(5))
    made.pass_slots()
    await made.start()
    yield made
    await made.stop()


async def command(grid: Grid, *arguments: str) -> Result:
    where = ["--rpc", grid.rpc_url, "--deployment", str(grid.path), "--confirmations", "0"]
    return await asyncio.to_thread(CliRunner().invoke, rotate, [*arguments, *where])


def key_of(signer: LocalSigner) -> str:
    return "0x" + signer._key.to_hex()[2:]


async def test_a_node_leaves_and_one_joins_while_readings_flow(grid: Grid) -> None:
    roof = await grid.add_station()
    first = grid.pass_slots()
    await grid.everyone_hears(roof.reading(first, 100))
    assert (await grid.report(first)).succeeded
    second = grid.pass_slots()
    await grid.everyone_hears(roof.reading(second, 50))
    leaving, joining = account(4).address, account(5).address
    swap = ["--add", joining, "--remove", leaving]

    shown = await command(grid, *swap)
    assert shown.exit_code == 0, shown.output
    assert f"{leaving}  leaves" in shown.output
    assert f"{joining}  joins" in shown.output
    assert await grid.oracle.epoch() == 1
    refused = await command(grid, *swap, "--k", "2", "--send", "--owner", key_of(account(0)))
    assert refused.exit_code == 2
    assert "two quorums could sign two different reports" in refused.output
    stranger = await command(grid, *swap, "--send", "--owner", key_of(account(7)))
    assert stranger.exit_code == 3
    assert "is not the owner" in stranger.output

    done = await command(grid, *swap, "--send", "--owner", key_of(account(0)))
    assert done.exit_code == 0, done.output
    terms = await grid.oracle.signer_set(2)
    assert terms is not None
    assert address_bytes(joining) in terms.signers
    # the old set finishes what it may still sign, the new one goes on from its first slot
    assert (await grid.report(second)).succeeded
    third = terms.from_slot
    while grid.slot <= third:
        grid.pass_slots()
    await grid.everyone_hears(roof.reading(third, 25))
    attempt = await grid.report(third, by=4)
    assert attempt.succeeded
    assert (await grid.leaf(third, roof)).mintable == 175_000_000
    grid.pass_slots()
    assert await grid.members[3].node.tick(E) is None  # who left proposes nothing
    states = await grid.states()
    assert all(state == states[0] for state in states)


async def test_what_a_discarded_set_has_signed_is_signed_again_by_the_new_one(grid: Grid) -> None:
    roof = await grid.add_station()
    slot = grid.pass_slots()
    await grid.everyone_hears(roof.reading(slot, 100))
    for down in (1, 2, 3):
        await grid.members[down].stop()
    grid.close(slot)
    alone = await grid.members[0].node.propose(E, slot)
    assert alone is not None
    assert not alone.succeeded
    for down in (1, 2, 3):
        await grid.members[down].start()
    done = await command(
        grid,
        "--add",
        account(5).address,
        "--remove",
        account(4).address,
        "--discard",
        "--send",
        "--owner",
        key_of(account(0)),
    )
    assert done.exit_code == 0, done.output
    # node 0 is bound to its content; under the new epoch the same content gets its quorum, with the node that joined
    await grid.members[1].stop()
    attempt = await grid.members[0].node.propose(E, slot)
    assert attempt is not None
    assert attempt.succeeded
    assert attempt.content_hash == alone.content_hash
    await grid.members[1].start()
    await grid.follow()
    assert (await grid.leaf(slot, roof)).mintable == 100_000_000


async def test_the_plan_as_json_is_what_a_multisig_needs(grid: Grid) -> None:
    made = await command(grid, "--add", account(5).address, "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output[: made.output.rindex("}") + 1])
    assert (told["epoch"], told["k"], told["faulty"], len(told["signers"])) == (2, 4, 1, 5)
    function, arguments = grid.oracle.abi.decode_call(bytes.fromhex(told["calldata"][2:]))
    assert (function, arguments["from_slot"]) == ("rotate", told["fromSlot"])
    assert told["owner"] == to_checksum_address(account(0).address)
