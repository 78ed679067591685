# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Readings come in: checked, stored once and for ever, told to everyone who waits for them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import Interval, ProtocolError, ReceiptLine, SignedInterval, Status, decode
from energy.ingest import store
from energy.ingest.enrolments import Enrolments
from energy.ingest.envelopes import Received, envelope_id, keep, load, messages
from energy.ingest.rejections import Rejected, due_rejections, keep_rejections, postpone
from energy.ingest.rules import AGE_MAX, Enrolment, Refusal, check, keys_for
from energy.ingest.store import Candidate
from energy.ingest.verify import InlineVerifier, Proof, Verifier
from energy.models import EnergyRejection
from energy.partitions import Partitions
from energy.wire import signed_of
from kit.clock import Clock
from kit.settings import Mode

Transport = Literal["rest", "mqtt", "feed", "replay", "import"]
QUALITY = "quality"
ORACLE = "oracle"


class IngestService:
    """The way in, the same for the platform (REST, MQTT) and for an oracle node (the feed).

    `queues` names who works on new readings in this database: `quality` on the platform, `oracle` on a node. `publish` tells
    the event stream of every new reading (the platform does, a node does not). `age_max`: older ones are refused; only
    what nobody counts, such as imported history, may be older than `AGE_MAX`. `verifier` checks signatures,
    in this process unless another is given.
    """

    def __init__(
        self,
        clock: Clock,
        mode: Mode,
        *,
        queues: Sequence[str] = (QUALITY,),
        publish: bool = True,
        age_max: timedelta = AGE_MAX,
        verifier: Verifier | None = None,
    ) -> None:
        self._clock = clock
        self._mode = mode
        self._queues = tuple(queues)
        self._publish = publish
        self._age_max = age_max
        self._partitions = Partitions()
        self._enrolments = Enrolments()
        self._verifier = verifier or InlineVerifier()

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
        stations = {delivery.interval.home_id for delivery in deliveries}
        enrolments = await self._enrolments.of(session, stations)
        proven = await self._signers(deliveries, enrolments)
        lines: list[ReceiptLine | None] = [None] * len(deliveries)
        candidates: list[tuple[int, Candidate]] = []
        refused: list[Rejected] = []
        for index, delivery in enumerate(deliveries):
            signer, envelope = proven[index]
            found = check(
                delivery,
                enrolments.get(delivery.interval.home_id),
                signer,
                now=now,
                mode=self._mode,
                sender=senders[index] if senders is not None else None,
                age_max=self._age_max,
            )
            if isinstance(found, Refusal):
                refused.append(_rejected(delivery, found, transport, envelope))
                lines[index] = _line(delivery.interval, delivery.hash, "rejected", found.code, found.detail)
            else:
                candidates.append((index, Candidate(delivery, delivery.hash, found, envelope)))
        await self._keep_envelopes(session, deliveries, proven, now, transport)
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
        due = await due_rejections(session, self._clock.now(), limit)
        await self.try_again(session, due)
        return len(due)

    async def try_again(self, session: AsyncSession, rows: Sequence[EnergyRejection]) -> dict[int, ReceiptLine]:
        """Another attempt for these rejections, which the caller has locked. Never commits.

        Returns what became of each by its id; one is left out if the envelope that proved it is no longer kept.
        """
        now = self._clock.now()
        deliveries = await _read_again(session, rows)
        lines = await self.ingest(session, [one for _, one in deliveries], "replay") if deliveries else []
        tried: dict[int, ReceiptLine] = {}
        for (row, _), line in zip(deliveries, lines, strict=True):
            tried[row.id] = line
            if line.status == "rejected" and line.code == row.code:
                postpone(row, now)
            else:
                row.retry_at, row.resolved_at = None, now
        for row in rows:
            if row.id not in tried:
                row.retry_at = None
        return tried

    async def _signers(
        self, deliveries: Sequence[SignedInterval], enrolments: Mapping[UUID, Enrolment]
    ) -> list[tuple[bytes | None, bytes | None]]:
        """The key that signed each delivery, if a registered one did, and the id of its envelope. An envelope is checked once."""
        places: list[tuple[int | None, bytes | None]] = []
        proofs: list[Proof] = []
        envelopes: dict[int, tuple[int | None, bytes]] = {}
        for delivery in deliveries:
            envelope = delivery.envelope
            if envelope is not None and id(envelope) in envelopes and envelope.names(delivery.hash):
                places.append(envelopes[id(envelope)])
                continue
            keys = keys_for(delivery, enrolments.get(delivery.interval.home_id))
            place = None
            if keys:
                place = len(proofs)
                signed = delivery if envelope is None else envelope
                proofs.append(Proof(keys, signed.signature, signed.body))
            if envelope is None:
                places.append((place, None))
            elif envelope.names(delivery.hash):
                envelopes[id(envelope)] = (place, envelope_id(envelope))
                places.append(envelopes[id(envelope)])
            else:
                places.append((None, envelope_id(envelope)))
        found = await self._verifier.signers(proofs) if proofs else []
        return [(None if place is None else found[place], name) for place, name in places]

    async def _keep_envelopes(
        self,
        session: AsyncSession,
        deliveries: Sequence[SignedInterval],
        proven: Sequence[tuple[bytes | None, bytes | None]],
        now: datetime,
        transport: Transport,
    ) -> None:
        received: dict[bytes, Received] = {}
        for delivery, (signer, name) in zip(deliveries, proven, strict=True):
            if name is not None and delivery.envelope is not None and (signer is not None or name not in received):
                received[name] = Received(delivery.envelope, name, signer)
        if received:
            await keep(session, list(received.values()), now, transport)

    async def _store(
        self, session: AsyncSession, candidates: Sequence[tuple[int, Candidate]], transport: Transport
    ) -> list[tuple[int, Candidate, Status]]:
        """Store what is new and tell what became of each. The first of a batch wins, as it would in batches of one."""
        places = [candidate.place for _, candidate in candidates]
        first: dict[store.Place, Candidate] = {}
        for place, (_, candidate) in zip(places, candidates, strict=True):
            first.setdefault(place, candidate)
        await self._partitions.ensure(session, (place[2] for place in first))
        # in one order everywhere: two batches with the same readings wait for each other instead of locking each other out
        ordered = [first[place] for place in sorted(first)]
        now = self._clock.now()
        new = await store.store_new(session, ordered, now, transport, queues=self._queues, publish=self._publish)
        if self._publish:
            await self._tell_envelopes(session, [one for one in ordered if one.hash in new])
        taken = [place for place, candidate in first.items() if candidate.hash not in new]
        stored = await store.stored_hashes(session, taken)
        outcomes: list[tuple[int, Candidate, Status]] = []
        conflicts = []
        for place, (index, candidate) in zip(places, candidates, strict=True):
            kept = first[place].hash if first[place].hash in new else stored[place]
            if kept != candidate.hash:
                conflicts.append((candidate, kept))
                outcomes.append((index, candidate, "conflict"))
            elif candidate.hash in new and first[place] is candidate:
                outcomes.append((index, candidate, "accepted"))
            else:
                outcomes.append((index, candidate, "duplicate"))
        if conflicts:
            await store.keep_conflicts(session, conflicts, now, transport)
        return outcomes

    async def _tell_envelopes(self, session: AsyncSession, new: Sequence[Candidate]) -> None:
        by_envelope: dict[bytes, list[SignedInterval]] = {}
        for candidate in new:
            if candidate.envelope is not None:
                by_envelope.setdefault(candidate.envelope, []).append(candidate.delivery)
        if by_envelope:
            await store.tell(session, messages(by_envelope))


async def _read_again(
    session: AsyncSession, rows: Sequence[EnergyRejection]
) -> list[tuple[EnergyRejection, SignedInterval]]:
    envelopes = await load(session, [row.envelope for row in rows if row.envelope is not None])
    found: list[tuple[EnergyRejection, SignedInterval]] = []
    for row in rows:
        if row.envelope is None:
            found += [(row, one) for one in decode(row.payload)]
        elif row.envelope in envelopes:
            found.append((row, signed_of(row.payload, None, envelopes[row.envelope])))
    return found


def _line(interval: Interval, hashed: bytes, status: Status, code: str, detail: str) -> ReceiptLine:
    start = interval.start.isoformat().replace("+00:00", "Z")
    return ReceiptLine("0x" + hashed.hex(), interval.meter, start, status, code, detail)


def _rejected(delivery: SignedInterval, refusal: Refusal, transport: Transport, envelope: bytes | None) -> Rejected:
    interval = delivery.interval
    return Rejected(
        delivery.hash,
        refusal.code,
        refusal.detail,
        interval.home_id,
        interval.meter,
        interval.slot,
        delivery.to_json() if envelope is None else delivery.body,
        transport,
        envelope,
    )
