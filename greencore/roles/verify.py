# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore verify`: the independent check, pointed at the demo of this folder if nothing else is named."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from greencore.embedded.ports import HOST
from oracle.verify.command import main

_DEMO = Path(".greencore")


@click.command("verify", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: Sequence[str]) -> None:
    """Check everything from the chain and the published leaves alone; --help tells the options."""
    main.main([*arguments, *_of_demo(arguments)], prog_name="greencore verify")


def _of_demo(arguments: Sequence[str]) -> Iterator[str]:
    """Options that are neither given nor set, as the demo of the working folder has them."""
    path = _DEMO / "house.json"
    if {"-h", "--help"} & {*arguments} or not path.exists():
        return
    ports = json.loads(path.read_text()).get("ports", {})
    found = {
        "--rpc": ("GREENCORE_RPC_URL", f"http://{HOST}:{ports.get('chain')}"),
        "--deployment": ("GREENCORE_DEPLOYMENT", str(_DEMO / "deployment.json")),
        "--leaves": ("", f"http://{HOST}:{ports.get('oracle-0')}"),
    }
    given = {argument.partition("=")[0] for argument in arguments}
    for option, (variable, value) in found.items():
        if option not in given and not os.environ.get(variable):
            yield from (option, value)
