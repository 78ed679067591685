# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The command tells every role, quickly, and the way to a working checkout can be read by any Python."""

import ast
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from greencore.cli import ROLES, main
from greencore.roles.settings import CLASSES, variables

ROOT = Path(__file__).parents[2]
GREENCORE = Path(sys.executable).parent / "greencore"


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(GREENCORE), *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_help_tells_every_role() -> None:
    shown = _run("--help").stdout
    modules = {path.stem for path in (ROOT / "greencore" / "roles").glob("*.py")} - {"__init__", "process"}
    # a role's subcommands stand beside it: energy.py, energy_parked.py
    assert {name.partition("_")[0] for name in modules} <= set(ROLES)
    for name, role in ROLES.items():
        assert f"  {name} " in shown
        assert role.help.split(",")[0] in shown


@pytest.mark.parametrize("name", list(ROLES))
def test_a_role_has_a_command_that_explains_itself(name: str) -> None:
    module, _, attribute = ROLES[name].target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.help
    with click.Context(main) as context:
        assert main.get_command(context, name) is command


def test_help_and_the_edge_load_little() -> None:
    program = (
        "import sys; from greencore.cli import main\n"
        "try: main({!r})\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in ('sqlalchemy', 'fastapi', 'web3', 'asyncpg', 'procrastinate', 'pymodbus') if m in sys.modules))"
    )
    for arguments, loaded in ((["--help"], "[]"), (["edge", "--help"], "['pymodbus']")):
        code = program.format(arguments)
        ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert ran.stdout.splitlines()[-1] == loaded


def test_every_variable_has_a_meaning() -> None:
    names: set[str] = set()
    for target in CLASSES.values():
        for variable in variables(target):
            assert variable.name.startswith("GREENCORE_"), variable
            assert variable.meaning, variable
            names.add(variable.name)
    shown = _run("settings").stdout
    assert all(name in shown for name in names)


def test_a_wrong_setting_is_named() -> None:
    ran = _run("api", GREENCORE_API_PORT="many")
    assert ran.returncode == 2
    assert "GREENCORE_API_PORT" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_bootstrap_can_be_read_by_an_old_python() -> None:
    source = (ROOT / ".ci" / "bootstrap.py").read_text()
    ast.parse(source, feature_version=(3, 7))
    imports = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imports <= set(sys.stdlib_module_names)


def test_make_knows_its_targets_and_ci_runs_them() -> None:
    for target in ("demo", "test", "bench", "lint", "fmt", "hooks"):
        ran = subprocess.run(["make", "-n", target, "BENCH=gas"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    assert "make test" in ci.read_text()


def test_a_second_setup_is_quick_and_quiet() -> None:
    command = [sys.executable, ".ci/bootstrap.py"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    begin = time.monotonic()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout == ""
    assert time.monotonic() - begin < 5
