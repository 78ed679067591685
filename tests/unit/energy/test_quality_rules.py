# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Each rule at its threshold: one step on this side it is silent, one step on the other it fires."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from energy.net.rules import Method, e_net
from energy.policies.book import book
from energy.policy import PPM
from energy.quality.rules import RULES, Mark, Seen, View, judge

KWH = 10**9
CAP = 10 * KWH
POLICY = book().newest.of(0)


def seen(
    slot: int, measures: Mapping[str, int], *, late: int = 0, check: Mapping[str, int] | None = None, **mark: Any
) -> Seen:
    given = {"meterWh": measures.get("exportWh", 0) - measures.get("importWh", 0), **measures}
    net = e_net({"main": given}, PPM)
    meters = {"main": given} if check is None else {"check": {"meterWh": 0, **check}, "main": given}
    return Seen(slot, net, dict.fromkeys(meters, Mark(**mark)), meters, late)


def stood_in(method: Method) -> Seen:
    one = seen(5, energy(KWH))
    return replace(one, net=replace(one.net, method=method))


def view(here: Seen, **more: Any) -> View:
    alone: dict[str, Any] = {
        "before": None,
        "after": None,
        "before_waits": False,
        "after_waits": False,
        "run": 1,
        "near": tuple,
        "roles": {},
        "cap_uwh": CAP,
        "policy": POLICY,
    }
    return View(here=here, **(alone | more))


def fired(it: View) -> list[tuple[str, str]]:
    return [(verdict.rule, verdict.result) for verdict in judge(it)]


def energy(uwh: int) -> dict[str, int]:
    return {"exportWh": max(uwh, 0), "importWh": max(-uwh, 0)}


def quiet(**measures: int) -> Seen:
    return seen(4, energy(KWH) | measures)


