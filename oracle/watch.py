# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator is told that no round of work needs to know: coins for gas, the signer set, how far the mirror is."""

import asyncio

from chain.rpc import Rpc
from kit.clock import Clock
from kit.database import Database
from oracle.chainview import ChainView, View
from oracle.horizon import Horizon
from oracle.metrics import Metrics
from oracle.quorum import repository as quorum_repository

_EVERY_SECONDS = 30
_SLOTS_PER_DAY = 96


class Watch:
    """Refreshes the gauges, at most twice a minute."""

    def __init__(
        self,
        metrics: Metrics,
        rpc: Rpc,
        chain: ChainView,
        database: Database,
        clock: Clock,
        horizon: Horizon,
        address: bytes,
    ) -> None:
        self._metrics = metrics
        self._rpc = rpc
        self._chain = chain
        self._database = database
        self._clock = clock
        self._horizon = horizon
        self._address = address
        self._next = 0.0

    async def look(self, view: View, utility: int) -> None:
        """Refresh what is due. Raises Unavailable if the chain does not answer."""
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return
        self._next = now + _EVERY_SECONDS
        m = self._metrics
        m.balance.set(await self._rpc.balance("0x" + self._address.hex()))
        m.epoch.set(view.epoch)
        m.delay.set(view.delay)
        newest = await self._chain.signers(view.epoch, block=view.block) if view.epoch else None
        m.is_signer.set(newest is not None and self._address in newest.signers)
        async with self._database.transaction() as session:
            until = await self._horizon(session)
            m.drafts.set(await quorum_repository.count_unaccepted(session, utility, view.head.slot - _SLOTS_PER_DAY))
        if until is not None:
            m.mirrored.set((self._clock.now() - until).total_seconds())
