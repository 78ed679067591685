# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contracts compiled from the source as it is now.

Ape's own cache watches a contract's file and not the modules it imports, so after a change in a module it would go on
deploying the old code. The cache here is keyed by a file, by all that it imports, and by the compiler's and snekmate's versions.
"""

import json
import os
import re
import site
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from vyper import compile_code  # type: ignore[import-untyped]
from vyper.compiler.input_bundle import FilesystemInputBundle  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
_IMPORT = re.compile(r"^from (contracts[\w.]*) import (.+)$", re.MULTILINE)
_OTHER_IMPORT = re.compile(r"^(import contracts|from \.|from contracts[\w.]* import \()", re.MULTILINE)
_IMMUTABLE = re.compile(r"^(\w+): public\(immutable\(", re.MULTILINE)
CACHE = ROOT / ".cache" / "contracts"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A contract's name, ABI, creation code, and the part of the deployed code in front of its immutables."""

    name: str
    abi: list[dict[str, Any]]
    creation: bytes
    runtime: bytes


@cache
def paths() -> dict[str, Path]:
    """Every contract by its name: CamelCase files are deployable, snake_case ones are modules."""
    return {path.stem: path for path in sorted(CONTRACTS.rglob("*.vy")) if path.stem[0].isupper()}


def deployables() -> list[str]:
    """The contracts that make up the house: no mocks."""
    return [name for name, path in paths().items() if path.parent.name != "mocks"]


@cache
def compiled(name: str) -> Compiled:
    """Compile a contract by its name. Raises KeyError for an unknown one, and the compiler's own errors."""
    stored = _stored(name)
    if stored.exists():
        made = json.loads(stored.read_text())
    else:
        made = _compile(paths()[name])
        CACHE.mkdir(parents=True, exist_ok=True)
        part = stored.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(made))
        part.replace(stored)
    creation, runtime = (bytes.fromhex(made[key].removeprefix("0x")) for key in ("bytecode", "bytecode_runtime"))
    return Compiled(name, made["abi"], creation, runtime)


def compile_all(names: Iterable[str]) -> None:
    """Compile what is not in the cache yet, on all processors. Raises CalledProcessError if one does not compile."""
    missing = [name for name in dict.fromkeys(names) if not _stored(name).exists()]
    if len(missing) < 2:
        return
    # The largest first, dealt in turn: processors end at about the same time.
    missing.sort(key=lambda name: -paths()[name].stat().st_size)
    workers = min(len(missing), os.cpu_count() or 1)
    code = "import sys; from scripts._source import compiled; [compiled(name) for name in sys.argv[1:]]"
    commands = [[sys.executable, "-c", code, *missing[first::workers]] for first in range(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, cwd=ROOT, env=environment) for command in commands]
    for process, command in zip(running, commands, strict=True):
        if failed := process.wait():
            raise subprocess.CalledProcessError(failed, command)


def _stored(name: str) -> Path:
    return CACHE / f"{name}-{_state(paths()[name])}.json"


@cache
def _state(path: Path) -> str:
    """What the compilation of a file depends on, as one hash: itself, what it imports of ours, and the versions of the rest."""
    state = sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for part in sorted(_imported(path, frozenset())):
        state.update(f"\n{part.relative_to(ROOT)} ".encode() + sha256(part.read_bytes()).digest())
    return state.hexdigest()[:32]


def _imported(path: Path, known: frozenset[Path]) -> frozenset[Path]:
    """A file, and all of ours that it imports, and what those import."""
    known |= {path}
    text = path.read_text()
    if _OTHER_IMPORT.search(text):
        raise ValueError(f"{path}: import ours as `from contracts.folder import name`; the cache follows nothing else")
    for package, names in _IMPORT.findall(text):
        for name in names.split(","):
            folder = ROOT.joinpath(*package.split("."))
            found = {folder / f"{name.split()[0]}{suffix}" for suffix in (".vy", ".vyi")}
            for part in found - known:
                if part.exists():
                    known = _imported(part, known)
    return known


def _compile(path: Path) -> dict[str, Any]:
    bundle = FilesystemInputBundle([*map(Path, site.getsitepackages()), ROOT])
    with bundle.search_path(ROOT):
        file = bundle.load_file(path)
    made: dict[str, Any] = compile_code(
        file.source_code,
        input_bundle=bundle,
        output_formats=["abi", "bytecode", "bytecode_runtime"],
        contract_path=str(path.relative_to(ROOT)),
    )
    return made


@cache
def immutables(name: str) -> list[str]:
    """The immutables of a contract that it tells of by a getter."""
    return _IMMUTABLE.findall(paths()[name].read_text())


def creation(name: str, arguments: Sequence[Any]) -> bytes:
    """The bytes that make a contract with these arguments."""
    inputs = [item for entry in compiled(name).abi if entry["type"] == "constructor" for item in entry["inputs"]]
    return compiled(name).creation + encode([_type(item) for item in inputs], arguments)


def _type(item: dict[str, Any]) -> str:
    kind: str = item["type"]
    if kind.startswith("tuple"):
        return f"({','.join(_type(part) for part in item['components'])}){kind[len('tuple') :]}"
    return kind
