# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A damaged buffer is put aside, what can be read of it is taken over, the rest is declared, and no number comes twice."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from edge.buffer.mark import MARK_FILE, Mark
from edge.buffer.salvage import put_aside
from edge.buffer.store import Buffer, recover
from edge.intervals import BuilderState, Read, Track
from edge.keys import load_or_create
from edge.protocol import ReceiptLine, decode, sign_receipt
from tests.integration.edge.buffer_child import FIRST, HOME, draft

COUNT = 60
STATE = BuilderState({"export": Track(Read(1, 2, 6), Read(3, 4, 6, -1), 5, 6)})
WHEN = 1_795_000_000.0


@pytest.fixture(autouse=True)
def _quiet():
    with capture_logs():
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """As after a power cut: the newest pages stand in the log only."""
    live, folder = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("template")
    fill(live)
    with Buffer(live) as buffer:
        buffer.store([draft(FIRST + COUNT, load_or_create(live))], STATE, "map")
        for path in live.iterdir():
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
    return folder


def fill(folder: Path) -> list[bytes]:
    """A buffer of sixty intervals, the first twenty receipted; returns their wire forms."""
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        buffer.claim(str(HOME))
        for slot in range(FIRST, FIRST + COUNT):
            buffer.store([draft(slot, key)], STATE, "map")
        rows = buffer.pending(COUNT)
        lines = [ReceiptLine("0x" + row.hash.hex(), "main", "", "accepted") for row in rows[:20]]
        buffer.receive(sign_receipt(HOME, decode(rows[0].wire)[0].interval.start, lines, key), 0)
        buffer.store([], STATE, "map")  # the mark hears of the receipts
    return [row.wire for row in rows]


def wires(buffer: Buffer) -> dict[int, bytes]:
    return {row.seq: row.wire for row in buffer.last(10_000)}


def follow(folder: Path) -> Buffer:
    return Buffer(folder, wall=lambda: WHEN)


def test_without_its_first_page_every_undelivered_interval_is_found_by_its_signature(tmp_path):
    signed = fill(tmp_path)
    path = tmp_path / "buffer.sqlite"
    whole = path.read_bytes()
    path.write_bytes(b"not a database at all".ljust(4096, b"x") + whole[4096:])
    with follow(tmp_path) as buffer:
        assert wires(buffer) == {seq: signed[seq - 1] for seq in range(21, 61)}
        assert all(buffer.profile(seq) for seq in range(21, 61))
        (incident,) = buffer.incidents()
        assert (incident.salvaged, incident.lost) == (40, [])
        assert incident.file == "buffer-damaged-20261118T110640Z.sqlite"
        assert buffer.store([draft(FIRST + 100, load_or_create(tmp_path))], STATE, "map") == ([61], [])
    assert (tmp_path / incident.file).read_bytes()[:3] == b"not"


def test_one_bad_page_costs_nothing_that_other_pages_hold(tmp_path):
    signed = fill(tmp_path)
    path = tmp_path / "buffer.sqlite"
    whole = path.read_bytes()
    at = whole.index(signed[39]) // 4096 * 4096
    path.write_bytes(whole[:at] + bytes(4096) + whole[at + 4096 :])
    with follow(tmp_path) as buffer:
        (incident,) = buffer.incidents()
        assert 1 <= incident.lost_count <= 4
        gone = {seq for first, last in incident.lost for seq in range(first, last + 1)}
        assert 40 in gone
        assert set(wires(buffer)) == set(range(1, 61)) - gone
        assert buffer.counts()["accepted"] == 20  # rows that SQLite still reaches keep their receipts
        assert buffer.builder_state("map") == STATE
        assert buffer.last_slot("main") == FIRST + COUNT - 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, 180_000), junk=st.binary(min_size=1, max_size=600), times=st.integers(1, 40), log=st.booleans()
)
def test_whatever_the_damage_everything_undelivered_is_there_or_declared(
    tmp_path_factory, template, at, junk, times, log
):
    folder = tmp_path_factory.mktemp("damage") / "data"
    shutil.copytree(template, folder)
    path = folder / ("buffer.sqlite-wal" if log else "buffer.sqlite")
    whole = bytearray(path.read_bytes())
    damage = (junk * times)[: max(0, len(whole) - at % len(whole))]
    whole[at % len(whole) : at % len(whole) + len(damage)] = damage
    path.write_bytes(whole)
    key = load_or_create(folder)
    with follow(folder) as buffer:
        try:
            buffer.store([draft(FIRST + 100, key)], STATE, "map")
            there = wires(buffer)
        except sqlite3.Error as error:
            pytest.fail(f"the agent would not go on: {error}")
        declared = {
            seq for incident in buffer.incidents() for first, last in incident.lost for seq in range(first, last + 1)
        }
        assert set(range(21, COUNT + 2)) <= set(there) | declared
        assert max(there) == COUNT + 2


