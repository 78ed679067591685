# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What every file of the project keeps to."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = 400
# Longer files and why one subject does not fit into fewer lines.
LONGER: dict[str, str] = {}
# Packages in which amounts are integers from end to end; a float there holds seconds of the wall clock at most.
EXACT = ("energy", "oracle", "chain", "indexer", "flows")


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """Files that git knows, or that stand in the folder where this is no checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return tuple(ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file())
    return tuple(path for pattern in patterns for path in ROOT.rglob(pattern) if ".venv" not in path.parts)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_too_long_to_have_one_subject() -> None:
    long = {
        _relative(path): count
        for path in tracked("*.py", "*.sh")
        if (count := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert set(long) <= set(LONGER), {name: long[name] for name in set(long) - set(LONGER)}
    assert set(LONGER) <= set(long), "an exception that is not needed any more"


def floats(source: str) -> Iterator[int]:
    """Lines with a fraction in them: a literal such as 0.5, or a call of `float`. Wall-clock constants are named so."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _is_path(node):
            yield node.lineno


def _is_path(node: ast.BinOp) -> bool:
    """`folder / "name"`: the operator of paths."""
    text = any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (node.left, node.right))
    left = node.left
    name = left.attr if isinstance(left, ast.Attribute) else left.id if isinstance(left, ast.Name) else ""
    return text or name.lower().strip("_").endswith(("path", "folder"))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("package", EXACT)
def test_nothing_that_somebody_owns_becomes_a_float(package: str) -> None:
    found = [f"{_relative(path)}:{line}" for path in tracked(f"{package}/*.py") for line in floats(path.read_text())]
    assert found == []


def test_a_float_would_be_found() -> None:
    assert list(floats("share = total / 2\nenergy = float(text)\npath = folder / 'name'\n")) == [1, 2]


def test_deployable_contracts_say_how_to_stop_them_and_explain_themselves() -> None:
    contracts = [path for path in tracked("contracts/*.vy") if path.stem[0].isupper() and "mocks" not in path.parts]
    assert len(contracts) >= 5
    for path in contracts:
        text = path.read_text()
        header = text.split('"""')[1]
        for tag in ("@title", "@notice", "@custom:kill", "@custom:contract-name", "@license"):
            assert tag in header, (path.name, tag)
        for name, after in re.findall(
            r"^@external\n(?:@\w+(?:\([^)]*\))?\n)*def (\w+)\([^:]*?\)(?: -> [^:]+)?:\n(.*?)(?=\n\n|\Z)",
            text,
            re.MULTILINE | re.DOTALL,
        ):
            assert '"""' in after.splitlines()[0] + after, f"{path.name}: {name} has no NatSpec"


def test_no_machine_s_path_is_told() -> None:
    secret = re.compile(r"(?<![\w.$])/(?:work|root|home|Users|tmp)/[A-Za-z0-9._-]+")
    found = []
    for path in tracked():
        if path.suffix in {".lock", ".svg", ".csv", ".png"} or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="ignore").splitlines(), 1):
            if secret.search(line):
                found.append(f"{_relative(path)}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("reuse", "lint", "--quiet")]
)
def test_the_linters_are_content(command: tuple[str, ...]) -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
