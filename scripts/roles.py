# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who may call what, read from the contracts' source and written into docs/contracts.md.

python -m scripts.roles           write
python -m scripts.roles --check   compare, exit 1 on a difference
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from vyper import ast as vy  # type: ignore[import-untyped]

from scripts._source import ROOT, deployables, paths

PAGE = ROOT / "docs" / "contracts.md"
BEGIN, END = "<!-- roles: begin (python -m scripts.roles) -->", "<!-- roles: end -->"

OWNER, PENDING, ANYBODY = "owner", "pending owner", "anybody"
# What a check in the source means, first match first. `$1` is what the pattern's group found.
CHECKS = (
    (r"guardians.*msg\.sender == ownable\.owner|msg\.sender == ownable\.owner.*guardians", "guardians, owner"),
    (r"\.guardians\(msg\.sender\)", "guardians"),
    (r"msg\.sender == guard\b", "Guard"),
    (r"^msg\.sender == treasury\b", "Treasury"),
    (r"msg\.sender == book\b", "OrderBook"),
    (r"msg\.sender == vault\b", "Vault"),
    (r"msg\.sender == governor\b", "Governor"),
    (r"msg\.sender == self$", "a proposal that won"),
    (r"msg\.sender == self\.(arbiter)\b", "$1"),
    (r"msg\.sender == (?:self\._expected|token\b|energy_token\b)", "a token, while it moves"),
    (r"^self\.(\w+)\[msg\.sender\]$", "$1"),
    (r"^self\.(attesters)\[", "anybody, with a signature of the $1"),
)
QUORUM = "anybody, with the signatures of a quorum"
ORDER = (OWNER, PENDING, "guardians, owner", "guardians", "guardians, others on conditions", "Guard")
EXPORTED = {"transfer_ownership": OWNER, "accept_ownership": PENDING}


def roles(name: str) -> dict[str, list[str]]:
    """The functions of a contract that change something, by who may call them."""
    tree = _tree(paths()[name])
    functions = {node.name: node for node in tree.get_children(vy.FunctionDef)}
    found: dict[str, list[str]] = {}
    for function in functions.values():
        marks = {getattr(mark, "id", "") for mark in function.decorator_list}
        if "external" in marks and not marks & {"view", "pure"}:
            who = next(iter(_checks(function, functions, frozenset())), ANYBODY)
            found.setdefault(who, []).append(function.name)
    for exported in _exports(tree):
        if exported in EXPORTED:
            found.setdefault(EXPORTED[exported], []).append(exported)
        elif exported in CHANGING:
            found.setdefault(ANYBODY, []).append(exported)
    return {who: found[who] for who in sorted(found, key=_rank)}


# What snekmate's modules export that changes something, beside ownerships.
CHANGING = frozenset(
    {"transfer", "transferFrom", "approve", "permit", "setApprovalForAll", "safeTransferFrom", "safeBatchTransferFrom"}
)


def page(text: str) -> str:
    """The documentation with a fresh list between its marks. Raises ValueError if the marks are not there."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n\n{_table()}\n\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write or check the list; return the exit code."""
    text = PAGE.read_text()
    fresh = page(text)
    if fresh == text:
        print("roles: fresh")
        return 0
    if "--check" in arguments:
        print(f"roles: {PAGE.relative_to(ROOT)} is not what the contracts say; run python -m scripts.roles")
        return 1
    PAGE.write_text(fresh)
    print(f"roles: written to {PAGE.relative_to(ROOT)}")
    return 0


def _table() -> str:
    lines = ["| contract | who | may call |", "|---|---|---|"]
    for name in deployables():
        shown = f"`{name}`"
        for who, functions in roles(name).items():
            lines.append(f"| {shown} | {who} | {', '.join(f'`{one}`' for one in sorted(functions))} |")
            shown = ""
    return "\n".join(lines)


def _rank(who: str) -> tuple[int, str]:
    if who.startswith(ANYBODY):
        return len(ORDER) + 1, who
    return (ORDER.index(who) if who in ORDER else len(ORDER)), who


def _checks(function: vy.FunctionDef, functions: dict[str, vy.FunctionDef], seen: frozenset[str]) -> Iterator[str]:
    """What a function and those that it calls ask of the caller."""
    for node in function.get_descendants((vy.Assert, vy.Call)):
        if isinstance(node, vy.Assert):
            condition = " ".join(node.test.node_source_code.split())
            for pattern, who in CHECKS:
                if match := re.search(pattern, condition):
                    named = who.replace("$1", match.group(1)) if "$1" in who else who
                    yield named if isinstance(node.get_ancestor(), vy.FunctionDef) else f"{named}, others on conditions"
                    break
        else:
            called = node.func.node_source_code
            if called == "ownable._check_owner":
                yield OWNER
            elif called in ("quorum._check_quorum", "ecrecover"):
                yield QUORUM
            elif called.startswith("self._") and called[5:] in functions and called not in seen:
                yield from _checks(functions[called[5:]], functions, seen | {called})


def _exports(tree: vy.Module) -> Iterator[str]:
    for node in tree.get_children(vy.ExportsDecl):
        for attribute in node.get_descendants(vy.Attribute):
            yield attribute.attr


@cache
def _tree(path: Path) -> vy.Module:
    return vy.parse_to_ast(path.read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
