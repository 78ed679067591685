# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What every role does alike: its logs, its event loop, and what a person sees when its settings are wrong."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import NoReturn, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from sqlalchemy.exc import SQLAlchemyError

from kit import logs
from kit.errors import GreenCoreError
from kit.settings import Settings

CANNOT_START = 2

S = TypeVar("S", bound=BaseSettings)


def run(role: str, settings: Settings, main: Coroutine[object, object, None]) -> None:
    """Run a role until a signal. A role that can't start says why in one line and exits with code 2."""
    logs.configure(level=settings.log_level, json=settings.log_json, role=role)
    collect_seldom()
    try:
        asyncio.run(main)
    except GreenCoreError as error:
        fail(f"{role}: {error} ({error.code})")
    except (OSError, SQLAlchemyError) as error:
        fail(f"{role}: {error}")


def collect_seldom() -> None:
    """Look for cycles of garbage less often than Python does by itself: a batch makes tens of thousands of objects that are freed
    without it, and walking them again and again costs a quarter of the way in (docs/figures.md).
    """
    gc.set_threshold(50_000, 20, 50)


def read(kind: type[S]) -> S:
    """Settings from the environment; wrong ones are named and end the program."""
    try:
        return kind()
    except ValidationError as error:
        lines = [
            f"  {kind.model_config.get('env_prefix', '')}{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}"
            for item in error.errors()
        ]
        fail("settings that are missing or wrong:\n" + "\n".join(lines))


def fail(message: str) -> NoReturn:
    """Say why, and end with the code of a role that can't start."""
    click.echo(message, err=True)
    sys.exit(CANNOT_START)
