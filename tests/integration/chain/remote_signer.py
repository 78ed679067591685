# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Starting the remote signer's sandbox, for tests of the client and of a node."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from greencore.embedded.ports import free_ports
from tests.conftest import ROOT

_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Remote:
    """A running sandbox."""

    url: str
    process: "subprocess.Popen[bytes]"

    def behave(self, mode: str) -> int:
        """Change how it behaves; returns how many signatures were asked for until now."""
        answer = httpx.post(f"{self.url}/sandbox", json={"mode": mode}, trust_env=False)
        return int(answer.json()["asked"])


@contextmanager
def sandbox(*keys: bytes) -> Iterator[Remote]:
    """A sandbox with some keys, up until the block ends."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.integration.chain.signer_sandbox", str(port)]
    with subprocess.Popen([*command, *("0x" + key.hex() for key in keys)], cwd=ROOT) as process:
        remote = Remote(f"http://127.0.0.1:{port}", process)
        try:
            until = time.monotonic() + _START_SECONDS
            while not _is_up(remote):
                assert process.poll() is None, "the sandbox ended"
                assert time.monotonic() < until, "the sandbox does not start"
                time.sleep(0.1)
            yield remote
        finally:
            process.kill()


def _is_up(remote: Remote) -> bool:
    try:
        return httpx.get(f"{remote.url}/upcheck", trust_env=False).text == "OK"
    except httpx.HTTPError:
        return False
