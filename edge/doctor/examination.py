# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at everything an agent needs, and says of each whether it is there and, if not, what to do."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.doctor import local as doctor_local
from edge.doctor import remote as doctor_remote
from edge.doctor.finding import Finding, Verdict
from edge.settings import EdgeSettings, SettingsError

EXIT_CODES: dict[Verdict, int] = {"ok": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the examination may use: the wall clock in seconds, and whether it may reach out."""

    wall: Callable[[], float] = time.time
    offline: bool = False


async def examine(config: Path | None, outlook: Outlook | None = None) -> list[Finding]:
    """Every check, in the order in which trouble is worth looking for. Changes nothing but a file that it removes again."""
    look = outlook or Outlook()
    try:
        settings = EdgeSettings.from_environment(config)
    except SettingsError as error:
        return [Finding("settings", "fail", str(error), "set what is missing; docs/edge.md lists every setting")]
    findings = doctor_local.settings(settings)
    findings += doctor_local.key(settings)
    findings += doctor_local.disk(settings)
    findings += doctor_local.buffer(settings, look.wall())
    status, of_agent = doctor_local.agent(settings, look.wall())
    findings += of_agent
    findings += doctor_local.clock(look.wall())
    if not look.offline:
        findings += await doctor_remote.server(settings, look.wall)
        findings += await doctor_remote.meters(settings, status)
    return findings


def worst(findings: list[Finding]) -> Verdict:
    """The verdict of all together."""
    verdicts = {finding.verdict for finding in findings}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "ok"
