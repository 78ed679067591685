# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations of the demo: the built-in ones, a person's own, and what is kept of them."""

from pathlib import Path

import pytest

from greencore.demo.stations import Own, keep, plan
from greencore.folder import Folder
from simulator.profile import ProfileError

CSV = "timestamp,power_w\n2026-06-01T00:00:00Z,0\n2026-06-01T00:15:00Z,4000\n2026-06-01T00:30:00Z,-2000\n2026-06-01T00:45:00Z,0\n"


def test_ratings_are_the_greatest_power_and_some_headroom(tmp_path: Path) -> None:
    own = tmp_path / "roof.csv"
    own.write_text(CSV)
    *built_in, mine = plan([Own(own)])
    assert [station.name for station in built_in] == ["pv-plant", "household", "faulty-meter"]
    assert {station.transport for station in built_in} == {"rest", "mqtt"}
    assert (mine.name, mine.rated_w, mine.load_w) == ("roof", 4800, 2400)
    assert len({station.owner for station in (*built_in, mine)}) == 4
    assert {fault["kind"] for fault in built_in[2].faults} == {"gap", "spike", "frozen", "rollover"}


def test_a_station_keeps_its_identity_and_names_stay_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pv-plant.csv").write_text(CSV)
    files = [Own(tmp_path / "a" / "pv-plant.csv"), Own(tmp_path / "b" / "pv-plant.csv")]
    names = [station.name for station in plan(files)]
    assert names[3:] == ["pv-plant-2", "pv-plant-3"]
    assert [station.id for station in plan(files)] == [station.id for station in plan(files)]
    assert len({station.id for station in plan(files)}) == 5


def test_a_file_is_kept_for_the_next_start_also_when_it_has_gone(tmp_path: Path) -> None:
    own = tmp_path / "roof.csv"
    own.write_text(CSV)
    folder = Folder(tmp_path / "house")
    with folder.locked():
        first = keep([Own(own, "Europe/Vienna", 900)], folder)
        assert keep([Own(own, "Europe/Vienna", 900)], folder) == first, "the same file is the same station"
    own.unlink()
    again = Folder(tmp_path / "house")
    with again.locked():
        (kept,) = keep([], again)
        assert (kept.path.name, kept.timezone, kept.step) == ("roof.csv", "Europe/Vienna", 900)
        assert kept.path.read_text() == CSV


def test_more_files_than_accounts_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "roof.csv"
    own.write_text(CSV)
    with pytest.raises(ProfileError, match="accounts for"):
        plan([Own(own)] * 40)
