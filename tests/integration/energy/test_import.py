# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore energy import` as an operator calls it, on a database of its own."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from edge import keys
from energy.models import EnergyConflict, EnergyPending, EnergyReading, EnergyRejection
from energy.wire import interval_of
from greencore.roles.energy import command
from kit.database import Database
from kit.outbox import OutboxEvent
from kit.units import slot_of
from tests.integration.energy.conftest import ENROLLED, NOON, Station

DAY = "20260308"  # UTC+10: from the 7th, 14:00 UTC
FIRST = slot_of(NOON.replace(day=7, hour=14))


def nem12(date: str = DAY, value: str = "0.25", quality: str = "A", nmi: str = "NMI1") -> str:
    values = ",".join([value] * 96)
    return f"100,NEM12,202603090000,MDP,RET\n200,{nmi},B1,1,B1,N1,SER,kWh,15,\n300,{date},{values},{quality},,,,\n900\n"


@dataclass
class Operator:
    """Somebody with a file, a key and a database."""

    folder: Path
    url: str
    station: Station

    def write(self, text: str, name: str = "mine.csv") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def run(self, *arguments: str | Path, mode: str = "live") -> Result:
        clock = f"{NOON.timestamp()}@{time.time()}x1"
        settings = {"GREENCORE_DATABASE_URL": self.url, "GREENCORE_CLOCK": clock, "GREENCORE_MODE": mode}
        return CliRunner(mix_stderr=False).invoke(command, ["import", *map(str, arguments)], env=settings)

    def store(self, path: Path, *more: str) -> Result:
        return self.run(path, "--station", str(self.station.id), "--key", self.folder / "key", *more)

    def counts(self) -> dict[str, int]:
        """Rows of every table that an import may touch."""

        async def ask() -> dict[str, int]:
            database = Database(self.url)
            tables = (EnergyReading, EnergyPending, EnergyConflict, EnergyRejection, OutboxEvent)
            async with database.transaction() as session:
                found = {it.__tablename__: await session.scalar(select(func.count()).select_from(it)) for it in tables}
            await database.close()
            return {name: count for name, count in found.items() if count}

        return asyncio.run(ask())

    def readings(self) -> list[EnergyReading]:
        async def ask() -> list[EnergyReading]:
            database = Database(self.url)
            async with database.transaction() as session:
                found = list(await session.scalars(select(EnergyReading).order_by(EnergyReading.slot)))
            await database.close()
            return found

        return asyncio.run(ask())


@pytest.fixture
def operator(tmp_path: Path, database_url: str, new_station: Callable[..., Station]) -> Operator:
    station = new_station(key=keys.load_or_create(tmp_path / "key"))

    async def enrol() -> None:
        database = Database(database_url)
        await station.enrol(database)
        await database.close()

    asyncio.run(enrol())
    return Operator(tmp_path, database_url, station)


def told(result: Result) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def test_a_file_is_stored_by_the_way_of_every_reading_and_once(operator: Operator) -> None:
    path = operator.write(nem12())
    first = operator.store(path)
    assert first.exit_code == 0, first.output
    assert "stored: 96 accepted" in first.output
    assert "24.000000" in first.output
    assert operator.counts() == {"energy_reading": 96, "energy_pending": 96, "kit_outbox": 96}
    rows = operator.readings()
    assert [row.slot for row in rows] == [FIRST + at for at in range(96)]
    assert {(row.meter_uwh, row.export_uwh, row.import_uwh, row.transport) for row in rows} == {
        (250_000_000, 250_000_000, None, "import")
    }
    assert {interval_of(row.body).quality for row in rows} == {"measured"}
    again = operator.store(path, "--json")
    assert again.exit_code == 0
    assert told(again)["statuses"] == {"duplicate": 96}
    assert operator.counts()["kit_outbox"] == 96, "what is told once is not told again"


