# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Write the contracts' ABIs to chain/abi, or check that they are fresh.

python scripts/export_abi.py           compile and write
python scripts/export_abi.py --check   compile, compare, exit 1 on a difference
"""

import json
import site
import sys
from pathlib import Path

from vyper import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.utils import get_long_version

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ABI = ROOT / "chain" / "abi"


def deployables() -> list[Path]:
    """Return the contracts that are deployed: CamelCase files outside mocks and interfaces."""
    return sorted(
        path
        for path in CONTRACTS.rglob("*.vy")
        if path.stem[0].isupper() and path.parent.name not in {"mocks", "interfaces"}
    )


def abi_text(path: Path) -> str:
    """Compile one contract and return its ABI as the text of a file."""
    bundle = FilesystemInputBundle([*map(Path, site.getsitepackages()), ROOT])
    with bundle.search_path(ROOT):
        file = bundle.load_file(path)
    output = compile_code(file.source_code, input_bundle=bundle, output_formats=["abi"], contract_path=str(path))
    return json.dumps(output["abi"], indent=1) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check every ABI; return the exit code."""
    check = "--check" in arguments
    stale = []
    wanted = {f"{path.stem}.json": abi_text(path) for path in deployables()}
    for name, text in wanted.items():
        target = ABI / name
        if not target.exists() or target.read_text() != text:
            stale.append(name)
            if not check:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
    stale += [path.name for path in ABI.glob("*.json") if path.name not in wanted]
    print(f"vyper {get_long_version()}: {len(wanted)} ABIs, {', '.join(stale) or 'all fresh'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
