# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge doctor`."""

import asyncio
import json
import logging
from dataclasses import asdict
from pathlib import Path

import click

from edge.doctor.examination import EXIT_CODES, Outlook, examine, worst
from edge.settings import CONFIG


@click.command("doctor")
@click.option("--config", envvar=CONFIG, type=click.Path(path_type=Path), help="Station file, YAML; docs/edge.md.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--offline", is_flag=True, help="Look at this machine only: no server, no meter.")
def doctor_command(config: Path | None, as_json: bool, offline: bool) -> None:
    """Look at settings, key, disk, buffer, clock, server and meters, with the settings of the agent.

    A line each: ok, warn or fail, what was seen, what to do. Exit code 0: all well, 1: something to look at, 2: something fails.
    """
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the adapter says why, once
    findings = asyncio.run(examine(config, Outlook(offline=offline)))
    verdict = worst(findings)
    if as_json:
        click.echo(json.dumps({"verdict": verdict, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        for finding in findings:
            click.echo(f"{finding.verdict:<4}  {finding.name}: {finding.seen}")
            if finding.todo:
                click.echo(f"      → {finding.todo}")
    raise SystemExit(EXIT_CODES[verdict])
