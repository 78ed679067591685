# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore demo`."""

import asyncio
import os
import sys
import time
from pathlib import Path

import click

from greencore.demo.run import Demo, Options
from greencore.demo.show import Screen
from greencore.demo.stations import Own, keep, plan
from greencore.embedded.program import StartFailed
from greencore.folder import Folder, FolderInUse
from greencore.roles.process import fail
from greencore.stack import forget_settings
from kit import logs
from kit.errors import GreenCoreError
from simulator.profile import ProfileError


@click.command("demo")
@click.option(
    "--speed", default=900.0, show_default=True, type=click.FloatRange(2, 20_000), help="Simulated per wall second."
)
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), help="Stop recording after so many simulated days."
)
@click.option(
    "--exit",
    "leave",
    is_flag=True,
    help="End when the days are settled: code 0 only if all reconciles. 1 day if --days is not given.",
)
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdict to this file."
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of your own as one more station: NEM12, or CSV with timestamp and power_w or energy_wh. Repeatable.",
)
@click.option("--timezone", help="Time zone of CSV profiles that name none, as Europe/Vienna.")
@click.option(
    "--step", type=click.IntRange(min=1), help="Seconds between the rows of a CSV profile, if they don't tell."
)
@click.option("--fresh", is_flag=True, help="Forget everything and start over.")
@click.option(
    "--data",
    default=".greencore",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all data.",
)
def command(
    speed: float,
    days: float | None,
    leave: bool,
    json_path: Path | None,
    profiles: tuple[Path, ...],
    timezone: str | None,
    step: int | None,
    fresh: bool,
    data: Path,
) -> None:
    """Run the whole product on this machine: real servers, four oracle nodes, and agents that read meters replaying measured days.

    Ctrl-C stops everything, the same command goes on from there.
    """
    begin = time.monotonic()
    forget_settings()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    logs.configure(level="error", role="demo")
    try:
        own = [Own(path, timezone, step) for path in profiles]
        plan(own)
    except ProfileError as error:
        fail(str(error))
    folder = Folder(data)
    try:
        with folder.locked(fresh=fresh):
            stations = plan(keep(own, folder))
            options = Options(stations, speed, days or (1.0 if leave else None), leave, json_path)
            code = asyncio.run(Demo(options, folder, Screen(), begin).run())
    except (FolderInUse, StartFailed, ProfileError) as error:
        fail(str(error))
    except GreenCoreError as error:
        fail(f"{error} ({error.code})")
    sys.exit(code)
