# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Write the contracts' ABIs to chain/abi, or check that they are fresh.

python -m scripts.export_abi           compile and write
python -m scripts.export_abi --check   compile, compare, exit 1 on a difference
"""

import json
import sys
from importlib.metadata import version

from scripts._source import ROOT, compile_all, compiled, deployables

ABI = ROOT / "chain" / "abi"


def main(arguments: list[str]) -> int:
    """Write or check every ABI; return the exit code."""
    check = "--check" in arguments
    stale = []
    compile_all(deployables())
    wanted = {f"{name}.json": json.dumps(compiled(name).abi, indent=1) + "\n" for name in deployables()}
    for name, text in wanted.items():
        target = ABI / name
        if not target.exists() or target.read_text() != text:
            stale.append(name)
            if not check:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
    stale += [path.name for path in ABI.glob("*.json") if path.name not in wanted]
    print(f"vyper {version('vyper')}: {len(wanted)} ABIs, {', '.join(stale) or 'all fresh'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
