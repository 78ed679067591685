# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers by which utilities other than E are counted, versioned as one: read from `policies.toml` once."""

import hashlib
import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from kit.units import SLOT_SECONDS, Utility

HOURS = 24
_SLOTS_PER_HOUR = 3_600 // SLOT_SECONDS
_VERSIONS_PER_POLICY = 1_000


class UtilityPolicyError(ValueError):
    """A book of policies that can't be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class UtilityPolicy:
    """One version. `slot_max`: the most whole tokens of a slot; `factors`: g CO2e per kWh for each hour of the day, UTC."""

    version: int
    effective_from: int
    slot_max: Mapping[Utility, int]
    gas_wh_per_m3: int
    baseline_days: int
    baseline_version: int
    method: str
    default_region: str
    factors: Mapping[str, tuple[int, ...]]
    region_of: Mapping[UUID, str]

    def factor(self, station: UUID, slot: int) -> int:
        """The grid's emission factor for a station in a slot, g CO2e per kWh."""
        region = self.region_of.get(station, self.default_region)
        return self.factors[region][slot // _SLOTS_PER_HOUR % HOURS]


@dataclass(frozen=True, slots=True)
class UtilityBook:
    """Every version in the order of first slots. `digest` (SHA-256, hex) tells two files apart that use one version's number."""

    policies: Sequence[UtilityPolicy]
    digest: str

    def at(self, slot: int) -> UtilityPolicy:
        """The policy that a report of this slot is counted by."""
        found = bisect_right(self.policies, slot, key=lambda policy: policy.effective_from)
        return self.policies[max(found - 1, 0)]


def signed_version(quality_version: int, utility_version: int) -> int:
    """What nodes sign as the policy of a report of a utility other than E: both versions in one number.

    Raises ValueError for a utility policy's version that leaves its three digits.
    """
    if not 0 < utility_version < _VERSIONS_PER_POLICY:
        raise ValueError(f"a utility policy's version is 1 to {_VERSIONS_PER_POLICY - 1}, not {utility_version}")
    return quality_version * _VERSIONS_PER_POLICY + utility_version


@lru_cache(maxsize=1)
def book() -> UtilityBook:
    """The book that comes with the program."""
    return read(files("energy.utility").joinpath("policies.toml").read_text(encoding="utf-8"))


def read(text: str) -> UtilityBook:
    """Read a book. Raises UtilityPolicyError for missing or unknown names, a number without a reason, or versions out of order."""
    try:
        raw = tomllib.loads(text)
        policies = [_policy(one) for one in raw["policy"]]
    except tomllib.TOMLDecodeError as error:
        raise UtilityPolicyError(f"the policies are not TOML: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UtilityPolicyError(f"a policy lacks {error}") from error
    order = [(policy.version, policy.effective_from) for policy in policies]
    if not order or order != sorted(set(order)) or len({version for version, _ in order}) < len(order):
        raise UtilityPolicyError("versions and their first slots must rise")
    return UtilityBook(policies, hashlib.sha256(text.encode()).hexdigest())


def _policy(raw: Mapping[str, Any]) -> UtilityPolicy:
    slot_max = {Utility[name]: _number(name, given) for name, given in raw["slot_max"].items()}
    wanted = {Utility.H, Utility.W, Utility.AGR, Utility.SRV, Utility.DATA, Utility.DEV}
    if set(slot_max) != wanted:
        raise UtilityPolicyError(
            "slot_max names H, W, AGR, SRV, DATA and DEV; E, CRB and EFF are bounded by what they are"
        )
    carbon = raw["carbon"]
    factors = {region: _factor(region, given) for region, given in carbon["factors"].items()}
    regions = {UUID(station): str(region) for station, region in carbon["region_of"].items()}
    if unknown := {*regions.values(), carbon["default_region"]} - factors.keys():
        raise UtilityPolicyError(f"no emission factor for {', '.join(sorted(unknown))}")
    return UtilityPolicy(
        version=int(raw["version"]),
        effective_from=int(raw["effective_from"].timestamp()) // SLOT_SECONDS,
        slot_max=slot_max,
        gas_wh_per_m3=_number("gas_wh_per_m3", raw["heat"]["gas_wh_per_m3"]),
        baseline_days=_number("baseline_days", raw["saving"]["baseline_days"]),
        baseline_version=_number("baseline_version", raw["saving"]["baseline_version"]),
        method=str(carbon["method"]),
        default_region=str(carbon["default_region"]),
        factors=factors,
        region_of=regions,
    )


def _number(name: str, given: Mapping[str, Any]) -> int:
    value = given["value"]
    if not (given["source"] and given["why"]) or type(value) is not int or value <= 0:
        raise UtilityPolicyError(f"{name}: a whole number above 0 with its source and reason")
    return value


def _factor(region: str, given: Mapping[str, Any]) -> tuple[int, ...]:
    value = given["value"]
    hours = tuple(value) if isinstance(value, list) else (value,) * HOURS
    sound = len(hours) == HOURS and all(type(hour) is int and 0 <= hour <= 2_000 for hour in hours)
    if not (sound and given["source"] and given["why"]):
        raise UtilityPolicyError(
            f"factor of {region}: g CO2e per kWh, one or {HOURS}, 0 to 2000, with its source and reason"
        )
    return hours
