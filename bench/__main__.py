# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m bench <name> [options]` runs one measurement; without a name it lists them."""

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def names() -> dict[str, str]:
    """Every bench with the first line of what it says of itself: the modules that can be run."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        source = path.read_text()
        if 'if __name__ == "__main__"' in source and path != Path(__file__):
            found[path.stem] = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return found


def main() -> None:
    """Run the bench that is named."""
    known = names()
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        print(
            "which? python -m bench <name>, one of:",
            *(f"  {name:<10} {line}" for name, line in known.items()),
            sep="\n",
        )
        raise SystemExit(2)
    module = f"bench.{sys.argv.pop(1)}"
    runpy.run_module(module, run_name="__main__", alter_sys=True)


main()
