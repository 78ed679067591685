# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A file's slots on the same way as every reading: signed, checked, stored once, in the caller's transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession

from edge.protocol import sign
from energy.files.slots import Slot
from energy.ingest.rules import AGE_MAX
from energy.ingest.service import IngestService
from kit.clock import Clock
from kit.settings import Mode
from kit.units import SLOT_SECONDS, slot_end

PART = 2_000  # slots between two words of progress

_HISTORY_MAX = timedelta(days=36_525)


@dataclass(slots=True)
class Stored:
    """What became of the slots: how many by status, refusals by code with the first one's line and reason, conflicts' slots."""

    statuses: Counter[str] = field(default_factory=Counter)
    refused: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # code → count, line, reason
    conflicts: list[int] = field(default_factory=list)
    history: int = 0


class ImportService:
    """Brings a connection point's slots in for a station.

    `history` also takes slots that are too old to be counted: they are stored as signed and go to nobody who judges or
    mints. Everything else is an ordinary reading.
    """

    def __init__(self, clock: Clock, mode: Mode, *, history: bool = False) -> None:
        self._clock = clock
        self._demo = mode is Mode.DEMO
        self._history = history
        self._ordinary = IngestService(clock, mode)
        self._old = IngestService(clock, mode, queues=(), publish=False, age_max=_HISTORY_MAX)

    async def store(
        self,
        session: AsyncSession,
        slots: Sequence[Slot],
        station: UUID,
        meter: str,
        key: Ed25519PrivateKey,
        *,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Stored:
        """Sign and store all slots. Never commits: a caller that sees `refused` rolls back, so a file is stored whole or not."""
        done = Stored()
        # one slot of slack: what passes the limit of age while the file is read is history, not a refusal
        oldest = self._clock.now() - AGE_MAX + timedelta(seconds=SLOT_SECONDS)
        for at in range(0, len(slots), PART):
            part = slots[at : at + PART]
            old = [it for it in part if self._history and slot_end(it.number) < oldest]
            new = part[len(old) :]  # slots ascend
            done.history += len(old)
            for service, chosen in ((self._old, old), (self._ordinary, new)):
                if chosen:
                    await self._bring(session, service, chosen, station, meter, key, done)
            progress(len(part))
        return done

    async def _bring(
        self,
        session: AsyncSession,
        service: IngestService,
        slots: Sequence[Slot],
        station: UUID,
        meter: str,
        key: Ed25519PrivateKey,
        done: Stored,
    ) -> None:
        signed = [sign(slot.interval(station, meter, demo=self._demo), key) for slot in slots]
        for slot, line in zip(slots, await service.ingest(session, signed, "import"), strict=True):
            done.statuses[line.status] += 1
            if line.status == "conflict":
                done.conflicts.append(slot.number)
            elif line.status == "rejected":
                count, first, reason = done.refused.get(line.code, (0, slot.line, line.detail))
                done.refused[line.code] = count + 1, first, reason
