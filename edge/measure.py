# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From a finished slot to the interval that is signed: roles become the protocol's fields. Pure."""

from collections.abc import Mapping
from uuid import UUID

from edge.integrate import power_measures
from edge.intervals import Limits, Slot
from edge.meters.registers import BALANCE_ROLES, DEVICE_ROLE, MEASURE_OF_ROLE, RegisterMap
from edge.protocol import Interval, Source, profile_hash

_OUTWARD = frozenset({"export", "gen", "discharge"})  # bounded by what the station can deliver
_BOUNDED = frozenset({"import", "aux", "loss", "charge"})  # by what it can draw


def limits_of(register_map: RegisterMap, rated_w: int | None, load_w: int | None) -> dict[str, Limits]:
    """What each counter can do, from the map's modulus and the station's powers in W."""
    limits = {}
    for register in register_map.counters():
        cap = rated_w if register.role in _OUTWARD else load_w if register.role in _BOUNDED else None
        limits[register.name] = Limits(register.modulus, cap)
    return limits


def has_balance(slot: Slot, register_map: RegisterMap) -> bool:
    """True if a register of the slot says what the station delivered or drew, or the map has no such register at all."""
    balances = [register.name for register in register_map.counters() if register.role in BALANCE_ROLES]
    return not balances or any(name in slot.deltas for name in balances)


def interval_of(
    slot: Slot,
    register_map: RegisterMap,
    home_id: UUID,
    meter_id: str,
    source: Source,
    seq: int,
    beside: Mapping[str, int] | None = None,
) -> Interval:
    """The interval of a slot with a balance, µWh.

    At a boundary meter `meterWh` is export − import, signed; where there is none it is the generation, and at a meter
    of water, gas or heat it is 0. A device without counters gives what was integrated. `beside` are device counters
    that no register holds, in millionths.
    """
    if slot.quality == "integrated":
        return _interval(slot, power_measures(slot.deltas), dict(beside or {}), home_id, meter_id, source, seq)
    deltas = {register.role: slot.deltas.get(register.name) for register in register_map.counters()}
    exported, imported, generated = (deltas.get(role) for role in ("export", "import", "gen"))
    at_boundary = exported is not None or imported is not None
    meter = (exported or 0) - (imported or 0) if at_boundary else generated or 0
    measures = {"meterWh": meter}
    devices: dict[str, int] = dict(beside or {})
    for register in register_map.counters():
        if register.name not in slot.deltas or register.role is None:
            continue
        if (device := DEVICE_ROLE.fullmatch(register.role)) is not None:
            devices[device[1]] = slot.deltas[register.name]
        else:
            delta_field, register_field = MEASURE_OF_ROLE[register.role]
            measures[delta_field] = slot.deltas[register.name]
            if register_field is not None:
                measures[register_field] = slot.registers[register.name]
    return _interval(slot, measures, devices, home_id, meter_id, source, seq)


def _interval(
    slot: Slot,
    measures: Mapping[str, int],
    devices: Mapping[str, int],
    home_id: UUID,
    meter_id: str,
    source: Source,
    seq: int,
) -> Interval:
    return Interval(
        home_id=home_id,
        slot=slot.slot,
        measures=measures,
        profile_hash=profile_hash(slot.profile),
        meter_id=None if meter_id == "main" else meter_id,
        seq=seq,
        devices=devices or None,
        quality=slot.quality,
        source=source,
    )


def profile_bytes(slot: Slot) -> bytes:
    """The canonical raw profile that `profileHash` covers (docs/protocol.md); kept with the interval for an auditor."""
    lines = "".join(f"{at_ms},{name},{raw}\n" for at_ms, name, raw in slot.profile)
    return b"greencore.profile.v1\n" + lines.encode()
