# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A database that can't be used is told in words, with its address and never its password."""

import socket

import pytest
from click.testing import CliRunner
from sqlalchemy.exc import ProgrammingError

from greencore.cli import main
from greencore.roles.process import CANNOT_START, on_database

_STATION = "6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f"


@pytest.mark.parametrize(
    "arguments",
    [["migrate"], ["energy", "day", _STATION, "2026-03-29"], ["energy", "parked"], ["homes", "income", _STATION]],
    ids=" ".join,
)
def test_without_its_server_a_command_names_the_address_and_keeps_the_password(arguments: list[str]) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else takes the port
        bound.bind(("127.0.0.1", 0))
        url = f"postgresql+asyncpg://me:hunter2@127.0.0.1:{bound.getsockname()[1]}/greencore"
        ran = CliRunner().invoke(main, arguments, env={"GREENCORE_DATABASE_URL": url})
    assert ran.exit_code == CANNOT_START, ran.output
    assert "the database can't be used" in ran.output
    assert "GREENCORE_DATABASE_URL is postgresql+asyncpg://me:***@127.0.0.1" in ran.output
    assert "hunter2" not in ran.output


@pytest.mark.parametrize("url", ["foo", "postgresql://greencore@localhost/greencore"])
def test_an_address_of_another_form_is_answered_with_the_right_one(url: str) -> None:
    ran = CliRunner().invoke(main, ["energy", "parked"], env={"GREENCORE_DATABASE_URL": url})
    assert ran.exit_code == CANNOT_START
    assert "has the form postgresql+asyncpg://" in ran.output


def test_a_database_without_tables_is_sent_to_migrate(capsys: pytest.CaptureFixture[str]) -> None:
    class Undefined(Exception):
        sqlstate = "42P01"

    cause = Undefined("<class 'asyncpg.UndefinedTableError'>: relation \"x\" does not exist")
    with pytest.raises(SystemExit) as ended, on_database("postgresql+asyncpg://greencore@localhost/greencore"):
        raise ProgrammingError("SELECT everything", {}, cause)
    assert ended.value.code == CANNOT_START
    told = capsys.readouterr().err
    assert 'relation "x" does not exist; run `greencore migrate`' in told
    assert "SELECT" not in told
