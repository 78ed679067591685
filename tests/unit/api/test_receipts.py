# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import stat
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.receipts import ReceiptKeyError, load_key, public_hex, receipts
from edge.protocol import Interval, ReceiptLine, SignedInterval, sign

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = Ed25519PrivateKey.generate()


def interval(station: int, slot: int) -> SignedInterval:
    return sign(Interval(UUID(int=station), slot, {"meterWh": 5}, bytes(32)), DEVICE)


def test_each_station_gets_its_own_receipt_in_the_order_of_delivery(tmp_path: Path) -> None:
    key = load_key(tmp_path / "r.key")
    deliveries = [interval(2, 1), interval(1, 1), interval(2, 2)]
    lines = [ReceiptLine(f"0x{i:064x}", "main", "", "accepted") for i in range(3)]
    made = receipts(deliveries, lines, at=AT, key=key)
    assert [(r.homeId, [line.hash for line in r.receipts]) for r in made] == [
        (str(UUID(int=2)), [lines[0].hash, lines[2].hash]),
        (str(UUID(int=1)), [lines[1].hash]),
    ]
    assert all(r.signed_by(bytes.fromhex(public_hex(key))) for r in made)


def test_a_line_too_few_is_no_receipt(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shorter"):
        receipts([interval(1, 1)], [], at=AT, key=load_key(tmp_path / "r.key"))


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "r.key"
    first = load_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_hex(load_key(path)) == public_hex(first)
    path.chmod(0o644)
    with pytest.raises(ReceiptKeyError, match="chmod 600"):
        load_key(path)


def test_another_file_is_not_taken_for_a_key(tmp_path: Path) -> None:
    path = tmp_path / "r.key"
    path.write_text("hello")
    path.chmod(0o600)
    with pytest.raises(ReceiptKeyError, match="PEM"):
        load_key(path)
    assert path.read_text() == "hello"
