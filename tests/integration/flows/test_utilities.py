# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A home's water, heat, carbon and packets go the way of its electricity: from signed readings to tokens of their own."""

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from sqlalchemy import text

from edge.protocol import Interval, SignedInterval, sign
from energy.models import EnergyTenure
from energy.utility.policy import book
from energy.utility.table import LINES, ONE
from flows import leaves
from flows.mint_energy import CLOSED_AT, report_at
from flows.reconcile import reconcile, stored
from greencore.embedded.ports import free_ports
from kit.errors import Refused
from kit.ids import address_bytes
from kit.units import SLOT_SECONDS, UWH_PER_WH, Utility
from oracle import repository
from tests.conftest import Deployed
from tests.integration.flows.platform import PAYER, Platform
from tests.integration.oracle.grid import Grid, Station, account

E, H, W, CRB, DATA = Utility.E, Utility.H, Utility.W, Utility.CRB, Utility.DATA
SERVED = (E, H, W, CRB, DATA)
MILLION = 10**6
KWH = 1_000 * UWH_PER_WH
OWNER = address_bytes(account(8).address)


@pytest.fixture
async def platform(deployment: Deployed, new_database: Callable[[], str]) -> AsyncIterator[Platform]:
    """A platform and four nodes that work on five utilities."""
    grid = Grid(deployment, new_database, free_ports(4))
    grid.utilities = SERVED
    grid.pass_slots()
    await grid.start()
    made = Platform(grid, new_database())
    yield made
    await made.close()
    await grid.stop()


def of_meter(station: Station, slot: int, meter: str | None, measures: Mapping[str, int]) -> SignedInterval:
    """A signed interval of one of the home's meters."""
    content = {"meterWh": 0, **measures}
    hashed = slot.to_bytes(31, "big") + (meter or "m").encode()[:1]
    return sign(Interval(station.id, slot, content, hashed, meter_id=meter, source="demo"), station.device)


def home(station: Station, slot: int, wh: int = 2_000) -> list[SignedInterval]:
    """A slot of a home with three meters: 2 kWh delivered, 0.35 m³ of water, 4.5 kWh of heat."""
    return [
        of_meter(station, slot, None, {"meterWh": wh * UWH_PER_WH}),
        of_meter(station, slot, "water", {"waterM3": 350_000}),
        of_meter(station, slot, "heat", {"heat": 4_500_000}),
    ]


async def owner_sends(grid: Grid, contract: str, function: str, *arguments: int) -> None:
    """The contracts' owner sends a transaction."""
    target = {"oracle": grid.oracle, "treasury": grid.treasury}[contract]
    await grid.sender(0).send(target.address, target.abi.encode_call(function, *arguments))


async def open_on_chain(grid: Grid, *utilities: int) -> None:
    """Rates as docs/utilities.md has them, then the opening."""
    rates = {line.utility: line.rate for line in LINES}
    for utility in utilities:
        rate = rates[Utility(utility)]
        assert rate is not None
        for contract in ("oracle", "treasury"):
            await owner_sends(grid, contract, "set_rate", utility, *rate)
        await owner_sends(grid, "oracle", "open_utility", utility, 1)


