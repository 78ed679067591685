# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node that is killed by the system after its decision is committed and before anybody has its signature.

`python -m tests.integration.oracle.killed_node DATABASE RPC DEPLOYMENT REQUEST`: ends by SIGKILL, or with 0 if it was never asked
to sign.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chain.deployment import Deployment
from chain.rpc import Rpc
from energy.policies.book import book
from kit.clock import SystemClock
from kit.database import Database
from kit.settings import Mode
from oracle.node import Node, Parts
from oracle.quorum.messages import SignRequest
from oracle.settings import OracleSettings
from tests.integration.oracle.grid import account


class Killed:
    """A signer whose process dies as it is asked."""

    address = account(4).address

    async def sign(self, message: bytes) -> bytes:
        """Does not return."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(message)

    async def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Is not asked."""
        raise AssertionError(transaction)

    async def close(self) -> None:
        """Nothing is open."""


async def main(database_url: str, rpc_url: str, deployment: Deployment, request: SignRequest) -> None:
    """Decide and be killed."""
    database, rpc = Database(database_url), Rpc(rpc_url)
    parts = Parts(database, rpc, deployment, Killed(), SystemClock(), Mode.DEMO, book())
    node = Node(parts, OracleSettings(), peers=[])
    await node.desk.seal(request, None)


if __name__ == "__main__":
    made = Deployment.load(Path(sys.argv[3]))
    asyncio.run(main(sys.argv[1], sys.argv[2], made, SignRequest.from_json(Path(sys.argv[4]).read_bytes())))
