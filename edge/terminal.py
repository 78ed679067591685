# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the agent's commands share at a terminal: the data folder, refusals, instants."""

from datetime import UTC, datetime
from pathlib import Path

import click

from edge.protocol import SLOT_SECONDS

UNABLE = 2

data_dir_option = click.option(
    "--data-dir",
    envvar="GREENCORE_EDGE_DATA_DIR",
    default="edge-data",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the key, the buffer and the status.",
)


def unable(message: str) -> click.ClickException:
    """What a command raises when it cannot do what it was asked: exit code 2, and why."""
    refusal = click.ClickException(message)
    refusal.exit_code = UNABLE
    return refusal


def slot_start(slot: int) -> str:
    """The instant at which a slot begins, RFC 3339."""
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC).isoformat().replace("+00:00", "Z")