def test_what_was_substituted_is_marked_and_what_contradicts_is_kept_beside(operator: Operator) -> None:
    assert operator.store(operator.write(nem12())).exit_code == 0
    other = operator.store(operator.write(nem12(value="0.5", quality="S14")), "--json")
    assert other.exit_code == 0
    assert told(other)["statuses"] == {"conflict": 96}
    assert operator.counts()["energy_conflict"] == 96
    assert {row.meter_uwh for row in operator.readings()} == {250_000_000}
    assert operator.store(operator.write(nem12(date="20260309", quality="S14"))).exit_code == 0
    assert {interval_of(row.body).quality for row in operator.readings()[96:]} == {"integrated"}


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_malformed_file_stores_nothing_and_says_where(operator: Operator, arguments: tuple[str, ...]) -> None:
    path = operator.write(nem12().replace("0.25,A", "x,A"))
    result = operator.store(path, *arguments)
    assert result.exit_code == 2
    assert "mine.csv:3: field 98: 'x' is not a number of zero or more" in result.stderr
    assert operator.counts() == {}
    if arguments:
        reason = "'x' is not a number of zero or more"
        assert told(result)["error"] == {"file": "mine.csv", "line": 3, "field": 98, "reason": reason}


def test_one_refused_slot_refuses_the_file(operator: Operator) -> None:
    lines = nem12().split("\n")
    lines[2] = lines[2].replace(f"{DAY},0.25", f"{DAY},99999")
    result = operator.store(operator.write("\n".join(lines)))
    assert result.exit_code == 1
    assert "mine.csv:3: telemetry.over_rating" in result.stderr
    assert "(1 slot)" in result.stderr
    assert "NOT stored" in result.stdout
    assert operator.counts() == {}


def test_a_key_that_is_not_the_stations_is_refused(operator: Operator) -> None:
    keys.load_or_create(operator.folder / "other")
    path = operator.write(nem12())
    strange = operator.run(path, "--station", str(operator.station.id), "--key", operator.folder / "other")
    assert (strange.exit_code, operator.counts()) == (1, {})
    assert "telemetry.signature" in strange.stderr
    assert "greencore register" in strange.stderr
    none = operator.run(path, "--station", str(operator.station.id), "--key", operator.folder / "nothing")
    assert none.exit_code == 2
    assert "greencore edge key --data-dir" in none.stderr
    assert not (operator.folder / "nothing").exists(), "an import makes no keys"


def test_a_live_station_is_refused_by_a_demo(operator: Operator) -> None:
    path = operator.write(nem12())
    station, key = str(operator.station.id), operator.folder / "key"
    result = operator.run(path, "--station", station, "--key", key, mode="demo")
    assert (result.exit_code, operator.counts()) == (1, {})
    assert "telemetry.live_on_demo" in result.stderr


def test_a_dry_run_stores_nothing_and_tells_what_storing_would_give(operator: Operator) -> None:
    path = operator.write(nem12())
    looked = operator.run(path, "--dry-run", "--json")
    assert looked.exit_code == 0
    (row,) = told(looked)["channels"]
    assert (row["channel"], row["flag"], row["values"], row["uwh"]) == ("B1", "A", 96, 24 * 10**9)
    assert told(looked)["points"]["NMI1"]["slots"] == {"measured": 96}
    would = operator.store(path, "--dry-run")
    assert would.exit_code == 0
    assert "would be: 96 accepted" in would.stdout
    assert operator.counts() == {}
    without = operator.run(path)
    assert without.exit_code == 2
    assert "--dry-run" in without.stderr


def test_old_slots_need_a_word_and_go_to_nobody_who_counts(operator: Operator) -> None:
    date = (ENROLLED + timedelta(days=3)).strftime("%Y%m%d")
    path = operator.write(nem12(date=date))
    refused = operator.store(path)
    assert (refused.exit_code, operator.counts()) == (1, {})
    assert "--history" in refused.stderr
    kept = operator.store(path, "--history")
    assert kept.exit_code == 0, kept.output
    assert "96 of them are history" in kept.stdout
    assert operator.counts() == {"energy_reading": 96}, "nothing is queued, nobody is told"
    before = operator.store(operator.write(nem12(date="20260101")), "--history")
    assert (before.exit_code, operator.counts()) == (1, {"energy_reading": 96})
    assert "telemetry.before_enrolment" in before.stderr


def test_one_of_several_connection_points_is_chosen(operator: Operator) -> None:
    second = nem12(nmi="NMI2").split("\n", 1)[1]
    path = operator.write(nem12().replace("900\n", "") + second)
    unclear = operator.store(path)
    assert unclear.exit_code == 2
    assert "--point NMI1 | NMI2" in unclear.stderr
    assert operator.store(path, "--point", "NMI3").exit_code == 2
    assert operator.store(path, "--point", "NMI2").exit_code == 0
    assert operator.counts()["energy_reading"] == 96
