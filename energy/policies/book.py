# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book of policies: every version that was ever in force, read from `policies.toml` once and never changed after.

A report is counted by the version of its slot, so that counting old reports again gives what was signed then.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from energy.policy import Policy, Thresholds
from kit.units import SLOT_SECONDS

_GENERIC = "generic"
_TYPES: dict[str, type] = {field.name: bool if "bool" in str(field.type) else int for field in fields(Thresholds)}


class PolicyError(ValueError):
    """A book of policies that can't be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Where a number comes from: `research` (measured), `spec`, `memory` (unchecked) or `policy` (ours), and why it is so."""

    source: str
    why: str


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """Policies in the order of their first slots. `reasons` are by (version, class or `default`, threshold)."""

    policies: Sequence[Policy]
    reasons: Mapping[tuple[int, str, str], Reason]

    def at(self, slot: int) -> Policy:
        """The policy that a report of this slot is counted by."""
        found = bisect_right(self.policies, slot, key=lambda policy: policy.effective_from)
        return self.policies[max(found - 1, 0)]

    def version(self, number: int) -> Policy:
        """A policy by its version. Raises KeyError if there is none."""
        for policy in self.policies:
            if policy.version == number:
                return policy
        raise KeyError(f"the book has no policy of version {number}")

    @property
    def newest(self) -> Policy:
        """The version that came last."""
        return self.policies[-1]


@lru_cache(maxsize=1)
def book() -> PolicyBook:
    """The book that comes with the program."""
    return read(files("energy.policies").joinpath("policies.toml").read_text(encoding="utf-8"))


def read(text: str) -> PolicyBook:
    """Read a book. Raises PolicyError for a name that no rule knows, a number without a reason, or versions out of order.

    A later version says only what it changes; the rest is the version before. What was never said is 0, and its rule off.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"the policies are not TOML: {error}") from error
    policies: list[Policy] = []
    reasons: dict[tuple[int, str, str], Reason] = {}
    kinds = {int(kind): str(name) for kind, name in raw.get("kinds", {}).items()}
    said: dict[str, dict[str, Any]] = {}
    for one in raw.get("policy", []):
        version, first = int(one["version"]), _slot(one["effective_from"])
        if policies and (version <= policies[-1].version or first <= policies[-1].effective_from):
            raise PolicyError(f"policy {version} must come after policy {policies[-1].version}, in number and in time")
        for name, numbers in {"default": one.get("default", {}), **one.get("class", {})}.items():
            if name not in ("default", *kinds.values()):
                raise PolicyError(f"policy {version}: no kind of station is of class {name!r}")
            for threshold, given in numbers.items():
                said.setdefault(name, {})[threshold] = _value(version, name, threshold, given)
                reasons[version, name, threshold] = Reason(given["source"], given["why"])
        policies.append(_policy(version, first, said, kinds))
    if not policies:
        raise PolicyError("the book holds no policy")
    return PolicyBook(tuple(policies), reasons)


def _policy(version: int, first: int, said: Mapping[str, Mapping[str, Any]], kinds: Mapping[int, str]) -> Policy:
    default = {name: kind() for name, kind in _TYPES.items()} | dict(said.get("default", {}))
    names = sorted(set(kinds.values()) | {_GENERIC})
    classes = {name: Thresholds(**{**default, **said.get(name, {})}) for name in names}
    return Policy(version, first, Thresholds(**default), classes, dict(kinds))


def _value(version: int, name: str, threshold: str, given: Any) -> int | bool:
    where = f"policy {version}, {name}.{threshold}"
    if threshold not in _TYPES:
        raise PolicyError(f"{where}: no rule has such a threshold")
    if not isinstance(given, dict) or given.keys() != {"value", "source", "why"}:
        raise PolicyError(f"{where}: write {{ value = …, source = …, why = … }}")
    value = given["value"]
    expected = _TYPES[threshold]
    if not isinstance(value, int) or isinstance(value, bool) != (expected is bool) or value < 0:
        raise PolicyError(f"{where}: {value!r} is no {expected.__name__} of at least 0")
    return value


def _slot(instant: Any) -> int:
    if isinstance(instant, datetime) and instant.tzinfo is not None:
        seconds = int(instant.timestamp())
        if seconds % SLOT_SECONDS == 0:
            return seconds // SLOT_SECONDS
    raise PolicyError(f"effective_from = {instant!r}: write the UTC instant at which a quarter hour begins")
