# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What is on disk after every kind of interruption that a process can see."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.store import Buffer, BufferFault, Draft
from edge.buffer.tables import META, OUTBOX
from edge.intervals import BuilderState, Read, Track
from edge.protocol import Interval, ReceiptLine, decode, sign, sign_receipt

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
DEVICE = Ed25519PrivateKey.from_private_bytes(bytes(32))
SERVER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
DAY = 86_400_000


def draft(slot: int, energy: int = 5) -> Draft:
    def signed(seq: int):
        return sign(Interval(HOME, slot, {"meterWh": energy}, bytes(32), seq=seq), DEVICE)

    return Draft("main", slot, b"profile", signed)


def store(buffer: Buffer, *slots: int):
    return buffer.store([draft(slot) for slot in slots], BuilderState(), "map")


def receipt(buffer: Buffer, statuses: dict[int, str]):
    rows = {row.seq: row for row in buffer.last(1000)}
    lines = [ReceiptLine("0x" + rows[seq].hash.hex(), "main", "", status, "a.code") for seq, status in statuses.items()]
    return sign_receipt(HOME, datetime(2025, 10, 15, tzinfo=UTC), lines, SERVER)


@pytest.fixture
def buffer(tmp_path):
    with Buffer(tmp_path) as opened:
        yield opened


def test_a_commit_is_on_disk_before_it_is_acknowledged(buffer):
    assert buffer._file.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert buffer._file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_signed_bytes_are_sent_as_they_were_stored(buffer):
    assert store(buffer, 100, 101) == ([1, 2], [])
    rows = buffer.pending(10)
    assert [row.seq for row in rows] == [1, 2]
    again = decode(b"[" + b",".join(row.wire for row in rows) + b"]")
    assert [signed.hash for signed in again] == [row.hash for row in rows]
    assert all(signed.signed_by(DEVICE.public_key().public_bytes_raw()) for signed in again)


def test_numbers_have_no_gaps_whatever_happens(buffer, tmp_path):
    store(buffer, 100)
    assert store(buffer, 100, 101) == ([2], [100])

    def fails(_seq: int):
        raise OSError("no key")

    with pytest.raises(OSError, match="no key"):
        buffer.store([draft(102), Draft("main", 103, b"", fails)], BuilderState(), "map")
    assert [row.slot for row in buffer.pending(10)] == [100, 101]
    buffer.receive(receipt(buffer, {1: "accepted", 2: "accepted"}), 0)
    assert buffer.prune(DAY, 0) == 2
    with Buffer(tmp_path) as later:
        assert store(later, 104) == ([3], [])


def test_the_builder_state_comes_back_only_for_the_same_map(buffer, tmp_path):
    state = BuilderState({"export": Track(Read(1, 2, 6), Read(3, 4, 6, -1), 5, 6)}, {"export": []})
    buffer.store([], state, "map-1")
    with Buffer(tmp_path) as later:
        assert later.builder_state("map-1") == state
        assert later.builder_state("map-2") == BuilderState()


def test_only_a_receipt_moves_an_interval_and_only_time_deletes_it(buffer):
    store(buffer, 100, 101, 102, 103)
    statuses = {1: "accepted", 2: "duplicate", 3: "conflict", 4: "rejected"}
    assert buffer.receive(receipt(buffer, statuses), 1000) == dict.fromkeys(statuses.values(), 1)
    assert buffer.pending(10) == []
    assert buffer.prune(1000 + 2 * DAY - 1, 48 * 3600) == 0
    assert buffer.prune(1000 + 2 * DAY, 48 * 3600) == 2
    assert buffer.counts() == {"pending": 0, "accepted": 0, "duplicate": 0, "conflict": 1, "rejected": 1}
    assert buffer.totals() == {"built": 4, "accepted": 1, "duplicate": 1, "conflict": 1, "rejected": 1}
    assert [row.code for row in buffer.last(10)] == ["a.code", "a.code"]


def test_a_late_or_repeated_receipt_takes_nothing_back(buffer):
    store(buffer, 100, 101)
    buffer.receive(receipt(buffer, {1: "accepted", 2: "rejected"}), 0)
    assert buffer.receive(receipt(buffer, {1: "rejected", 2: "conflict"}), 0) == {}
    assert buffer.receive(receipt(buffer, {1: "duplicate", 2: "accepted"}), 0) == {"accepted": 1}
    assert buffer.counts()["accepted"] == 2


