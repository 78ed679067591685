# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""All tests, in two lanes side by side: the code's, which mostly waits for servers, and the contracts', which mostly computes.

The first lane prints as it goes; what the second one printed follows when the first has ended. Needs nothing but Python.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".make" / "contracts.log"
_STEP_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Run `make test-code` beside `make test-contracts test-fuzz`; 0 only if all of them passed."""
    make = os.environ.get("MAKE", "make")
    given = [f"ARGS={shlex.join(arguments)}"] if arguments else []
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as output:
        beside = subprocess.Popen(
            [make, "--keep-going", "test-contracts", "test-fuzz", *given], cwd=ROOT, stdout=output, stderr=output
        )
    try:
        first = subprocess.run([make, "test-code", *given], cwd=ROOT, check=False).returncode
        print(f"· the contracts' lane, from its beginning ({LOG.relative_to(ROOT)})", flush=True)
        second = _follow(beside)
    except KeyboardInterrupt:
        beside.send_signal(signal.SIGINT)
        beside.wait()
        return 130
    return first or second


def _follow(beside: subprocess.Popen[bytes]) -> int:
    """Print what a process has written and still writes, until it ends; its exit code."""
    with LOG.open("rb") as log:
        while True:
            code = beside.poll()
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if code is not None:
                return code
            time.sleep(_STEP_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
