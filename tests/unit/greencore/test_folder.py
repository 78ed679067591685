# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a house: held by one, remembered, emptied only if it is a house's."""

import json
import socket
from pathlib import Path

import pytest

from greencore.folder import Folder, FolderInUse, clock_text
from kit.clock import AcceleratedClock, clock_from


def test_one_process_holds_a_folder(tmp_path: Path) -> None:
    with Folder(tmp_path).locked(), pytest.raises(FolderInUse, match="in use by process"), Folder(tmp_path).locked():
        pass
    with Folder(tmp_path).locked():
        pass


def test_ports_and_secrets_are_remembered_and_a_taken_port_is_changed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.locked():
        ports = {name: folder.port(name) for name in ("a", "b", "c")}
        word = folder.secret("operator")
        assert len(set(ports.values())) == 3
        assert folder.port("a") == ports["a"]
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", ports["b"]))
        somebody.listen()
        again = Folder(tmp_path)
        with again.locked():
            assert again.port("a") == ports["a"]
            assert again.port("b") not in ports.values()
            assert again.secret("operator") == word
            assert again.secret("other") != word


def test_two_houses_that_start_at_once_do_not_choose_one_port(tmp_path: Path) -> None:
    one, two = Folder(tmp_path / "one"), Folder(tmp_path / "two")
    with one.locked(), two.locked():
        chosen = one.port("api")
        assert two.port("api", preferred=chosen) != chosen


def test_fresh_forgets_a_house_and_nothing_else(tmp_path: Path) -> None:
    house = tmp_path / "house"
    with Folder(house).locked():
        pass
    folder = Folder(house)
    with folder.locked():
        folder.remember("origin", 5)
        (house / "logs").mkdir()
        (house / "logs" / "api.log").write_text("old")
    fresh = Folder(house)
    with fresh.locked(fresh=True):
        assert fresh.recall("origin") is None
        assert not (house / "logs").exists()
    strange = tmp_path / "photos"
    strange.mkdir()
    (strange / "summer.jpg").write_text("mine")
    with pytest.raises(FolderInUse, match="not ours"), Folder(strange).locked(fresh=True):
        pass
    assert (strange / "summer.jpg").exists()


def test_time_is_kept_and_clocks_are_read_by_everybody(tmp_path: Path) -> None:
    clock = clock_from(clock_text(1_700_000_000, 900, starts_in=2))
    assert isinstance(clock, AcceleratedClock)
    assert clock.speed == 900
    assert -2_000 < clock.now().timestamp() - 1_700_000_000 < 0, "it starts in two seconds of the wall"
    folder = Folder(tmp_path)
    with folder.locked():
        assert folder.last_time() is None
        folder.save_time(clock)
        assert abs((folder.last_time() or 0) - clock.now().timestamp()) < 900
        assert json.loads((tmp_path / "clock.json").read_text())
