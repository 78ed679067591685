# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The device key: Ed25519, made on first start, readable by its owner only. A demonstration's key says so in its file."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge.protocol import Source

KEY_FILE = "device.key"

_DEMO = b"GreenCore-Key-Class: demo\n"
_OTHER_CLASS: dict[Source, str] = {
    "demo": "{path} is a demonstration's key, and this agent reads a real meter; give it a data_dir of its own, or set"
    " GREENCORE_EDGE_SOURCE=demo",
    "edge": "{path} is a real device's key, and this agent is for a demonstration; give it a data_dir of its own, or set"
    " GREENCORE_EDGE_SOURCE=edge",
}


class DeviceKeyError(RuntimeError):
    """The key file cannot be used; the message says what to do."""


def load_or_create(folder: Path, source: Source | None = None) -> Ed25519PrivateKey:
    """The device's key from `folder/device.key` (PEM, PKCS #8), created with mode 0600 if it is missing.

    A key is made for a `source` (`edge` unless said otherwise), and with a source only a key made for it is given out: what a
    demonstration signed can never be taken for a real device's, nor the other way round. Raises DeviceKeyError for that, if
    others may read the file, or if it holds something else: a device never gets a second identity by accident.
    """
    path = folder / KEY_FILE
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path, source or "edge")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise DeviceKeyError(f"{path} has mode {mode:04o}, others may read it; run: chmod 600 {path}")
    pem = path.read_bytes()
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DeviceKeyError(f"{path} is not an unencrypted PEM private key; restore it from its backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DeviceKeyError(f"{path} holds a {type(key).__name__}, not an Ed25519 key")
    made_for: Source = "demo" if pem.startswith(_DEMO) else "edge"
    if source is not None and made_for != source:
        raise DeviceKeyError(_OTHER_CLASS[made_for].format(path=path))
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key as 64 hexadecimal digits: what an operator registers with the station."""
    return key.public_key().public_bytes_raw().hex()


def _create(path: Path, source: Source) -> None:
    """Write a new key so that the file is whole on disk or not there at all."""
    pem = _DEMO if source == "demo" else b""
    pem += Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails if another process was first; its key then is the key
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
