# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator gets out of a buffer, and carries to the server by hand."""

import csv
import http.server
import io
import json
import threading
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.store import Buffer
from edge.command import cli
from edge.intervals import BuilderState
from edge.keys import load_or_create
from edge.protocol import ReceiptLine, decode, profile_hash, sign_receipt
from tests.integration.edge.buffer_child import FIRST, HOME, draft

SERVER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def edge(*arguments: object):
    return CliRunner(mix_stderr=False).invoke(cli, [str(argument) for argument in arguments])


def take(payload: bytes, status: str = "accepted", key=SERVER) -> bytes:
    lines = [ReceiptLine("0x" + it.hash.hex(), "main", it.interval.start.isoformat(), status) for it in decode(payload)]
    return sign_receipt(HOME, datetime(2025, 10, 15, tzinfo=UTC), lines, key).to_json()


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    key = load_or_create(data)
    with Buffer(data) as buffer:
        for slot in range(FIRST, FIRST + 5):
            buffer.store([draft(slot, key)], BuilderState(), "map")
        wire = buffer.pending(1)[0].wire
        buffer.receive(sign_receipt(HOME, datetime(2025, 10, 15, tzinfo=UTC), _lines(wire), SERVER), 0)
    return data


def _lines(wire: bytes) -> list[ReceiptLine]:
    return [ReceiptLine("0x" + it.hash.hex(), "main", "", "accepted") for it in decode(wire)]


@pytest.fixture
def server():
    """Answers every POST by `answer`, and keeps what came."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            payload = self.rfile.read(int(self.headers["content-length"]))
            self.server.came.append(payload)
            body = self.server.answer(payload)
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            """Quiet."""

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.came, made.answer = [], take
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_signed_is_what_travels_byte_for_byte_and_only_what_was_asked_for(folder, tmp_path):
    out = tmp_path / "out.json"
    done = edge("buffer", "export", "--data-dir", folder, "--format", "signed", "--state", "pending", "-o", out)
    assert (done.exit_code, done.stderr) == (0, "4 intervals\n")
    with Buffer(folder) as buffer:
        wires = [row.wire for row in buffer.pending(10)]
    assert out.read_bytes() == b"[\n" + b",\n".join(wires) + b"\n]\n"
    public = load_or_create(folder).public_key().public_bytes_raw()
    assert [it.signed_by(public) for it in decode(out.read_bytes())] == [True] * 4


def test_json_has_the_raw_reads_and_the_receipts_and_csv_a_row_an_interval(folder):
    done = edge("buffer", "export", "--data-dir", folder)
    rows = json.loads(done.stdout)
    assert [row["state"] for row in rows] == ["accepted"] + ["pending"] * 4
    assert rows[0]["receipt"]["receipts"][0]["hash"] == rows[0]["hash"]
    reads = [line.split(",") for line in rows[1]["profile"].splitlines()[1:]]
    hashed = profile_hash([(int(at), name, int(raw)) for at, name, raw in reads])
    assert rows[1]["interval"]["profileHash"] == "0x" + hashed.hex()
    done = edge("buffer", "export", "--data-dir", folder, "--format", "csv", "--since-seq", 3)
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["seq"], row["meterWh"]) for row in table] == [
        (str(n - FIRST + 1), f"{n / 10**6:.6f}") for n in range(FIRST + 2, FIRST + 5)
    ]
    assert edge("buffer", "export", "--data-dir", folder, "--since-seq", 99).stdout == "[]\n"


def test_by_hand_to_the_server_and_again_without_harm(folder, tmp_path, server):
    out, receipts = tmp_path / "out.json", tmp_path / "receipts"
    edge("buffer", "export", "--data-dir", folder, "--format", "signed", "-o", out)
    options = ["--api-url", server.url, "--receipt-key", SERVER.public_key().public_bytes_raw().hex()]
    done = edge("buffer", "deliver", out, *options, "--receipts", receipts)
    assert (done.exit_code, done.stdout) == (0, "5 intervals: 5 accepted\n")
    assert len(decode(server.came[0])) == 5
    assert json.loads(receipts.read_text())["homeId"] == str(HOME)
    short = edge("buffer", "deliver", out, "--api-url", server.url, "--receipt-key", "00")
    assert (short.exit_code, "64 hexadecimal digits" in short.stderr, len(server.came)) == (2, True, 1)
    server.answer = lambda payload: take(payload, "duplicate")
    assert edge("buffer", "deliver", out, *options).stdout == "5 intervals: 5 duplicate\n"
    server.answer = lambda payload: take(payload, "rejected")
    assert edge("buffer", "deliver", out, *options).exit_code == 1
    server.answer = lambda payload: take(payload, key=Ed25519PrivateKey.generate())
    done = edge("buffer", "deliver", out, *options)
    assert done.exit_code == 2
    assert "not signed by the server's key" in done.stderr
    server.answer = lambda _payload: b"<html>"
    assert edge("buffer", "deliver", out, *options).exit_code == 2
    out.write_text("[{]")
    assert edge("buffer", "deliver", out, *options).exit_code == 2


def test_recover_says_what_it_found_and_refuses_the_buffer_itself(folder, tmp_path):
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes((folder / "buffer.sqlite").read_bytes())
    with Buffer(folder) as buffer:
        assert buffer._file is not None
        buffer._file.db.execute("DELETE FROM outbox WHERE seq=4")
    done = edge("buffer", "recover", "--data-dir", folder, copy)
    assert "5 intervals of this device are readable" in done.stdout
    assert "1 of them were taken over" in done.stdout
    assert edge("buffer", "recover", "--data-dir", folder, folder / "buffer.sqlite").exit_code == 2


def test_looking_never_heals_nor_makes_anything(folder):
    (folder / "buffer.sqlite").write_bytes(b"no database" * 1000)
    before = sorted(path.name for path in folder.iterdir())
    for command in (["buffer"], ["buffer", "export"]):
        done = edge(*command, "--data-dir", folder)
        assert done.exit_code == 2
        assert "put aside when the agent meets it" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before
