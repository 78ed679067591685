# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How readings come to a node: from the event stream, or from a peer that has what this node missed.

Either way the node checks the device's signature itself, against the registry as it has read it from the chain.
"""

from collections.abc import Sequence

from edge.protocol import ProtocolError, SignedInterval, decode
from energy.ingest.service import IngestService
from kit import logs
from kit.database import Database
from kit.stream import Message

log = logs.get(__name__)


class Intake:
    """A node's own ingest. Give it an IngestService with the queue `oracle` that publishes nothing."""

    def __init__(self, database: Database, ingest: IngestService) -> None:
        self._database = database
        self._ingest = ingest

    async def take(self, deliveries: Sequence[SignedInterval]) -> None:
        """Store what passes the checks, in one transaction. What doesn't is kept as a rejection with its reason."""
        if not deliveries:
            return
        async with self._database.transaction() as session:
            lines = await self._ingest.ingest(session, deliveries, "feed")
        for line in lines:
            if line.status in ("rejected", "conflict"):
                log.warning("reading.refused", hash=line.hash, status=line.status, code=line.code, detail=line.detail)

    async def handle(self, messages: list[Message]) -> None:
        """Take a batch of `event.energy.reading_stored` events: the handler for `kit.stream.consume`."""
        deliveries: list[SignedInterval] = []
        for message in messages:
            try:
                deliveries += decode(message.data)
            except ProtocolError as error:
                log.warning("reading.unreadable", sequence=message.sequence, code=error.code, error=str(error))
        await self.take(deliveries)
