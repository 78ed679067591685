# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a projection is: code that turns the logs of some events into rows, and can take them back.

A projection's rows are a function of the logs alone. The indexer calls it within the transaction that stores the logs and moves the
cursor, so its rows are always those of exactly the blocks up to the cursor.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession


class DecodedLog(msgspec.Struct, frozen=True, gc=False):
    """One log of one of our contracts.

    `args` holds the event's arguments by the names of the ABI: integers as int, addresses as 20 bytes, bytesN as bytes, arrays as
    lists. `block_time` is UTC. A log that the ABI does not know has an empty `event`, and `topics` and `data` as its args.
    """

    contract: str
    event: str
    args: Mapping[str, Any]
    address: bytes
    block_number: int
    block_hash: bytes
    block_time: datetime
    tx_hash: bytes
    log_index: int

    @property
    def key(self) -> str:
        """`Contract.Event`, as `Projection.events` names it."""
        return f"{self.contract}.{self.event}"


class Projection(Protocol):
    """Rows derived from logs. Neither method commits, neither talks to the network."""

    name: str
    events: frozenset[str]
    """Which logs it wants, each as `Contract.Event`."""

    async def apply(self, session: AsyncSession, logs: Sequence[DecodedLog]) -> None:
        """Take the batch's logs of these events, in the chain's order. Not called when there are none."""
        ...

    async def revert(self, session: AsyncSession, from_block: int) -> None:
        """Undo every block from `from_block` on, which is included.

        Called before the indexer deletes its own event rows of those blocks, so both what goes and what stays can still be read.
        """
        ...
