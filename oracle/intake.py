# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How readings come to a node: from the event stream, or from a peer that has what this node missed.

Either way the node checks the device's signature itself, against the registry as it has read it from the chain.
"""

from collections.abc import Sequence
from itertools import groupby

from edge.protocol import ProtocolError, ReceiptLine, SignedInterval, decode
from energy.ingest.service import IngestService
from kit import logs
from kit.clock import Clock, FixedClock
from kit.database import Database
from kit.settings import Mode
from kit.stream import Message
from kit.units import Utility
from oracle.utilities import queue_of

log = logs.get(__name__)

_INTERVALS_PER_TRANSACTION = 2_000


class Intake:
    """A node's own ingest: it queues what is new for the next report and publishes nothing."""

    def __init__(
        self, database: Database, clock: Clock, mode: Mode, *, utilities: Sequence[int] = (Utility.E,)
    ) -> None:
        self._database = database
        self._mode = mode
        self._queues = tuple(queue_of(utility) for utility in utilities)
        self._present = self._at(clock)

    async def take(self, deliveries: Sequence[SignedInterval]) -> set[bytes]:
        """Store what passes the checks, in one transaction. What doesn't is kept as a rejection with its reason. Returns the hashes
        of those that are stored now.
        """
        if not deliveries:
            return set()
        async with self._database.transaction() as session:
            return _stored(await self._present.ingest(session, deliveries, "feed"))

    async def take_counted(self, deliveries: Sequence[SignedInterval]) -> set[bytes]:
        """Store readings that an accepted report counts, each checked as of its own time: a node that was away for long, or is
        new, must be able to follow the chain, and what was in time for the quorum is too old by now.
        """
        ordered = sorted(deliveries, key=lambda delivery: delivery.interval.slot)
        stored: set[bytes] = set()
        async with self._database.transaction() as session:
            for _, group in groupby(ordered, key=lambda delivery: delivery.interval.slot):
                batch = list(group)
                service = self._at(FixedClock(batch[0].interval.end))
                stored |= _stored(await service.ingest(session, batch, "feed"))
        return stored

    async def retry(self) -> None:
        """Try again what time may have healed, as a reading that came before its meter was mirrored."""
        async with self._database.transaction() as session:
            await self._present.retry(session)

    async def handle(self, messages: list[Message]) -> None:
        """Take a batch of `event.energy.reading_stored` events, each an interval or an envelope: the handler for
        `kit.stream.consume`. A bounded number of intervals is one transaction.
        """
        deliveries: list[SignedInterval] = []
        for message in messages:
            try:
                deliveries += decode(message.data)
            except ProtocolError as error:
                log.warning("reading.unreadable", sequence=message.sequence, code=error.code, error=str(error))
            if len(deliveries) >= _INTERVALS_PER_TRANSACTION:
                await self.take(deliveries)
                deliveries = []
        await self.take(deliveries)

    def _at(self, clock: Clock) -> IngestService:
        return IngestService(clock, self._mode, queues=self._queues, publish=False)


def _stored(lines: Sequence[ReceiptLine]) -> set[bytes]:
    stored = set()
    for line in lines:
        if line.status in ("rejected", "conflict"):
            log.warning("reading.refused", hash=line.hash, status=line.status, code=line.code, detail=line.detail)
        else:
            stored.add(bytes.fromhex(line.hash[2:]))
    return stored
