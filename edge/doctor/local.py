# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at this machine: settings, key, disk, buffer, the agent's own words, the clock."""

import ctypes
import json
import os
import sqlite3
import time
from datetime import datetime
from typing import Any

from edge import keys
from edge.buffer.file import BufferFile
from edge.buffer.room import Room
from edge.buffer.salvage import declared
from edge.buffer.store import BUFFER_FILE
from edge.buffer.tables import BufferFault
from edge.delivery.skew import ALARM_S
from edge.doctor.finding import Finding, Verdict
from edge.meters.registers import MapError, load
from edge.protocol import SLOT_SECONDS
from edge.settings import EdgeSettings
from edge.status import STATUS_FILE
from edge.terminal import slot_start

LOOPBACK = ("127.", "localhost", "[::1]", "::1")
FREE_MIN = 64 << 20  # bytes; below it the log, the status and the buffer begin to fight
SYNC_SLOW_S = 0.5
LAST_READ_MAX_S = 120.0
LAST_INTERVAL_MAX_S = 2 * SLOT_SECONDS + 300.0
PENDING_MAX_S = 24 * 3600.0  # two flushes have passed
EPOCH_2025 = 1_735_689_600
_TIME_ERROR = 5  # adjtimex(2): the kernel's clock is not synchronised


def settings(found: EdgeSettings) -> list[Finding]:
    """What can be read in the settings alone."""
    findings = [
        Finding("settings", "ok", f"station {found.station}, {len(found.all_meters)} meter(s), source {found.source}")
    ]
    unrated = [meter.id for meter in found.all_meters if meter.rated_w is None]
    if unrated:
        todo = "set RATED_W (and LOAD_W), or rated_w of each meter: without it a broken read may pass for energy"
        findings.append(Finding("settings.rating", "warn", f"no rated power for {', '.join(unrated)}", todo))
    for meter in found.all_meters:
        try:
            load(meter.map)
        except MapError as error:
            todo = "`greencore edge maps` lists the maps that come with the agent"
            findings.append(Finding(f"settings.map.{meter.id}", "fail", str(error), todo))
    if found.api_url.startswith("http://") and not found.api_url[7:].startswith(LOOPBACK):
        todo = "use https://: receipts are signed, but everybody on the way can read the energy"
        findings.append(Finding("settings.tls", "warn", f"{found.api_url} is not encrypted", todo))
    if found.transport == "mqtt" and not found.mqtt_tls and not found.mqtt_host.startswith(LOOPBACK):
        todo = "set GREENCORE_EDGE_MQTT_TLS=true and the broker's TLS port: the password travels in the clear"
        findings.append(Finding("settings.tls", "warn", f"MQTT to {found.mqtt_host} is not encrypted", todo))
    return findings


def key(found: EdgeSettings) -> list[Finding]:
    """The device's key; it is not made here."""
    path = found.data_dir / keys.KEY_FILE
    if not path.exists():
        return [
            Finding("key", "warn", f"no key in {found.data_dir}", "`greencore edge key` makes it; then register it")
        ]
    try:
        public = keys.public_hex(keys.load_or_create(found.data_dir, found.source))
    except (keys.DeviceKeyError, OSError) as error:
        todo = "if that does not help: restore the key from its backup, or make and register a new one"
        return [Finding("key", "fail", str(error), todo)]
    return [Finding("key", "ok", f"{public} for {found.source}")]


def disk(found: EdgeSettings) -> list[Finding]:
    """Room, and whether a write reaches the disk."""
    folder = found.data_dir
    if not folder.is_dir():
        return [Finding("disk", "warn", f"{folder} does not exist yet", "the agent makes it when it starts")]
    room = Room(folder, found.reserve_mb << 20)
    probe = folder / f".doctor.{os.getpid()}"
    began = time.perf_counter()
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
        took_s, free = time.perf_counter() - began, room.free()
    except OSError as error:
        todo = "make room, remount it writable, or give the folder to the agent's user"
        return [Finding("disk", "fail", f"{folder} cannot be written: {error}", todo)]
    seen = f"{free >> 20} MB free, reserve {room.held >> 20} of {found.reserve_mb} MB, 4 kB synced in {took_s * 1000:.1f} ms"
    if free < FREE_MIN:
        return [Finding("disk", "warn", seen, "make room; the reserve holds about a month of intervals and no more")]
    if took_s > SYNC_SLOW_S:
        return [Finding("disk", "warn", seen, "the disk is slow or worn; is the card near its end?")]
    return [Finding("disk", "ok", seen)]


