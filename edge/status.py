# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the agent is doing, for people and for a live table: `status.json` in the data folder, replaced as a whole."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

STATUS_FILE = "status.json"

log = structlog.get_logger("edge.status")


class Status:
    """A flat JSON object. Counters that are totals since the first start come from the buffer; the others since this start."""

    def __init__(self, folder: Path, fixed: Mapping[str, Any]) -> None:
        self._path = folder / STATUS_FILE
        self._dirty = True
        self._unwritten = False
        self._values: dict[str, Any] = {
            **fixed,
            "pid": os.getpid(),
            "running": True,
            "now": None,
            "last_read": None,
            "last_slot": None,
            "registers_wh": {},
            "read": 0,
            "read_failed": 0,
            "read_null": 0,
            "built": 0,
            "interpolated": 0,
            "missing": 0,
            "pending": 0,
            "delivered": 0,
            "receipts": {},
            "receipts_ignored": 0,
            "events": {},
            "last_event": None,
            "last_error": None,
            "meter_error": None,
            "meters": {},
            "delivery_error": None,
            "envelopes": 0,
            "buffer_error": None,
            "waiting_for_disk": 0,
            "buffers_put_aside": [],
            "clock_skew_s": None,
            "clock_skew_uncertainty_s": None,
        }

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        self._values[name] += by
        self._dirty = True

    def event(self, kind: str, detail: str) -> None:
        """Count an event of the meter and show the newest."""
        self._values["events"][kind] = self._values["events"].get(kind, 0) + 1
        self.update(last_event=f"{kind}: {detail}")

    def update(self, **values: Any) -> None:
        """Set values."""
        for name, value in values.items():
            if self._values[name] != value:
                self._values[name] = value
                self._dirty = True

    def meter(self, meter_id: str) -> "MeterStatus":
        """The part of one meter; its counters add to the whole's."""
        values: dict[str, Any] = self._values["meters"].setdefault(meter_id, dict.fromkeys(MeterStatus.COUNTERS, 0))
        values |= {"last_read": None, "last_slot": None, "registers_wh": {}, "meter_error": None}
        return MeterStatus(self, meter_id, values)

    def meter_changed(self) -> None:
        """Say of the station what its meters say: the newest instants, all registers, and what is wrong where."""
        meters: dict[str, dict[str, Any]] = self._values["meters"]
        wrong = {name: values["meter_error"] for name, values in meters.items() if values["meter_error"]}
        one = len(meters) == 1
        self.update(
            last_read=max((values["last_read"] or "" for values in meters.values()), default="") or None,
            last_slot=max((values["last_slot"] or "" for values in meters.values()), default="") or None,
            registers_wh=next(iter(meters.values()))["registers_wh"] if one else {},
            meter_error="; ".join(error if one else f"{name}: {error}" for name, error in wrong.items()) or None,
        )
        self._dirty = True

    def buffer(self, counts: Mapping[Any, int], totals: Mapping[str, int]) -> None:
        """Set what the buffer says: `delivered` has a receipt that says accepted or duplicate."""
        receipts = {name: count for name, count in totals.items() if name != "built"}
        delivered = receipts.get("accepted", 0) + receipts.get("duplicate", 0)
        self.update(built=totals["built"], pending=counts["pending"], receipts=receipts, delivered=delivered)

    def write(self, now: str) -> None:
        """Replace the file if anything changed. A reader sees the old one or the new one, never half."""
        if not self._dirty:
            return
        self._values["now"] = now
        self._dirty = False
        draft = self._path.with_suffix(".json.new")
        try:
            draft.write_text(json.dumps(self._values, indent=1) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:  # a full or read-only disk is no reason to stop reading the meter
            if not self._unwritten:
                log.error("status_not_written", error=str(error))
            self._unwritten = True
        else:
            self._unwritten = False


class MeterStatus:
    """What one meter of a station is doing."""

    COUNTERS = ("read", "read_failed", "read_null", "interpolated", "missing")

    def __init__(self, whole: Status, meter_id: str, values: dict[str, Any]) -> None:
        self._whole = whole
        self._meter_id = meter_id
        self._values = values

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter of the meter and to the station's."""
        self._values[name] += by
        self._whole.count(name, by)

    def event(self, kind: str, detail: str) -> None:
        """Count an event of the meter and show the newest."""
        self._whole.event(kind, detail if self._meter_id == "main" else f"{self._meter_id}: {detail}")

    def update(self, **values: Any) -> None:
        """Set values of the meter."""
        if any(self._values[name] != value for name, value in values.items()):
            self._values |= values
            self._whole.meter_changed()

    def error(self, text: str) -> None:
        """The newest error that is not the meter's own."""
        self._whole.update(last_error=text)

    def buffer(self, counts: Mapping[Any, int], totals: Mapping[str, int]) -> None:
        """What the buffer says, which all meters share."""
        self._whole.buffer(counts, totals)
