# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Where the energy counters stand in SunSpec models.

Origin: the SunSpec Alliance's model definitions (github.com/sunspec/models, Apache-2.0), as JSON in pysunspec2 1.3.7; a test
compares every offset with those files. Offsets count from a model's id register; the length is the one the model carries
in its second register, which does not count the two of id and length.
"""

from dataclasses import dataclass
from typing import Literal

from edge.meters.register_map import ValueType

COMMON = 1
Kind = Literal["meter", "inverter", "der"]


@dataclass(frozen=True, slots=True)
class Point:
    """A counter in Wh: its name, its offset, its type, and where its scale factor stands."""

    name: str
    offset: int
    type: ValueType
    scale: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What a model is, how long it must be, and its counters of energy given out and taken in."""

    title: str
    kind: Kind
    length: int
    out: Point
    taken: Point | None = None
    events: int | None = None  # where a meter's event bits stand; bit 2 is a power failure


def _inverter(title: str) -> Model:
    return Model(title, "inverter", 50, Point("WH", 24, "acc32", ("WH_SF", 26)))


def _inverter_float(title: str) -> Model:
    return Model(f"{title}, float", "inverter", 60, Point("WH", 32, "float32"))


def _meter(title: str) -> Model:
    scale = ("TotWh_SF", 54)
    out, taken = Point("TotWhExp", 38, "acc32", scale), Point("TotWhImp", 46, "acc32", scale)
    return Model(title, "meter", 105, out, taken, events=105)


def _meter_float(title: str) -> Model:
    out, taken = Point("TotWhExp", 60, "float32"), Point("TotWhImp", 68, "float32")
    return Model(f"{title}, float", "meter", 124, out, taken, events=124)


MODELS: dict[int, Model] = {
    101: _inverter("single-phase inverter"),
    102: _inverter("split-phase inverter"),
    103: _inverter("three-phase inverter"),
    111: _inverter_float("single-phase inverter"),
    112: _inverter_float("split-phase inverter"),
    113: _inverter_float("three-phase inverter"),
    201: _meter("single-phase meter"),
    202: _meter("split single-phase meter"),
    203: _meter("wye three-phase meter"),
    204: _meter("delta three-phase meter"),
    211: _meter_float("single-phase meter"),
    212: _meter_float("split single-phase meter"),
    213: _meter_float("wye three-phase meter"),
    214: _meter_float("delta three-phase meter"),
    701: Model(
        "DER AC measurement",
        "der",
        153,
        Point("TotWhInj", 19, "uint64", ("TotWh_SF", 120)),
        Point("TotWhAbs", 23, "uint64", ("TotWh_SF", 120)),
    ),
}