def buffer(found: EdgeSettings, now_s: float) -> list[Finding]:
    """The buffer's file, what waits in it, and what was put aside."""
    findings = [
        Finding(
            "buffer.put_aside",
            "warn",
            f"{incident.at} {incident.text()}",
            f"`greencore edge buffer recover {incident.file}` tries again; then archive or remove it with its .json"
            if incident.file
            else "find out who removed it; remove the .json when that is settled",
        )
        for incident in declared(found.data_dir)
    ]
    path = found.data_dir / BUFFER_FILE
    if not path.exists():
        return [Finding("buffer", "warn", "there is none yet", "the agent makes it when it starts"), *findings]
    try:
        file = BufferFile(path, only_look=True)
    except (sqlite3.Error, BufferFault) as error:
        todo = "the agent puts a damaged file aside when it meets it, and goes on; restart it"
        return [Finding("buffer", "fail", f"{path}: {error}", todo), *findings]
    try:
        counts, oldest, newest = file.counts(), file.pending(1), file.last(1)
    finally:
        file.close()
    seen = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "empty"
    findings.insert(0, Finding("buffer", "ok", f"sound; {seen}"))
    if counts["rejected"] or counts["conflict"]:
        todo = "`greencore edge buffer` says why; after the cause is removed: `greencore edge buffer --resend-rejected`"
        findings.append(Finding("buffer.refused", "warn", seen, todo))
    if oldest and not found.clock:
        waits_s = now_s - (oldest[0].slot + 1) * SLOT_SECONDS
        if waits_s > PENDING_MAX_S:
            seen = f"the oldest interval has waited for {waits_s / 3600:.0f} h"
            todo = "see `server` below; by hand: `greencore edge buffer export --format signed --state pending`"
            findings.append(Finding("buffer.pending", "warn", seen, todo))
    if newest and not found.clock:
        age_s = now_s - (newest[0].slot + 1) * SLOT_SECONDS
        late = age_s > LAST_INTERVAL_MAX_S
        seen = f"the last interval is that of {slot_start(newest[0].slot)}, built {age_s / 60:.0f} min ago or less"
        todo = "see `agent` and `meter`: no quarter hour has been built since" if late else ""
        findings.append(Finding("interval", "warn" if late else "ok", seen, todo))
    return findings


def agent(found: EdgeSettings, now_s: float) -> tuple[dict[str, Any], list[Finding]]:
    """What the running agent says of itself; empty if none runs."""
    path = found.data_dir / STATUS_FILE
    start = "start it: `systemctl start greencore-edge@…`, or `greencore edge run`"
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, [Finding("agent", "warn", "it has not run with this folder", start)]
    if not status.get("running") or not _alive(int(status.get("pid") or 0)):
        return {}, [Finding("agent", "warn", f"it does not run; it was last seen {status.get('now')}", start)]
    findings = [Finding("agent", "ok", f"runs since {status.get('started')}, {status.get('built')} intervals built")]
    for name, todo in (
        ("buffer_error", "make room on the disk; intervals wait in memory and would be lost with the power"),
        ("delivery_error", "see `server` below"),
        ("meter_error", 'docs/edge.md, "When something fails"'),
    ):
        if status.get(name):
            verdict: Verdict = "fail" if name == "buffer_error" and status.get("waiting_for_disk") else "warn"
            findings.append(Finding(f"agent.{name}", verdict, str(status[name]), todo))
    skew, uncertainty = status.get("clock_skew_s"), status.get("clock_skew_uncertainty_s")
    if skew is not None and uncertainty is not None:
        apart = abs(skew) - uncertainty > ALARM_S
        todo = (
            "synchronise the clock: intervals are built by it, and refused when they lie in the future" if apart else ""
        )
        seen = f"the server's clock is {skew:+.1f} s from ours, give or take {uncertainty:.1f} s"
        findings.append(Finding("clock.server", "warn" if apart else "ok", seen, todo))
    if not found.clock and status.get("last_read"):
        age_s = now_s - datetime.fromisoformat(status["last_read"]).timestamp()
        if age_s > max(LAST_READ_MAX_S, 3 * found.poll_s):
            findings.append(Finding("agent.read", "warn", f"no read for {age_s:.0f} s", "see `meter` below"))
    return status, findings


def clock(now_s: float) -> list[Finding]:
    """Whether the kernel believes its clock."""
    if now_s < EPOCH_2025:
        return [
            Finding("clock", "fail", "this machine believes it is before 2025", "set the clock; is its battery empty?")
        ]
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(256))  # modes 0: only asks
    except (OSError, AttributeError):
        state = -1
    if state == _TIME_ERROR:
        todo = "install and start chrony or systemd-timesyncd; `timedatectl` shows it"
        return [Finding("clock", "warn", "the kernel says that its clock is not synchronised", todo)]
    if state < 0:
        return [Finding("clock", "warn", "nobody tells whether the clock is synchronised", "look with `timedatectl`")]
    return [Finding("clock", "ok", "synchronised")]


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