async def test_a_home__every_utility__becomes_tokens_of_its_own(platform: Platform) -> None:
    grid = platform.grid
    station = await platform.add_station()
    early = grid.pass_slots()
    await platform.hear(*home(station, early))
    await grid.report(early)
    # readings of before the opening wait for nobody: they never count
    await open_on_chain(grid, H, W, CRB, DATA)
    grid.pass_slots()
    slot = grid.pass_slots()
    await platform.hear(*home(station, slot))
    for utility in SERVED:
        assert (await grid.report(slot, utility=utility, by=utility % 4)).succeeded
    await platform.settle()

    factor = book().at(slot).factor(station.id, slot)
    made = {E: 4 * KWH, H: 4 * ONE + ONE // 2, W: ONE * 35 // 100, CRB: 2 * KWH * factor // MILLION, DATA: 3 * ONE}
    for utility, units in made.items():
        assert (await grid.treasury.settled(utility, station.id.int, 1)).register == units, utility.name
        reserve = await grid.treasury.reserve(utility)
        assert reserve == units * 200 // 10_000
        assert await grid.token.balance_of(OWNER, utility) == units - reserve
        async with platform.database.transaction() as session:
            ours = await stored(session, utility=utility)
        books = await reconcile(ours, grid.oracle, grid.treasury, grid.token)
        assert (books.verdict, books.chain_minted_uwh) == ("reconciled", units), utility.name
    assert await platform.waiting_jobs() == []
    for member in grid.members:
        for utility in SERVED:
            async with member.database.transaction() as session:
                report = await repository.report_at(session, utility, slot)
            assert report is not None
            assert report.agreed


async def test_closed_utility__no_node_reports_or_signs(platform: Platform) -> None:
    grid = platform.grid
    station = await platform.add_station()
    slot = grid.pass_slots()
    await platform.hear(*home(station, slot))
    grid.close(slot)
    with pytest.raises(Refused, match="closed on chain") as refused:
        await grid.members[0].node.propose(W, slot)
    assert refused.value.code == "oracle.utility_closed"
    assert await grid.members[0].node.tick(W) is None
    utilities = (await grid.members[0].node.status())["utilities"]
    assert {u["utility"]: u["open"] for u in utilities}[W] is False
    assert (await grid.oracle.head(W)).reports == 0


async def test_late_water__is_settled_once__also_by_a_node_that_begins_later(platform: Platform) -> None:
    """A node that was told of W only after readings came finds them in its own database, and signs."""
    grid = platform.grid
    station = await platform.add_station()
    await open_on_chain(grid, W)
    for member in grid.members[1:3]:
        await member.stop()
    grid.utilities = (E,)
    for member in grid.members[1:3]:
        await member.start()
    grid.pass_slots()
    first, second = grid.pass_slots(), grid.pass_slots()
    await platform.hear(*home(station, second))
    grid.utilities = SERVED
    for member in grid.members[1:3]:
        await member.stop()
        await member.start()
    assert (await grid.report(second, utility=W)).succeeded
    await platform.hear(*home(station, first))
    third = grid.pass_slots(3)
    assert (await grid.report(third, utility=W)).succeeded
    await platform.settle()
    assert (await grid.treasury.settled(W, station.id.int, 1)).register == ONE * 70 // 100


async def test_reorganised_chain__water_is_counted_again_and_no_more(platform: Platform) -> None:
    grid = platform.grid
    station = await platform.add_station()
    await open_on_chain(grid, W)
    grid.pass_slots()
    slot = grid.pass_slots()
    await platform.hear(*home(station, slot))
    grid.close(slot)
    mark = grid.chain.call("evm_snapshot")
    assert (await grid.report(slot, utility=W)).succeeded
    grid.chain.call("evm_revert", mark)
    await grid.follow(W)
    grid.close(slot)

    attempt = await grid.members[2].node.propose(W, slot)

    assert attempt is not None
    assert attempt.succeeded
    await grid.follow(W)
    assert (await grid.oracle.head(W)).total == ONE * 35 // 100
    for member in grid.members:
        async with member.database.transaction() as session:
            waiting = await session.scalar(text("SELECT count(*) FROM energy_pending WHERE queue = 'oracle.3'"))
            report = await repository.report_at(session, W, slot)
        assert waiting == 0
        assert report is not None
        assert report.agreed


async def test_handover__keeper_stops_the_bucket_of_the_tenure_that_ended(platform: Platform) -> None:
    grid = platform.grid
    station = await platform.add_station()
    first = grid.pass_slots()
    await platform.hear(station.reading(first, 1_000))
    await grid.report(first)
    await platform.settle()
    assert (await platform.settled(station)).at < CLOSED_AT
    await grid.hand_over(station, 8, 9)
    async with platform.database.transaction() as session:
        (await session.get_one(EnergyTenure, (station.id, 1))).until = grid.clock.now()
    second = grid.pass_slots(2) + 1
    await grid.report(second)
    await platform.settle()
    stopped = await platform.settled(station)
    assert (stopped.register, stopped.at) == (KWH, CLOSED_AT)
    sent = await grid.rpc.nonce(account(PAYER).address)
    assert await platform.keeper.stop_closed(E, [(station.id.int, 1), (station.id.int, 2)]) == 0
    assert await grid.rpc.nonce(account(PAYER).address) == sent


async def test_challenge_delay__keeper_waits_for_it_and_claims_the_report_that_is_old_enough(
    platform: Platform,
) -> None:
    grid = platform.grid
    station = await platform.add_station()
    await owner_sends(grid, "oracle", "set_challenge_delay", 2 * SLOT_SECONDS)
    first = grid.pass_slots()
    await platform.hear(station.reading(first, 1_000))
    await grid.report(first)
    await platform.settle()
    assert (await platform.settled(station)).register == 0
    async with platform.database.transaction() as session:
        report = await report_at(session, E, first)
        assert report is not None
        published = await leaves.load(session, report)
    claimed = await platform.keeper.claim(published, 0)
    assert (claimed.outcome, claimed.code) == ("refused", "oracle.challenge_delay_is_running")
    assert await platform.waiting_jobs() == []  # it waits without a job that fails over and over

    second = grid.pass_slots()
    await platform.hear(station.reading(second, 1_000))
    grid.pass_slots(2)
    await grid.report(second)
    await platform.settle()
    assert (await platform.settled(station)).register == KWH  # the older report's, the newer one is still young

    grid.pass_slots(3)
    assert await platform.story.sweep() == 1
    await platform.work()
    await platform.settle()
    assert (await platform.settled(station)).register == 2 * KWH
