# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Mutation run: how many small mistakes in a contract its quick tests find.

    make bench BENCH=mutation ARGS="--contract Vault --budget 600"

A mistake is put into a copy of the checkout, the contract is compiled, and its models run until the first failure; if
they all pass, `--unit` lets its Ape tests try too. Mutants come in a seeded random order until the budget (seconds) is
spent, so two runs with one seed try the same ones first. Survivors are printed: each wants a test or an explanation in
docs/mutation.md. Nothing of the checkout is touched.
"""

import argparse
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure, finish, machine
from bench.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parent.parent
FUZZ, UNIT = "tests/contracts/fuzz", "tests/contracts/unit"
KILLED, UNIT_KILLED, SURVIVED, INVALID = "killed by models", "killed by unit tests", "survived", "does not compile"
NOT_COMPILED = 86  # exit code of a child; no pytest exit code
PRELOAD = ("boa", "eth_abi", "hypothesis.stateful", "pytest", "sqlalchemy", "vyper.compiler.output", "web3")
COPIED = ("bench", "contracts", "tests", "scripts", "pyproject.toml", "ape-config.yaml", ".build")


@dataclass(frozen=True)
class Target:
    """A contract, and the tests that know it: models first, Ape tests by folder."""

    path: str
    models: tuple[str, ...]
    units: tuple[str, ...]


TARGETS = {
    "OrderBook": Target("market/OrderBook.vy", ("book/test_contract.py",), ("order_book",)),
    "Vault": Target("market/Vault.vy", ("book/test_contract.py",), ("vault", "order_book")),
    "Pool": Target("market/Pool.vy", ("pool",), ("pool",)),
    "Router": Target("market/Router.vy", ("router/test_router_twin.py", "router/test_router_hostile.py"), ("router",)),
    "GCM": Target("market/GCM.vy", ("stateful/test_index.py",), ("index",)),
    "GCC": Target("market/GCC.vy", ("stateful/test_index.py",), ("index",)),
    "Certificates": Target("market/Certificates.vy", ("test_survivors.py", "certificates"), ("certificates",)),
    "FiatEscrow": Target("market/FiatEscrow.vy", ("test_survivors.py", "test_fiat_escrow.py"), ("fiat_escrow",)),
    "Marketplace": Target("market/Marketplace.vy", ("test_marketplace.py",), ("marketplace",)),
    "VotingLock": Target("governance/VotingLock.vy", ("test_governor.py",), ("governor",)),
    "Governor": Target("governance/Governor.vy", ("test_governor.py",), ("governor",)),
}


@dataclass
class Result:
    """What became of a contract's mutants."""

    total: int
    counts: Counter[str] = field(default_factory=Counter)
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """Mutants that compiled and were tested."""
        return self.counts.total() - self.counts[INVALID]


class Tree:
    """A copy of what the tests of contracts read; everything else is linked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in ROOT.iterdir():
            if path.name in COPIED:
                copy = shutil.copytree if path.is_dir() else shutil.copy
                copy(path, folder / path.name)
            elif path.name != ".git":
                (folder / path.name).symlink_to(path)

    def source(self, target: Target) -> Path:
        """A contract's file in the copy."""
        return self.folder / "contracts" / target.path


def run_models(tree: Tree, name: str, tests: Sequence[str], seconds: float) -> int:
    """Compile and test in a child of this process, which has imported what takes long. Returns pytest's exit code."""
    child = os.fork()
    if child == 0:
        os.chdir(tree.folder)
        sys.path.insert(0, str(tree.folder))
        for module in [m for m in sys.modules if m.split(".")[0] in ("bench", "tests")]:
            del sys.modules[module]
        silence = os.open(tree.folder / "child.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = NOT_COMPILED
        try:
            _compile(name)
            pytest = importlib.import_module("pytest")
            paths = [f"{FUZZ}/{test}" for test in tests]
            code = int(
                pytest.main(["-q", "-x", "--assert=plain", "-p", "no:ape_test", "-p", "no:cacheprovider", *paths])
            )
        except BaseException:  # whatever it is, the child must not go on as its parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return _wait(child, seconds)


def _compile(name: str) -> None:
    """A mutant that does not compile ends the child with its own code; a compiled one stays in memory for the tests."""
    importlib.import_module("boa.interpret").disable_cache()
    importlib.import_module("bench.contracts").artifact(name)


def _wait(child: int, seconds: float) -> int:
    """The child's exit code; one that takes too long is killed, and that counts as found."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def run_units(tree: Tree, tests: Sequence[str], seconds: float) -> bool:
    """Whether the Ape tests pass too."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:boa_test", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(tree.folder)}
    try:
        return not subprocess.run(
            [*command, *(f"{UNIT}/{test}" for test in tests)],
            cwd=tree.folder, env=environment, capture_output=True, timeout=seconds, check=False,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return False


def examine(name: str, *, budget: float, seed: int, units: bool, skip: int) -> Result:
    """Try mutants of a contract until the time is over. Raises RuntimeError when its tests fail without any mistake."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="gc-mutants-") as folder:
        tree = Tree(Path(folder))
        file = tree.source(target)
        original = file.read_text()
        begun = time.monotonic()
        if run_models(tree, name, target.models, 3_600):
            log = (tree.folder / "child.log").read_text()[-2_000:]
            raise RuntimeError(f"the tests of {name} fail as it is:\n{log}")
        patience = 5 * (time.monotonic() - begun) + 60
        chosen = mutants(original)
        result = Result(len(chosen))
        random.Random(seed).shuffle(chosen)  # which mistake comes first is no secret
        end = time.monotonic() + budget
        for mutant in chosen[skip:]:
            if time.monotonic() > end:
                break
            file.write_text(mutant.apply(original))
            outcome = _outcome(tree, name, target, patience, units=units)
            result.counts[outcome] += 1
            if outcome == SURVIVED:
                result.survivors.append(mutant)
                print(f"  {name} survives {mutant}", flush=True)
    return result


def _outcome(tree: Tree, name: str, target: Target, patience: float, *, units: bool) -> str:
    code = run_models(tree, name, target.models, patience)
    if code == NOT_COMPILED:
        return INVALID
    if code:
        return KILLED
    return SURVIVED if not units or run_units(tree, target.units, 20 * 60) else UNIT_KILLED


def main() -> None:
    """Examine the contracts that are named."""
    parser = argparse.ArgumentParser(prog="mutation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contract", action="append", choices=sorted(TARGETS), help="default: all of them")
    parser.add_argument("--budget", type=float, default=600, help="seconds for each contract")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="mutants of this seed that an earlier run tried")
    parser.add_argument("--unit", action="store_true", help="let the Ape tests try what the models let live")
    asked = parser.parse_args()
    os.environ["GREENCORE_SHRINK"] = "no"
    for module in PRELOAD:
        importlib.import_module(module)
    print(f"machine: {machine()}; seed {asked.seed}", flush=True)
    figures = []
    for name in asked.contract or TARGETS:
        result = examine(name, budget=asked.budget, seed=asked.seed, units=asked.unit, skip=asked.skip)
        killed = result.tried - result.counts[SURVIVED]
        print(f"{name}: {killed} of {result.tried} found ({result.total} known), {dict(result.counts)}", flush=True)
        if result.tried:
            figures.append(Figure(f"mutation_{name.lower()}", killed / result.tried, "share found", result.tried))
    finish(figures)


if __name__ == "__main__":
    main()
