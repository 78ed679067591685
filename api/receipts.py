# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The server's receipt key, and receipts made from what ingest says became of each interval."""

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from edge.protocol import Receipt, ReceiptLine, SignedInterval, sign_receipt
from kit.errors import Refused


class ReceiptKeyError(Refused):
    """The receipt key's file can't be used; the message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__("receipt.key", message)


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file (PKCS #8), made with mode 0600 if there is none. API and worker may start at once on one path.

    Raises ReceiptKeyError if others may read the file, or if it holds something else: stations know the public half by heart.
    """
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise ReceiptKeyError(f"others may read {path}; run: chmod 600 {path}")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ReceiptKeyError(f"{path} is not an unencrypted PEM private key; restore it from its backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ReceiptKeyError(f"{path} holds a {type(key).__name__}, not an Ed25519 key")
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key as 64 hexadecimal digits, the form in which an edge is told it."""
    return key.public_key().public_bytes_raw().hex()


def receipts(
    deliveries: Sequence[SignedInterval], lines: Sequence[ReceiptLine], *, at: datetime, key: Ed25519PrivateKey
) -> list[Receipt]:
    """One signed receipt a station, in the order in which stations first appear. Call it after the commit, never before.

    `lines[i]` tells what became of `deliveries[i]`; raises ValueError if their numbers differ.
    """
    by_station: dict[str, list[ReceiptLine]] = {}
    stations = {}
    for delivery, line in zip(deliveries, lines, strict=True):
        station = delivery.interval.home_id
        stations[str(station)] = station
        by_station.setdefault(str(station), []).append(line)
    return [sign_receipt(stations[name], at, of_one, key) for name, of_one in by_station.items()]


def _create(path: Path) -> None:
    """Whole on disk, or not there; whoever links first decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
