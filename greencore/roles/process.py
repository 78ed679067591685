# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What every role does alike: its logs, its event loop, and what a person sees when its settings are wrong."""

import asyncio
import gc
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kit import logs
from kit.errors import GreenCoreError
from kit.settings import Settings

CANNOT_START = 2
_NO_TABLE = "42P01"  # PostgreSQL's code
_DRIVER = "postgresql+asyncpg"
_FORM = f"GREENCORE_DATABASE_URL has the form {_DRIVER}://user:password@host:5432/database"

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


@contextmanager
def on_database(url: str) -> Iterator[None]:
    """End the program with what is wrong and what to do where the database can't be used; a password is never shown."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        fail(f"the database can't be used: {_reason(error)}\n  {_shown(url)}")


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # the driver's own words end its line; what follows is the statement, which is ours and no help
    words = str(cause).strip().splitlines()[0].rpartition(">: ")[2]
    return f"{words}; run `greencore migrate`" if getattr(cause, "sqlstate", None) == _NO_TABLE else words


def _shown(url: str) -> str:
    try:
        named = make_url(url)
    except SQLAlchemyError:
        return _FORM
    if named.drivername != _DRIVER:
        return _FORM
    return f"GREENCORE_DATABASE_URL is {named.render_as_string()}; does the server run, is the address right?"
