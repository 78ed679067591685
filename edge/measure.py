# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From a finished slot to the interval that is signed: roles become the protocol's fields. Pure."""

from uuid import UUID

from edge.intervals import Limits, Slot
from edge.protocol import Interval, Source, profile_hash
from edge.registers import BALANCE_ROLES, MEASURE_OF_ROLE, RegisterMap

_OUTWARD = frozenset({"export", "gen", "discharge"})  # bounded by what the station can deliver
_UNBOUNDED = frozenset({"water_m3", "gas_m3"})


def limits_of(register_map: RegisterMap, rated_w: int | None, load_w: int | None) -> dict[str, Limits]:
    """What each counter can do, from the map's modulus and the station's powers in W."""
    limits = {}
    for register in register_map.counters():
        cap = None if register.role in _UNBOUNDED else rated_w if register.role in _OUTWARD else load_w
        limits[register.name] = Limits(register.modulus, cap)
    return limits


def has_balance(slot: Slot, register_map: RegisterMap) -> bool:
    """True if a register of the slot says what the station delivered or drew."""
    return any(register.role in BALANCE_ROLES and register.name in slot.deltas for register in register_map.counters())


def interval_of(
    slot: Slot, register_map: RegisterMap, home_id: UUID, meter_id: str, source: Source, seq: int
) -> Interval:
    """The interval of a slot with a balance, µWh.

    At a boundary meter `meterWh` is export − import, signed; where there is none it is the generation.
    """
    deltas = {register.role: slot.deltas.get(register.name) for register in register_map.counters()}
    exported, imported, generated = (deltas.get(role) for role in ("export", "import", "gen"))
    at_boundary = exported is not None or imported is not None
    meter = (exported or 0) - (imported or 0) if at_boundary else generated or 0
    measures = {"meterWh": meter}
    for register in register_map.counters():
        if register.name in slot.deltas and register.role is not None:
            delta_field, register_field = MEASURE_OF_ROLE[register.role]
            measures[delta_field] = slot.deltas[register.name]
            if register_field is not None:
                measures[register_field] = slot.registers[register.name]
    return Interval(
        home_id=home_id,
        slot=slot.slot,
        measures=measures,
        profile_hash=profile_hash(slot.profile),
        meter_id=None if meter_id == "main" else meter_id,
        seq=seq,
        quality=slot.quality,
        source=source,
    )


def profile_bytes(slot: Slot) -> bytes:
    """The canonical raw profile that `profileHash` covers (docs/protocol.md); kept with the interval for an auditor."""
    lines = "".join(f"{at_ms},{name},{raw}\n" for at_ms, name, raw in slot.profile)
    return b"greencore.profile.v1\n" + lines.encode()
