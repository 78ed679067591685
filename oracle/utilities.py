# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node's work on utilities other than E: each has a queue of its own, and counts readings from its opening on chain.

E's queue takes every reading. Another utility's begins with the slot in which its owner opened it: what was metered before is not
in the ceiling, and a report that brought it would be refused for ever.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from energy.ingest.service import ORACLE
from kit.units import Utility

# once per node and utility: what was stored before this node worked on it
_QUEUE_STORED = """
WITH opened AS (
    INSERT INTO oracle_utility (utility, opened_slot) VALUES (:utility, :slot)
    ON CONFLICT (utility) DO UPDATE SET opened_slot = excluded.opened_slot
)
INSERT INTO energy_pending (queue, station, slot, meter, hash)
SELECT :queue, r.station, r.slot, r.meter, r.hash FROM energy_reading r
WHERE r.slot >= :slot AND NOT EXISTS (
    SELECT FROM energy_included i
    WHERE i.utility = :utility AND i.station = r.station AND i.slot = r.slot AND i.meter = r.meter
)
ON CONFLICT DO NOTHING
"""


def queue_of(utility: int) -> str:
    """The queue of readings that no accepted report of a utility counts yet."""
    return ORACLE if utility == Utility.E else f"{ORACLE}.{utility}"


async def open_queue(session: AsyncSession, utility: int, opened_slot: int) -> None:
    """Begin, or go on, to count a utility from the slot of its opening: stored readings that no report counts wait from now on,
    and those of before do no longer.
    """
    given: dict[str, Any] = {"utility": utility, "slot": opened_slot, "queue": queue_of(utility)}
    await session.execute(text(_QUEUE_STORED), given)
    await session.execute(text("DELETE FROM energy_pending WHERE queue = :queue AND slot < :slot"), given)
