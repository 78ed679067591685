# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A process that writes into a buffer while something is done to it: `python buffer_child.py <what> <folder>`."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.store import Buffer, BufferFault, Draft
from edge.intervals import BuilderState
from edge.keys import load_or_create
from edge.protocol import Interval, profile_hash, sign

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
FIRST = 1_956_096


def draft(slot: int, key: Ed25519PrivateKey) -> Draft:
    """A slot with as many raw reads as a meter of two registers gives."""
    reads = [(slot * 900_000 + at, name, 10**9 + at) for at in range(0, 40_000, 10_000) for name in ("exp", "imp")]
    profile = b"greencore.profile.v1\n" + "".join(f"{at},{name},{raw}\n" for at, name, raw in reads).encode()
    measures = {
        "meterWh": slot,
        "exportWh": slot,
        "importWh": 0,
        "exportRegisterWh": 10**12,
        "importRegisterWh": 10**12,
    }
    return Draft(
        "main",
        slot,
        profile,
        lambda seq: sign(Interval(HOME, slot, measures, profile_hash(reads), seq=seq, quality="measured"), key),
    )


def endless(folder: Path) -> None:
    """Store one by one for ever; a number is printed once its interval is acknowledged."""
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        slot = (buffer.last_slot("main") or FIRST) + 1
        while True:
            stored, _ = buffer.store([draft(slot, key)], BuilderState(), "map")
            os.write(1, b"%d\n" % stored[0])
            slot += 1


def few(folder: Path) -> None:
    """Store ten, each acknowledged on standard output."""
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        os.write(1, b"begin\n")
        for slot in range(FIRST, FIRST + 10):
            stored, _ = buffer.store([draft(slot, key)], BuilderState(), "map")
            os.write(1, b"ack %d\n" % stored[0])


def heal(folder: Path) -> None:
    """Open a buffer that is damaged, and store one more."""
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        stored, _ = buffer.store([draft(FIRST + 900, key)], BuilderState(), "map")
        os.write(1, b"ack %d\n" % stored[0])


def _until_it_waits(buffer: Buffer, key: Ed25519PrivateKey, slot: int) -> int:
    while not buffer.waiting:
        buffer.store([draft(slot, key)], BuilderState(), "map")
        slot += 1
    return slot


def _report(folder: Path, **values: object) -> None:
    with Buffer(folder) as again:
        rows = again.pending(10_000)
        values |= {"seqs": [row.seq for row in rows], "slots": [row.slot for row in rows]}
        values["incidents"] = [it.text() for it in again.incidents()]
    print(json.dumps(values))


def full(folder: Path) -> None:
    """On a small file system of its own: everything else fills it, the reserve is used up, then there is room again."""
    key = load_or_create(folder)
    with Buffer(folder, reserve=2 << 20) as buffer:
        buffer.store([draft(FIRST, key)], BuilderState(), "map")
        junk = (folder / "junk").open("wb", buffering=0)
        try:
            while True:
                junk.write(bytes(4096))
        except OSError:
            junk.close()
        slot = FIRST + 1
        for slot in range(FIRST + 1, FIRST + 101):
            buffer.store([draft(slot, key)], BuilderState(), "map")
        by_reserve, alarm = 100 - buffer.waiting, buffer.trouble
        slot = _until_it_waits(buffer, key, slot + 1)
        buffer.store([draft(slot, key), draft(slot + 1, key)], BuilderState(), "map")
        waited, trouble, readable = buffer.waiting, buffer.trouble, len(buffer.pending(10))
        (folder / "junk").unlink()
        buffer.store([draft(slot + 2, key)], BuilderState(), "map")
        after = {"waiting": buffer.waiting, "trouble": buffer.trouble}
    _report(folder, by_reserve=by_reserve, alarm=alarm, waited=waited, trouble=trouble, readable=readable, after=after)


def limited(folder: Path) -> None:
    """No file of this process may grow: what a full disk does, without the privilege to make one."""
    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        slot = FIRST
        for slot in range(FIRST, FIRST + 20):
            buffer.store([draft(slot, key)], BuilderState(), "map")
        largest = max(path.stat().st_size for path in folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 65_536, resource.RLIM_INFINITY))
        slot = _until_it_waits(buffer, key, slot + 1)
        buffer.store([draft(slot, key)], BuilderState(), "map")
        waited, trouble, readable = buffer.waiting, buffer.trouble, len(buffer.pending(10))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        buffer.store([draft(slot + 1, key)], BuilderState(), "map")
        after = {"waiting": buffer.waiting, "trouble": buffer.trouble}
    _report(folder, waited=waited, trouble=trouble, readable=readable, after=after)


def read_only(folder: Path) -> None:
    """On a file system of its own, which is read-only when the agent starts, and then writable."""

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)

    key = load_or_create(folder)
    with Buffer(folder) as buffer:
        buffer.store([draft(FIRST, key)], BuilderState(), "map")
    remount("ro")
    refusal = ""
    try:
        Buffer(folder)
    except BufferFault as fault:
        refusal = str(fault)
    before = sorted(path.name for path in folder.iterdir())
    remount("rw")
    with Buffer(folder) as buffer:
        buffer.store([draft(FIRST + 1, key)], BuilderState(), "map")
    _report(folder, refusal=refusal, before=before)


if __name__ == "__main__":
    {"endless": endless, "few": few, "heal": heal, "full": full, "limited": limited, "read_only": read_only}[
        sys.argv[1]
    ](Path(sys.argv[2]))