CASES = {
    "late": (view(seen(5, energy(1), late=192)), view(seen(5, energy(1), late=193)), ("V3", "warn")),
    "late is held": (
        view(seen(5, energy(1), late=192), policy=replace(POLICY, hold_late=True)),
        view(seen(5, energy(1), late=193), policy=replace(POLICY, hold_late=True)),
        ("V3", "suspect"),
    ),
    "sequence": (
        view(seen(5, energy(KWH), seq=8), before=seen(4, energy(KWH), seq=7)),
        view(seen(5, energy(KWH), seq=7), before=seen(4, energy(KWH), seq=7)),
        ("V4", "warn"),
    ),
    "device says missing": (
        view(seen(5, energy(1), quality="interpolated")),
        view(seen(5, energy(1), quality="missing")),
        ("V6", "suspect"),
    ),
    "a measure is gone": (
        view(seen(5, energy(1)), roles={"main": ["exportWh", "importWh"]}),
        view(seen(5, {"exportWh": 1}), roles={"main": ["exportWh", "importWh"]}),
        ("V6", "suspect"),
    ),
    "register fell": (
        view(seen(5, {"exportWh": 0, "exportRegisterWh": KWH}), before=quiet(exportRegisterWh=KWH, importRegisterWh=0)),
        view(
            seen(5, energy(0) | {"exportRegisterWh": KWH, "importRegisterWh": 0}),
            before=quiet(exportRegisterWh=3 * KWH, importRegisterWh=0),
        ),
        ("V7", "suspect"),
    ),
    "over rating": (view(seen(5, energy(11 * KWH))), view(seen(5, energy(11 * KWH + 1))), ("V8", "suspect")),
    "drawn": (view(seen(5, energy(-50 * KWH))), view(seen(5, energy(-50 * KWH - 1))), ("V8", "suspect")),
    "negative generation": (
        view(seen(5, {"meterWh": 0, "genWh": 0})),
        view(seen(5, {"meterWh": -1, "genWh": -1})),
        ("V8", "suspect"),
    ),
    "register against interval": (
        view(
            seen(5, energy(KWH) | {"exportRegisterWh": 10 * KWH + 1_000_000, "importRegisterWh": 0}),
            before=quiet(exportRegisterWh=9 * KWH, importRegisterWh=0),
        ),
        view(
            seen(5, energy(KWH) | {"exportRegisterWh": 10 * KWH + 1_002_000, "importRegisterWh": 0}),
            before=quiet(exportRegisterWh=9 * KWH, importRegisterWh=0),
        ),
        ("V9", "suspect"),
    ),
    "spike": (
        view(seen(5, energy(28 * KWH // 10)), before=quiet(), after=quiet()),
        view(seen(5, energy(28 * KWH // 10 + 1)), before=quiet(), after=quiet()),
        ("V10", "suspect"),
    ),
    "sun between clouds": (
        view(
            seen(5, energy(5 * KWH)), before=quiet(), after=quiet(), near=lambda: (KWH, KWH, 2 * KWH, 6 * KWH, 7 * KWH)
        ),
        view(seen(5, energy(5 * KWH)), before=quiet(), after=quiet(), near=lambda: (KWH, KWH, KWH, 6 * KWH, 7 * KWH)),
        ("V10", "suspect"),
    ),
    "spike, not worth a look": (
        view(seen(5, energy(KWH)), before=seen(4, energy(0)), after=seen(6, energy(0))),
        view(seen(5, energy(KWH + 1)), before=seen(4, energy(0)), after=seen(6, energy(0))),
        ("V10", "suspect"),
    ),
    "spike with a neighbour to come": (
        view(seen(5, energy(5 * KWH)), before=quiet()),
        view(seen(5, energy(5 * KWH)), before=quiet(), after_waits=True),
        ("V10", "suspect"),
    ),
    "flat": (view(seen(5, energy(KWH)), run=3), view(seen(5, energy(KWH)), run=4), ("V11", "suspect")),
    "flat, small": (
        view(seen(5, energy(CAP // 100)), run=9),
        view(seen(5, energy(CAP // 100 + 1)), run=9),
        ("V11", "suspect"),
    ),
    "flat at the contract's limit": (
        view(seen(5, energy(CAP)), run=7),
        view(seen(5, energy(CAP)), run=8),
        ("V11", "suspect"),
    ),
    "flat and a constant generator": (
        view(seen(5, energy(KWH)), run=16, policy=book().newest.of(6)),
        view(seen(5, energy(KWH)), run=16),
        ("V11", "suspect"),
    ),
    "a roof at its inverter's limit": (
        view(seen(5, energy(CAP)), run=16, policy=book().newest.of(1)),
        view(seen(5, energy(CAP)), run=16),
        ("V11", "suspect"),
    ),
    "a gust": (
        view(seen(5, energy(9 * KWH)), before=quiet(), after=quiet(), policy=book().newest.of(4)),
        view(seen(5, energy(9 * KWH)), before=quiet(), after=quiet()),
        ("V10", "suspect"),
    ),
    "clock": (
        view(seen(5, energy(1), clock_us=-5_000_000)),
        view(seen(5, energy(1), clock_us=-5_000_001)),
        ("V4", "warn"),
    ),
    "clock far off": (
        view(seen(5, energy(1), clock_us=60_000_000)),
        view(seen(5, energy(1), clock_us=60_000_001)),
        ("V4", "suspect"),
    ),
    "clock not set": (
        view(seen(5, energy(1), sync_us=86_400_000_000)),
        view(seen(5, energy(1), sync_us=86_400_000_001)),
        ("V4", "suspect"),
    ),
    "a meter is silent that takes something off": (
        view(seen(5, {"meterWh": 1, "genWh": 1}), roles={"house": ["genWh"]}),
        view(seen(5, {"meterWh": 1, "genWh": 1}), roles={"house": ["auxWh"]}),
        ("V6", "suspect"),
    ),
    "another meter stands in": (view(stood_in("boundary")), view(stood_in("E2")), ("V6", "warn")),
    "check meter": (
        view(seen(5, energy(100 * KWH // 10), check={"exportWh": 97 * KWH // 10})),
        view(seen(5, energy(100 * KWH // 10), check={"exportWh": 97 * KWH // 10 - 1})),
        ("V14", "warn"),
    ),
    "check meter, one step of a small register": (
        view(seen(5, energy(3_000_000), check={"exportWh": 2_000_000})),
        view(seen(5, energy(3_000_001), check={"exportWh": 2_000_000})),
        ("V14", "warn"),
    ),
    "check meter, for three days": (
        view(seen(5, energy(KWH), check={"exportWh": 0}), disputed_days=1),
        view(seen(5, energy(KWH), check={"exportWh": 0}), disputed_days=2),
        ("V14", "suspect"),
    ),
    "power failed": (view(seen(5, energy(1), fail_us=0)), view(seen(5, energy(1), fail_us=1)), ("V16", "warn")),
    "said twice": (view(quiet()), view(quiet(meterWh=KWH + 1)), ("V15", "suspect")),
    "balance": (
        view(quiet(genWh=6 * KWH)),
        view(quiet(genWh=6 * KWH + 1)),
        ("V15", "warn"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_on_one_side_of_its_threshold_only(name: str) -> None:
    silent, loud, expected = CASES[name]
    assert expected not in fired(silent)
    assert expected in fired(loud)


def test_every_rule_of_the_table_is_tried_above() -> None:
    assert {rule.id for rule in RULES} == {expected[0] for _, _, expected in CASES.values()}


def test_a_verdict_says_which_rule_in_which_version_saw_what() -> None:
    (verdict,) = judge(view(seen(5, energy(11 * KWH + 1))))
    assert verdict.to_dict() == {
        "rule": "V8",
        "version": 1,
        "slot": 5,
        "result": "suspect",
        "inputs": {"e_net_uwh": 11 * KWH + 1, "limit_uwh": 11 * KWH},
        "provisional": False,
    }
