# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A utility that is direct: the report and the payment of every owner are one transaction."""

import subprocess
from collections.abc import AsyncIterator, Callable

import pytest

from greencore.embedded.ports import free_ports
from kit.ids import address_bytes
from kit.units import UWH_PER_WH
from oracle.verify.check import check
from oracle.verify.source import Door
from tests.conftest import ROOT, Deployed, TestChain, deploy
from tests.integration.oracle.grid import E, Grid, account


@pytest.fixture
async def direct_grid(
    anvil: TestChain,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Grid]:
    folder = tmp_path_factory.mktemp("direct")
    config = folder / "direct.yaml"
    config.write_text((ROOT / "scripts/development.yaml").read_text().replace("1: claimed", "1: direct"))
    monkeypatch.setenv("GREENCORE_DEPLOY_CONFIG", str(config))
    try:
        deploy(anvil.rpc_url, folder / "deployment.json")
    except subprocess.CalledProcessError as error:
        raise AssertionError(error.stdout.decode() + error.stderr.decode()) from error
    made = Grid(Deployed(anvil, folder / "deployment.json"), new_database, free_ports(4))
    made.pass_slots()
    await made.start()
    yield made
    await made.stop()


async def test_owners_are_paid_with_the_report_and_the_check_is_clean(direct_grid: Grid) -> None:
    grid = direct_grid
    one, two = await grid.add_station(owner=8), await grid.add_station(owner=9)
    grid.pass_slots()
    first = grid.pass_slots()
    await grid.everyone_hears(one.reading(first, 100), two.reading(first, 50))

    attempt = await grid.report(first)

    assert attempt.tx_hash
    assert await grid.token.balance_of(address_bytes(account(8).address), E) == 98 * UWH_PER_WH
    assert await grid.token.balance_of(address_bytes(account(9).address), E) == 49 * UWH_PER_WH
    second = grid.slot - 1
    await grid.everyone_hears(one.reading(second, -30), two.reading(second, 10))
    for member in grid.members:
        member.node.desk.release(E, first)
    await grid.report(second, by=3)
    assert await grid.treasury.minted(E) == 160 * UWH_PER_WH
    before = await grid.treasury.settled(E, one.id.int, 1)
    call = grid.registry.abi.encode_call("set_rating", one.id.int, 2 * before.rated_w)
    await grid.sender().send(grid.registry.address, call)
    third = grid.pass_slots()
    await grid.everyone_hears(one.reading(third, 70))
    for member in grid.members:
        member.node.desk.release(E, second)
    await grid.report(third, by=1)
    after = await grid.treasury.settled(E, one.id.int, 1)
    assert (after.register - before.register, after.rated_w) == (40 * UWH_PER_WH, 2 * before.rated_w)
    source = Door(grid.urls(but=0)[0])
    verdict = await check(grid.rpc, grid.deployment, source)
    await source.close()
    assert verdict.findings == ()
    assert (verdict.reports, verdict.mints) == (3, 4)
