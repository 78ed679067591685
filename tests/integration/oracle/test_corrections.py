# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A correction reaches every node and the chain: what was minted stays, and what comes next works it off."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy.corrections import CORRECTOR, Record, prepare
from energy.models import EnergyMeter
from kit.units import UWH_PER_WH, Utility
from tests.integration.oracle.grid import Grid

E = Utility.E
RECORD = Record("Ada", "the meter ran ahead", "protocol 17")


async def test_minted_energy_is_adjusted_forward(grid: Grid) -> None:
    station = await grid.add_station()
    key = Ed25519PrivateKey.generate()
    for member in grid.members:
        async with member.database.transaction() as session:
            public = key.public_key().public_bytes_raw()
            session.add(EnergyMeter(key=public, station=station.id, role=CORRECTOR, since=grid.clock.now()))
    grid.pass_slots()
    first = grid.pass_slots()
    await grid.everyone_hears(station.reading(first, 100))
    await grid.report(first)
    await grid.claim(first, station)
    second = grid.pass_slots()
    down = prepare(station.id, first, -40 * UWH_PER_WH, RECORD, key, source="demo")
    await grid.everyone_hears(down, station.reading(second, 10))
    await grid.report(second, by=1)
    third = grid.pass_slots()
    await grid.everyone_hears(station.reading(third, 55), down)
    await grid.report(third, by=2)
    await grid.claim(third, station)
    marks = [(await grid.leaf(slot, station)).mintable // UWH_PER_WH for slot in (first, second, third)]
    assert marks == [100, 100, 125]  # 100 − 40 + 10 + 55
    assert (await grid.treasury.settled(E, station.id.int, 1)).register == 125 * UWH_PER_WH
    states = await grid.states()
    assert all(state == states[0] for state in states)
