# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom. Each rule is also shown to be able to fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "greencore",
    "api",
    "flows",
    "oracle",
    "energy",
    "indexer",
    "chain",
    "kit",
    "edge",
    "simulator",
    "migrations",
)


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_house_keeps_its_rules() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout[-4000:]


# One violation of each kind: where it is planted, what it imports, whose rule it breaks.
PLANTED = (
    ("energy/planted.py", "oracle.models", "The house is built in layers"),
    ("energy/sibling.py", "indexer.models", "The house is built in layers"),
    ("kit/planted.py", "chain.rpc", "The house is built in layers"),
    ("flows/planted.py", "api.settings", "The house is built in layers"),
    ("edge/planted.py", "kit.units", "The edge imports nothing of ours"),
    ("energy/curious.py", "edge.buffer.store", "Others import the protocol of the edge only"),
    ("simulator/planted.py", "edge.meters.registers", "The simulator imports nothing of ours"),
    ("oracle/planted.py", "simulator.profile", "Nobody knows the simulator"),
    ("oracle/quorum/rules.py", "kit.database", "Rules know no database"),
    ("energy/settle/rules.py", "httpx", "Rules know no database"),
    ("chain/planted.py", "migrations.env", "Migrations are for the command"),
)


def test_planted_violations_are_found(tmp_path: Path) -> None:
    ours = shutil.ignore_patterns("__pycache__", "*.csv", "*.json", "static")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ours)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for path, imported, _ in PLANTED:
        with (tmp_path / path).open("a") as file:
            file.write(f"\nimport {imported}\n")
    result = _lint(tmp_path)
    assert result.returncode == 1, result.stdout[-2000:] + result.stderr[-2000:]
    # title, rule, text, title, rule, text, …
    _, *told = re.split(r"^(.+)\n-{10,}$", result.stdout.partition("Broken contracts")[2], flags=re.MULTILINE)
    sections = dict(zip(told[::2], told[1::2], strict=True))
    for path, imported, contract in PLANTED:
        module = path.removesuffix(".py").replace("/", ".")
        (section,) = (text for title, text in sections.items() if title.startswith(contract))
        assert f"{module} -> {imported}" in section, (path, imported)