def test_damage_while_the_agent_runs_is_healed_in_place(tmp_path):
    fill(tmp_path)
    key = load_or_create(tmp_path)
    with follow(tmp_path) as buffer:
        assert buffer._file is not None
        buffer._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        buffer._file.db.execute("PRAGMA shrink_memory")
        with (tmp_path / "buffer.sqlite").open("r+b") as file:
            file.write(b"\xff" * 20_000)
        assert buffer.store([draft(FIRST + 100, key)], STATE, "map") == ([61], [])
        assert set(wires(buffer)) >= set(range(30, 62))
        (incident,) = buffer.incidents()
        assert incident.salvaged + incident.lost_count >= 40


def test_a_file_that_was_removed_under_a_running_agent_loses_nothing(tmp_path):
    signed = fill(tmp_path)
    key = load_or_create(tmp_path)
    with follow(tmp_path) as buffer:
        for path in tmp_path.glob("buffer.sqlite*"):
            path.unlink()
        assert buffer.store([draft(FIRST + 100, key)], STATE, "map") == ([61], [])
        assert {seq: wire for seq, wire in wires(buffer).items() if seq < 61} == dict(enumerate(signed, 1))
    with follow(tmp_path) as buffer:
        assert len(wires(buffer)) == 61
        assert [incident.lost for incident in buffer.incidents()] == [[]]


def test_a_file_that_is_gone_at_start_is_declared_and_numbers_go_on(tmp_path):
    fill(tmp_path)
    for path in tmp_path.glob("buffer.sqlite*"):
        path.unlink()
    with follow(tmp_path) as buffer:
        assert buffer.incidents()[0].lost == [(21, 60)]
        assert "21-60" in buffer.incidents()[0].text()
        assert buffer.store([draft(FIRST, load_or_create(tmp_path))], STATE, "map") == ([61], [])
    with follow(tmp_path) as buffer:
        assert len(buffer.incidents()) == 1


def test_a_log_whose_header_is_spoiled_loses_nothing(tmp_path, template):
    """SQLite takes such a log for an empty one and removes it, without a word."""
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    log = folder / "buffer.sqlite-wal"
    log.write_bytes(bytes(32) + log.read_bytes()[32:])
    with follow(folder) as buffer:
        assert COUNT + 1 in wires(buffer)
        assert [(it.lost, it.salvaged) for it in buffer.incidents()] == [([], 1)]
    assert not (folder / "buffer.sqlite-wal-kept").exists()


def test_an_old_copy_that_was_put_back_uses_no_number_twice(tmp_path):
    fill(tmp_path)
    copy = (tmp_path / "buffer.sqlite").read_bytes()
    key = load_or_create(tmp_path)
    with follow(tmp_path) as buffer:
        assert buffer.store([draft(FIRST + 100, key), draft(FIRST + 101, key)], STATE, "map") == ([61, 62], [])
    (tmp_path / "buffer.sqlite").write_bytes(copy)
    with follow(tmp_path) as buffer:
        assert buffer.store([draft(FIRST + 102, key)], STATE, "map") == ([63], [])
        assert [it.lost for it in buffer.incidents()] == [[(61, 62)]]


def test_killed_between_putting_aside_and_beginning_anew(tmp_path):
    signed = fill(tmp_path)
    assert put_aside(tmp_path / "buffer.sqlite", decode(signed[0])[0].interval.start) is not None
    with follow(tmp_path) as buffer:
        assert wires(buffer) == dict(enumerate(signed, 1))
        assert [incident.lost for incident in buffer.incidents()] == [[]]


def test_recover_takes_over_what_is_not_there_yet_and_keeps_what_became_of_it(tmp_path):
    signed = fill(tmp_path)
    foreign = tmp_path / "from-support.sqlite"
    shutil.copy(tmp_path / "buffer.sqlite", foreign)
    for path in tmp_path.glob("buffer.sqlite*"):
        path.unlink()
    key = load_or_create(tmp_path)
    with follow(tmp_path) as buffer:
        assert buffer.store([draft(FIRST + 5, key)], STATE, "map") == ([61], [])  # its quarter hour is taken now
        assert recover(tmp_path, foreign, key.public_key().public_bytes_raw()) == (60, 59)
        assert buffer.counts() == {"pending": 41, "accepted": 19, "duplicate": 0, "conflict": 0, "rejected": 0}
        assert wires(buffer)[60] == signed[59]
    other = load_or_create(tmp_path / "other").public_key().public_bytes_raw()
    assert recover(tmp_path, foreign, other) == (0, 0)


def test_a_spoiled_record_of_the_mark_leaves_the_one_before(tmp_path):
    with Mark(tmp_path) as mark:
        mark.intervals(5, 1)
        mark.intervals(6, 2)
        mark.envelopes(3, b"\x07" * 32)
        whole = (tmp_path / MARK_FILE).read_bytes()
        newest = mark.counted.turn % 2 * 256
    assert len(whole) == 512
    for spoiled in (bytes(256), b"\xff" * 256, whole[newest : newest + 40].ljust(256, b"\x00")):
        (tmp_path / MARK_FILE).write_bytes(whole[:newest] + spoiled + whole[newest + 256 :])
        with Mark(tmp_path) as mark:
            assert mark.counted.beginning == (6, 1, bytes(32))
