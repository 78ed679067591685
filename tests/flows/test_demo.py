# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The demo from outside: a person's own file, days that reconcile, a start that goes on, an end that leaves nothing behind."""

import json
from pathlib import Path

import pytest

from tests.flows.house import House, all_gone

CSV = "timestamp,power_w\n" + "".join(
    f"2026-06-01T{hour:02}:{minute:02}:00Z,{1000 * (6 <= hour < 18)}\n" for hour in range(24) for minute in (0, 30)
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("demo") / "house")


def test_days_reconcile_unattended(house: House) -> None:
    own = house.data.parent / "my-roof.csv"
    own.write_text(CSV)
    verdict_path = house.data.parent / "out.json"
    arguments = ("--days", "0.36", "--speed", "1200", "--exit", "--json", str(verdict_path), "--profile", str(own))
    with house.running(*arguments):
        code = house.finish(seconds=400)
    verdict = json.loads(verdict_path.read_text())
    assert code == 0, (verdict, house.output[-2000:])
    assert verdict["reconciled"] is True
    assert all(verdict["checks"].values())
    stations = {station["name"]: station for station in verdict["stations"]}
    assert set(stations) == {"pv-plant", "household", "faulty-meter", "my-roof"}
    for station in stations.values():
        assert station["sent"] > 20
        assert station["accepted"] == station["sent"]
        assert station["rejected"] == station["conflicting"] == 0
        assert station["oracle_uwh"] == station["chain_uwh"]
    assert int(stations["pv-plant"]["chain_uwh"]) > 0, "the sun has risen by then"
    assert int(stations["my-roof"]["chain_uwh"]) > 500_000_000
    assert house.data.joinpath("profiles").is_dir(), "a start without --profile goes on with it"
    assert {station["transport"] for station in stations.values()} == {"rest", "mqtt"}
    assert verdict["seconds_to_first_mint"] > 0
    assert {"the_vault_holds_what_it_owes", "every_gcm_is_covered"} <= set(verdict["checks"])
    assert all_gone(list(house.pids().values()))


def test_the_next_start_goes_on_and_ctrl_c_leaves_nothing(house: House) -> None:
    with house.running("--speed", "900"):
        house.wait_up()
        verdict = json.loads((house.data.parent / "out.json").read_text())
        house.wait(
            lambda: (
                ((house.get("/api/treasury/reports?first=1") or {}).get("items") or [{"slot": 0}])[0]["slot"]
                > verdict["slot"]
            ),
            "later report",
            seconds=240,
        )
        house.wait(lambda: house.market()["trades"] > 0, "trade", seconds=240)
        checked = house.verify()
        assert checked.returncode == 0, checked.stdout + checked.stderr
        pids = list(house.pids().values())
        assert len(pids) > 12
        assert house.interrupt(seconds=120) == 0
        assert all_gone(pids, seconds=1), "when the command has ended, everything has"


def test_a_second_demo_in_the_same_folder_is_refused_and_a_killed_one_leaves_nothing(house: House) -> None:
    other = House(house.data, starts=50)
    with house.running():
        house.wait_up()
        with other.running():
            assert other.finish(seconds=120) == 2
        assert "is in use by process" in other.output
        pids = list(house.pids().values())
        assert len(pids) > 12
        house.kill()
        assert all_gone(pids, seconds=30), "a killed supervisor can't stop anybody; they end by themselves"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("timestamp,power_w\n2026-06-01T00:00:00Z,5\n2026-06-01T00:15:00Z,a lot\n", "line 3, column 2"),
        ("100,NEM12,200801010000,A,B\n300,20080101,1,2\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_understood_starts_nothing(tmp_path: Path, text: str, where: str) -> None:
    own = tmp_path / "broken.csv"
    own.write_text(text)
    house = House(tmp_path / "house")
    with house.running("--profile", str(own)):
        assert house.finish(seconds=120) == 2
    assert where in house.output
    assert not house.data.exists(), "not even a folder"