def test_what_was_rejected_goes_again_when_an_operator_says_so(buffer):
    store(buffer, 100, 101, 102)
    buffer.receive(receipt(buffer, {1: "rejected", 2: "conflict", 3: "accepted"}), 0)
    assert buffer.resend_rejected() == 1
    assert [row.seq for row in buffer.pending(10)] == [1]


def test_a_receipt_for_unknown_hashes_does_nothing(buffer):
    store(buffer, 100)
    lines = [ReceiptLine(text, "main", "", "accepted") for text in ("0x" + "00" * 32, "nonsense", "")]
    assert buffer.receive(sign_receipt(HOME, datetime.now(UTC), lines, SERVER), 0) == {}
    assert len(buffer.pending(10)) == 1


def test_an_interval_that_was_refused_without_receipt_stays_pending_and_steps_aside(buffer):
    store(buffer, 100, 101)
    buffer.refused_whole(1, "HTTP 400")
    assert [row.seq for row in buffer.pending(10, attempts_below=1)] == [2]
    assert [(row.seq, row.detail) for row in buffer.pending(10)] == [(1, "HTTP 400"), (2, "")]


def test_a_buffer_belongs_to_one_station(buffer):
    with buffer._file.transaction():
        buffer._file.put("owner", b"home/main")  # as agents of one meter wrote it
    buffer.claim("home")
    buffer.claim("home")
    with pytest.raises(BufferFault, match="belongs to home, not other"):
        buffer.claim("other")


def test_every_meter_has_a_builder_and_all_share_the_sequence(buffer):
    first, second = BuilderState({"export": Track(Read(1, 2, 6))}), BuilderState({"export": Track(Read(3, 4, 6))})
    one, other = draft(100), replace(draft(100, 6), meter="b")
    assert buffer.store([one], first, "map-a", "main") == ([1], [])
    assert buffer.store([other], second, "map-b", "b") == ([2], [])
    assert buffer.store([other], second, "map-b", "b") == ([], [100])
    assert buffer.builder_state("map-a", "main") == first
    assert buffer.builder_state("map-b", "b") == second
    assert buffer.builder_state("map-a", "b") == BuilderState()
    assert (buffer.last_slot("main"), buffer.last_slot("b"), buffer.last_slot("c")) == (100, 100, None)


def test_a_file_of_another_version_is_refused_and_kept(tmp_path):
    with Buffer(tmp_path) as buffer:
        store(buffer, 100)
    path = tmp_path / "buffer.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(BufferFault, match="another version"):
        Buffer(tmp_path)
    assert path.exists()


def test_a_file_of_the_first_version_goes_on(tmp_path):
    db = sqlite3.connect(tmp_path / "buffer.sqlite")
    db.executescript(META + OUTBOX + "PRAGMA user_version=1; INSERT INTO meta VALUES ('next_seq', X'38')")
    db.close()
    with Buffer(tmp_path) as buffer:
        assert store(buffer, 100) == ([8], [])
        assert buffer.totals()["built"] == 8


def test_a_receipt_for_many_stands_once_and_goes_with_the_last_of_them(buffer):
    store(buffer, *range(100, 160))
    whole = receipt(buffer, dict.fromkeys(range(1, 61), "accepted"))
    buffer.receive(whole, 0)
    buffer.receive(whole, 0)
    assert buffer._file.db.execute("SELECT COUNT(*) FROM receipt").fetchone() == (1,)
    assert {one.receipt for one in buffer._file.everything()} == {whole.to_json()}
    buffer.prune(DAY, 0)
    assert buffer._file.db.execute("SELECT COUNT(*) FROM receipt").fetchone() == (0,)


def test_a_clock_that_is_set_by_a_day_either_way_changes_neither_order_nor_what_is_deleted(buffer):
    day = 96
    assert store(buffer, 1000, 1000 + day) == ([1, 2], [])  # set ahead
    assert store(buffer, 1001, 1000, 1000 + day) == ([3], [1000, 1000 + day])  # and back
    assert [(row.seq, row.slot) for row in buffer.pending(10)] == [(1, 1000), (2, 1000 + day), (3, 1001)]
    buffer.receive(receipt(buffer, {2: "accepted"}), 5 * DAY)
    assert buffer.prune(400 * DAY, 48 * 3600) == 1  # far ahead: only what has its receipt
    assert [row.seq for row in buffer.pending(10)] == [1, 3]
    buffer.receive(receipt(buffer, {1: "accepted"}), 400 * DAY)
    assert buffer.prune(5 * DAY, 48 * 3600) == 0  # back again: kept longer, never shorter
