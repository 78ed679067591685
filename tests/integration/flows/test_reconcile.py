# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings, registers, mints and balances side by side; what owners hold by the index is what the token says."""

from sqlalchemy import text

from flows.reconcile import Metered, Reconciliation, reconcile, stored
from tests.integration.flows.platform import Platform
from tests.integration.flows.test_mint_energy import KWH, reported
from tests.integration.oracle.grid import E, account

WH = KWH // 1_000


async def books_of(platform: Platform) -> Reconciliation:
    async with platform.database.transaction() as session:
        ours = await stored(session, utility=E)
    return await reconcile(ours, platform.grid.oracle, platform.grid.treasury, platform.grid.token)


async def test_a_deficit_stands_beside_the_register_that_waits_for_it(platform: Platform) -> None:
    first, second = await platform.add_station(), await platform.add_station()
    for wh in (500, -300, 400):
        await reported(platform, first, second, wh=wh)
        await platform.settle()
    books = await books_of(platform)
    assert (books.verdict, books.findings) == ("reconciled", ())
    assert {line.station for line in books.lines} == {first.id, second.id}
    for line in books.lines:
        # the two slots in between are gaps that count nothing
        assert line.metered == Metered(slots=5, net_uwh=600 * WH, surplus_uwh=900 * WH)
        assert line.oracle_uwh == line.chain_uwh == line.indexed_uwh == 600 * WH
    assert books.chain_minted_uwh == books.oracle_total_uwh == 1_200 * WH


async def test_a_balance_that_the_token_does_not_have__found(platform: Platform) -> None:
    await reported(platform, await platform.add_station())
    await platform.settle()
    owner = account(8).address.lower()
    held = await platform.grid.token.balance_of(bytes.fromhex(owner[2:]), E)
    async with platform.database.transaction() as session:
        await session.execute(text("UPDATE indexer_balance SET balance = balance - 1"))
    books = await books_of(platform)
    assert books.verdict == "broken"
    assert books.findings == (f"{owner} holds {held} on chain and {held - 1} by the index",)
