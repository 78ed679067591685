# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings come in: checked, stored once and for ever, told to everyone who waits for them."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import Interval, ProtocolError, ReceiptLine, SignedInterval, Status, decode
from energy.ingest import store
from energy.ingest.rejections import Rejected, due_rejections, keep_rejections, postpone
from energy.ingest.rules import AGE_MAX, Refusal, check
from energy.ingest.store import Candidate
from energy.partitions import Partitions
from kit.clock import Clock
from kit.settings import Mode

Transport = Literal["rest", "mqtt", "feed", "replay", "import"]
QUALITY = "quality"
ORACLE = "oracle"


class IngestService:
    """The way in, the same for the platform (REST, MQTT) and for an oracle node (the feed).

    `queues` names who works on new readings in this database: `quality` on the platform, `oracle` on a node. `publish` tells
    the event stream of every new reading (the platform does, a node does not). `age_max`: older ones are refused; only
    what nobody counts, such as imported history, may be older than `AGE_MAX`.
    """

    def __init__(
        self,
        clock: Clock,
        mode: Mode,
        *,
        queues: Sequence[str] = (QUALITY,),
        publish: bool = True,
        age_max: timedelta = AGE_MAX,
    ) -> None:
        self._clock = clock
        self._mode = mode
        self._queues = tuple(queues)
        self._publish = publish
        self._age_max = age_max
        self._partitions = Partitions()

    async def ingest(
        self,
        session: AsyncSession,
        deliveries: Sequence[SignedInterval],
        transport: Transport,
        *,
        senders: Sequence[UUID | None] | None = None,
    ) -> list[ReceiptLine]:
        """Store a batch in the caller's transaction; one line for each delivery, in their order. Never commits.

        What was wrong is data, not an exception: `rejected` with a code and a reason, kept in energy_rejection. Lines are
        true only after the commit. `senders` names the station whose door each came by, where doors tell.
        """
        now = self._clock.now()
        enrolments = await store.enrolments(session, {delivery.interval.home_id for delivery in deliveries})
        lines: list[ReceiptLine | None] = [None] * len(deliveries)
        candidates: list[tuple[int, Candidate]] = []
        refused: list[Rejected] = []
        for index, delivery in enumerate(deliveries):
            sender = senders[index] if senders is not None else None
            enrolment = enrolments.get(delivery.interval.home_id)
            found = check(delivery, enrolment, now=now, mode=self._mode, sender=sender, age_max=self._age_max)
            hashed = delivery.hash
            if isinstance(found, Refusal):
                refused.append(_rejected(delivery, hashed, found, transport))
                lines[index] = _line(delivery.interval, hashed, "rejected", found.code, found.detail)
            else:
                candidates.append((index, Candidate(delivery, hashed, found)))
        if candidates:
            for index, candidate, status in await self._store(session, candidates, transport):
                detail = (
                    "other bytes are stored for this slot; these were kept for audit" if status == "conflict" else ""
                )
                code = "telemetry.conflict" if status == "conflict" else ""
                lines[index] = _line(candidate.delivery.interval, candidate.hash, status, code, detail)
        if refused:
            await keep_rejections(session, refused, now, again=transport == "replay")
        return [line for line in lines if line is not None]

    async def refuse(
        self, session: AsyncSession, data: bytes, error: ProtocolError, transport: Transport, *, sender: UUID | None
    ) -> None:
        """Keep bytes that could not be read, with the reason. Never commits."""
        rejected = Rejected(hashlib.sha256(data).digest(), error.code, str(error), sender, None, None, data, transport)
        await keep_rejections(session, [rejected], self._clock.now())

    async def retry(self, session: AsyncSession, *, limit: int = 500) -> int:
        """Try again what time may have healed: a meter that the registry knows by now, a clock that was ahead.

        Returns how many were tried. Those that fail again wait longer, at last for an operator. Never commits.
        """
        now = self._clock.now()
        due = await due_rejections(session, now, limit)
        deliveries = [(row, one) for row in due for one in decode(row.payload)]
        lines = await self.ingest(session, [one for _, one in deliveries], "replay") if deliveries else []
        for (row, _), line in zip(deliveries, lines, strict=True):
            if line.status == "rejected" and line.code == row.code:
                postpone(row, now)
            else:
                row.retry_at, row.resolved_at = None, now
        return len(due)

    async def _store(
        self, session: AsyncSession, candidates: Sequence[tuple[int, Candidate]], transport: Transport
    ) -> list[tuple[int, Candidate, Status]]:
        """Store what is new and tell what became of each. The first of a batch wins, as it would in batches of one."""
        first: dict[store.Place, Candidate] = {}
        for _, candidate in candidates:
            first.setdefault(candidate.place, candidate)
        await self._partitions.ensure(session, (place[2] for place in first))
        # in one order everywhere: two batches with the same readings wait for each other instead of locking each other out
        ordered = [first[place] for place in sorted(first)]
        now = self._clock.now()
        new = await store.store_new(session, ordered, now, transport, queues=self._queues, publish=self._publish)
        stored = {place: first[place].hash for place in new}
        stored |= await store.stored_hashes(session, [place for place in first if place not in new])
        outcomes: list[tuple[int, Candidate, Status]] = []
        conflicts = []
        for index, candidate in candidates:
            if stored[candidate.place] != candidate.hash:
                conflicts.append((candidate, stored[candidate.place]))
                outcomes.append((index, candidate, "conflict"))
            elif candidate.place in new and first[candidate.place] is candidate:
                outcomes.append((index, candidate, "accepted"))
            else:
                outcomes.append((index, candidate, "duplicate"))
        if conflicts:
            await store.keep_conflicts(session, conflicts, now, transport)
        return outcomes


def _line(interval: Interval, hashed: bytes, status: Status, code: str, detail: str) -> ReceiptLine:
    start = interval.start.isoformat().replace("+00:00", "Z")
    return ReceiptLine("0x" + hashed.hex(), interval.meter, start, status, code, detail)


def _rejected(delivery: SignedInterval, hashed: bytes, refusal: Refusal, transport: Transport) -> Rejected:
    interval = delivery.interval
    return Rejected(
        hashed,
        refusal.code,
        refusal.detail,
        interval.home_id,
        interval.meter,
        interval.slot,
        delivery.to_json(),
        transport,
    )
