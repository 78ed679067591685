# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The contracts compiled from the source as it is now.

Ape's own cache watches a contract's file and not the modules it imports, so after a change in a module it would go on
deploying the old code. The cache here is keyed by every file under contracts/ and by the compiler's and snekmate's versions.
"""

import json
import os
import site
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vyper import compile_code  # type: ignore[import-untyped]
from vyper.compiler.input_bundle import FilesystemInputBundle  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
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
    path = paths()[name]
    stored = CACHE / f"{name}-{_state()}.json"
    if stored.exists():
        made = json.loads(stored.read_text())
    else:
        made = _compile(path)
        CACHE.mkdir(parents=True, exist_ok=True)
        part = stored.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(made))
        part.replace(stored)
    creation, runtime = (bytes.fromhex(made[key].removeprefix("0x")) for key in ("bytecode", "bytecode_runtime"))
    return Compiled(name, made["abi"], creation, runtime)


@cache
def _state() -> str:
    """What a compilation depends on, as one hash."""
    state = sha256(f"{version('vyper')} {version('snekmate')}".encode())
    for path in sorted([*CONTRACTS.rglob("*.vy"), *CONTRACTS.rglob("*.vyi")]):
        state.update(f"\n{path.relative_to(ROOT)} ".encode() + sha256(path.read_bytes()).digest())
    return state.hexdigest()[:32]


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
