# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""E_net of one slot: the boundary meter where there is one, else generation less auxiliaries and losses. Integers of µWh.

Storage: what a battery gives back is never generation. At a boundary that needs no rule of its own: charging from the grid was
counted as consumption before. Without a boundary meter only `genWh` counts, and where even that is missing, discharge is
taken off what the meter says.

A check meter (its name begins with `check`) measures what another one measures. It never adds to it; it speaks where the other
is silent (E1). Generation less losses beside a boundary meter that is silent is an estimate too (E2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from energy.policy import PPM

Measures = Mapping[str, int]
Method = Literal["boundary", "node", "E1", "E2"]

CHECK = "check"  # how the name of a check meter begins

_REGISTER_OF = {"importWh": "importRegisterWh", "exportWh": "exportRegisterWh", "genWh": "genRegisterWh"}
_SIGN = {"importWh": -1, "exportWh": 1, "genWh": 1}


@dataclass(frozen=True, slots=True)
class NetEnergy:
    """What a slot is worth, µWh, signed, and how that was found.

    `counters` are the registers behind it at the slot's end by measure, and `deltas` what the interval says they grew by;
    both are empty where registers don't say the same energy as `uwh`. `node_uwh` is generation less auxiliaries and losses,
    given beside a boundary. `meter` is the one whose boundary or generation it is.
    """

    uwh: int
    method: Method
    counters: Mapping[str, int]
    deltas: Mapping[str, int]
    node_uwh: int | None = None
    gen_uwh: int | None = None
    meter: str | None = None

    @property
    def estimated(self) -> bool:
        """True if another meter had to stand in, so that this is no measurement of the boundary."""
        return self.method in ("E1", "E2")


def station_net(meters: Mapping[str, Measures], k_safety_ppm: int, *, boundary_due: bool) -> NetEnergy:
    """E_net of a slot, with check meters told apart. `boundary_due`: the station has a boundary meter that should have spoken."""
    checks = {name: it for name, it in meters.items() if name.startswith(CHECK)}
    mains = {name: it for name, it in meters.items() if name not in checks} if checks else meters
    if mains:
        net = e_net(mains, k_safety_ppm)
        if net.method == "boundary" or not boundary_due:
            return net
        by_check = e_net(checks, k_safety_ppm) if checks else None
        if by_check is None or by_check.method != "boundary":
            return replace(net, method="E2", counters={}, deltas={})
    else:
        by_check = e_net(checks, k_safety_ppm)
    return replace(by_check, method="E1", counters={}, deltas={})


def e_net(meters: Mapping[str, Measures], k_safety_ppm: int) -> NetEnergy:
    """E_net of a slot from its meters' measures (protocol names, µWh). `meters` must not be empty.

    Boundary: export − import of `main`, or of the first meter by name that measures either. Else `gen − aux − loss × k`, summed
    over meters, the loss with its factor rounded up: rounding never makes energy.
    """
    gen = _sum(meters, "genWh")
    aux = _sum(meters, "auxWh") or 0
    loss = -(-(_sum(meters, "lossWh") or 0) * k_safety_ppm // PPM)
    for name in sorted(meters, key=lambda name: (name != "main", name)):
        measures = meters[name]
        if "importWh" in measures or "exportWh" in measures:
            uwh = measures.get("exportWh", 0) - measures.get("importWh", 0)
            counters, deltas = _counters(measures, ("importWh", "exportWh"))
            return NetEnergy(uwh, "boundary", counters, deltas, None if gen is None else gen - aux - loss, gen, name)
    if gen is None:
        gen = _metered(meters)
    uwh = gen - aux - loss
    exact = len(meters) == 1 and aux == 0 and loss == 0
    counters, deltas = _counters(next(iter(meters.values())), ("genWh",)) if exact else ({}, {})
    return NetEnergy(uwh, "node", counters, deltas, None, gen, next(iter(meters)) if len(meters) == 1 else None)


def register_energy(before: Mapping[str, int], after: Mapping[str, int]) -> int | None:
    """Energy between two states of the same registers, µWh; None if they can't be compared or one of them fell."""
    if not before or before.keys() != after.keys() or any(after[name] < before[name] for name in after):
        return None
    return sum(_SIGN[name] * (after[name] - before[name]) for name in after)


def start_counters(net: NetEnergy) -> dict[str, int]:
    """The registers at the slot's start: at its end, less what the interval says they grew by."""
    return {name: value - net.deltas[name] for name, value in net.counters.items()}


def _counters(measures: Measures, names: tuple[str, ...]) -> tuple[dict[str, int], dict[str, int]]:
    given = [name for name in names if name in measures]
    if not given or any(_REGISTER_OF[name] not in measures for name in given):
        return {}, {}
    return {name: measures[_REGISTER_OF[name]] for name in given}, {name: measures[name] for name in given}


def _metered(meters: Mapping[str, Measures]) -> int:
    # only one meter may speak for the station without a role: several could measure the same energy
    speakers = [name for name, it in meters.items() if name == "main" or not ("auxWh" in it or "lossWh" in it)]
    if not speakers:
        return 0
    measures = meters["main" if "main" in speakers else min(speakers)]
    return measures["meterWh"] - max(measures.get("dischargeWh", 0), 0)


def _sum(meters: Mapping[str, Measures], name: str) -> int | None:
    found = [measures[name] for measures in meters.values() if name in measures]
    return sum(found) if found else None
