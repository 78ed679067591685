# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Real series for `bench/qa.py`: what comes along, and what the PyPI package pvanalytics 0.2.2 (MIT) carries, labels included.

The package is fetched once into the checkout's `.cache`; without a network what comes along is used, and the bench says so.
"""

import csv
import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.library import load

KWH = 10**9
RATED_W = 40_000
CAP = RATED_W * 250_000  # µWh of a slot at rated power

_ROOT = Path(__file__).parents[1]
CACHE = _ROOT / ".cache" / "qa"
_PACKAGES = ("pvanalytics==0.2.2", "pyarrow==21.0.0")  # the second reads the first's parquet files


@dataclass(frozen=True)
class Series:
    """E_net by slot, µWh, of a station rated at `RATED_W`; `labels` are slots that somebody marked as faulty; `sun` is ppm."""

    name: str
    kind: int
    values: Mapping[int, int]
    labels: frozenset[int] = frozenset()
    sun: Mapping[int, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """The greatest energy of a slot, µWh."""
        return max(self.values.values())


def every() -> tuple[dict[str, Series], list[str]]:
    """The series that are to be had, by name, and what is missing."""
    found = {"household": _household()}
    folder, missing = _fetched()
    if folder is None:
        found["serf"] = _builtin()
        return found, missing
    data = folder / "pvanalytics" / "data"
    found["serf"] = _serf(data)
    found |= marked(data)
    system = _system_50(data)
    if system is not None:
        found["system50"] = system
    else:
        missing.append("system 50 (928 days): pyarrow could not be fetched to read it")
    return found, missing


def marked(data: Path) -> dict[str, Series]:
    """The series in which somebody marked faults by hand."""
    files = {
        "stale": ("ac_power_inv_2173_stale_data.csv", "stale_data_mask"),
        "interpolated": ("ac_power_inv_2173_interpolated_data.csv", "interpolated_data_mask"),
        "outliers": ("ac_power_inv_7539_outliers.csv", "outlier"),
    }
    return {name: _labelled(data / file, name, column) for name, (file, column) in files.items()}


def _fetched() -> tuple[Path | None, list[str]]:
    uv = shutil.which("uv") or str(_ROOT / ".make" / "uv" / "bin" / "uv")
    CACHE.mkdir(parents=True, exist_ok=True)
    for package in _PACKAGES:
        name = package.partition("==")[0]
        if not (CACHE / name).exists():
            command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable]
            try:
                subprocess.run([*command, "--target", str(CACHE), package], check=True, timeout=300)
            except (OSError, subprocess.SubprocessError) as error:
                if name == "pvanalytics":
                    return None, [
                        f"pvanalytics 0.2.2 could not be fetched ({type(error).__name__}): no labelled faults"
                    ]
    return CACHE, []


def _slot(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) // 900


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _scaled(raw: Mapping[int, float], rated: float) -> dict[int, int]:
    return {slot: round(value / rated * CAP) for slot, value in raw.items()}


def _serf(data: Path) -> Series:
    power = {_slot(row["measured_on"]): float(row["ac_power"]) for row in _rows(data / "serf_east_15min_ac_power.csv")}
    sun = {
        _slot(row["measured_on"]): round(float(row["ghi"]) * 1_000) for row in _rows(data / "serf_east_psm3_data.csv")
    }
    return Series("SERF East, 104 days", 1, _scaled(power, max(power.values()) * 1.2), sun=sun)


def _labelled(path: Path, name: str, column: str) -> Series:
    rows = [row for row in _rows(path) if row["value_normalized"]]
    values = {_slot(row["timestamp"]): float(row["value_normalized"]) for row in rows}
    marked = frozenset(_slot(row["timestamp"]) for row in rows if row[column].lower() == "true")
    return Series(f"{name} (inverter {path.name.split('_')[3]})", 1, _scaled(values, 1.0), marked)


def _system_50(data: Path) -> Series | None:
    sys.path.append(str(CACHE))
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return None
    arrow: Any = importlib.import_module("pyarrow")
    table = parquet.read_table(data / "system_50_ac_power_2_full_DST.parquet")
    at = table["measured_on"].cast(arrow.int64()).to_pylist()
    pairs = zip(at, table["ac_power_2"].to_pylist(), strict=True)
    raw = {when // 900_000_000: watts for when, watts in pairs if watts is not None and watts == watts}
    weather = parquet.read_table(data / "system_50_ac_power_2_full_DST_psm3.parquet")
    names = ("index", "__index_level_0__")
    hours = weather[next(name for name in names if name in weather.column_names)].cast(arrow.int64()).to_pylist()
    sun: dict[int, int] = {}
    for when, ghi in zip(hours, weather["ghi"].to_pylist(), strict=True):
        first = when // 3_600_000_000 * 4
        sun |= {slot: round(ghi * 1_000) for slot in range(first, first + 4)}
    return Series("system 50, 928 days", 1, _scaled(raw, max(raw.values()) * 1.05), sun=sun)


def _household() -> Series:
    profile = load("household")
    per = 900 // profile.step
    values: dict[int, int] = {}
    for at in range(0, len(profile.export_uwh) - per + 1, per):
        parts = [*profile.export_uwh[at : at + per], *(-(it or 0) for it in profile.import_uwh[at : at + per])]
        values[profile.start // 900 + at // per] = sum(part or 0 for part in parts)
    most = max(values.values()) * 12 // 10
    return Series("household, 31 days", 2, {slot: value * CAP // most for slot, value in values.items()})


def _builtin() -> Series:
    profile = load("pv")
    values = {
        profile.start // 900 + at: (given or 0) - (drawn or 0)
        for at, (drawn, given) in enumerate(zip(profile.import_uwh, profile.export_uwh, strict=True))
    }
    most = max(values.values()) * 12 // 10
    return Series("SERF East, 40 days", 1, {slot: value * CAP // most for slot, value in values.items()})
