# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings come in: checked, stored once and for ever, told to everyone who waits for them."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import ReceiptLine, SignedInterval
from kit.clock import Clock
from kit.settings import Mode

Transport = Literal["rest", "mqtt", "feed", "replay"]
QUALITY = "quality"
ORACLE = "oracle"


class IngestService:
    """The way in, the same for the platform (REST, MQTT) and for an oracle node (the feed).

    `queues` names who works on new readings in this database: `quality` on the platform, `oracle` on a node. `publish` tells the
    event stream of every new reading (the platform does, a node does not).
    """

    def __init__(self, clock: Clock, mode: Mode, *, queues: Sequence[str] = (QUALITY,), publish: bool = True) -> None:
        self._clock = clock
        self._mode = mode
        self._queues = tuple(queues)
        self._publish = publish

    async def ingest(
        self, session: AsyncSession, deliveries: Sequence[SignedInterval], transport: Transport
    ) -> list[ReceiptLine]:
        """Store a batch in the caller's transaction; one line for each delivery, in their order. Never commits.

        What was wrong is data, not an exception: `rejected` with a code and a reason, kept in energy_rejection. Lines are
        true only after the commit.
        """
        raise NotImplementedError  # in the next commit
