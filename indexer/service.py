# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The indexer's loop: one writer per database, batch after batch, and back to the fork when the chain changes its mind."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chain.contract import ContractAbi, load_abi
from chain.deployment import Deployment
from indexer.abi import Decoder
from indexer.errors import ChainMoved, CursorMoved, NodeBehind, NodeUnavailable, Stopped
from indexer.projection import Projection
from indexer.reader import Forked, Reader, position
from indexer.rpc import Header, Node
from indexer.rules import Position, common
from indexer.settings import IndexerSettings
from indexer.upkeep import LOCK
from indexer.writer import Writer
from kit import logs
from kit.clock import Clock
from kit.database import Database
from kit.errors import NotFound

log = logs.get(__name__)

_WAIT_SECONDS = 0.5
_PAUSE_MAX_SECONDS = 5.0
_WALK = 32


class Indexer:
    """Copies one chain's events into one database. `run` is all that a role needs.

    `projections` are applied in their order, within the transaction of the events they derive from. Without `announce` no
    events reach the outbox: for databases whose outbox nobody relays, as an oracle node's.
    """

    def __init__(
        self,
        database: Database,
        rpc_url: str,
        deployment: Deployment,
        projections: Sequence[Projection],
        clock: Clock,
        *,
        announce: bool = True,
        settings: IndexerSettings | None = None,
    ) -> None:
        self._database = database
        self._rpc_url = rpc_url
        self._deployment = deployment
        self._projections = projections
        self._clock = clock
        self._announce = announce
        self._settings = settings or IndexerSettings()
        contracts = _contracts(deployment)
        self._decoder = Decoder(contracts)
        self._fingerprint = _fingerprint(deployment.chain_id, self._decoder)
        _check_events(projections, contracts)

    async def run(self) -> None:
        """Follow the chain for ever.

        Waits out a node or a database that is away, a node that lags, and another indexer that holds the lock. Raises Stopped,
        with what a person has to do, if going on would be guessing.
        """
        pause = _WAIT_SECONDS
        while True:
            try:
                async with self._lease() as connection, self._node() as node:
                    pause = _WAIT_SECONDS
                    await self._follow(connection, node)
            except Stopped:
                raise
            except CursorMoved as error:
                log.warning("indexer.cursor_moved", error=str(error))
            except (
                Exception
            ) as error:  # the outermost loop of a worker: the database may be away, a projection may fail
                log.warning("indexer.failed", error=repr(error), again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_MAX_SECONDS)

    async def catch_up(self) -> Position:
        """Copy everything up to the node's present head, once. Raises what `run` would wait out."""
        async with self._lease() as connection, self._node() as node:
            follower = await self._begin(connection, node)
            while await follower.step():
                pass
            return follower.cursor

    def _node(self) -> Node:
        return Node(self._rpc_url, timeout_seconds=self._settings.timeout_seconds)

    async def _follow(self, connection: AsyncConnection, node: Node) -> None:
        pause, told = self._settings.poll_seconds, ""
        follower: Follower | None = None
        while True:
            try:
                follower = follower or await self._begin(connection, node)
                moved = await follower.step()
                pause = 0.0 if moved else self._settings.poll_seconds
                if moved and told:
                    log.info("indexer.going_on", block=follower.cursor.number)
                    told = ""
            except NodeUnavailable as error:
                if told != error.code:
                    log.warning("indexer.waiting", code=error.code, error=str(error))
                    told = error.code
                patient = isinstance(error, NodeBehind | ChainMoved)
                pause = self._settings.poll_seconds if patient else min(max(2 * pause, 0.1), _PAUSE_MAX_SECONDS)
            await asyncio.sleep(pause)

    async def _begin(self, connection: AsyncConnection, node: Node) -> "Follower":
        chain_id = await node.chain_id()
        if chain_id != self._deployment.chain_id:
            raise Stopped(
                "indexer.other_chain",
                f"the node serves chain {chain_id}, the deployment is on {self._deployment.chain_id}",
            )
        settings = self._settings
        writer = Writer(
            connection,
            chain_id,
            self._projections,
            self._clock,
            window=settings.window,
            announce=self._announce,
        )
        stored = await writer.cursor()
        if stored is None:
            (header,) = await node.headers([max(self._deployment.first_block, 1)])
            cursor = await writer.begin(header, self._fingerprint)
        elif stored.fingerprint != self._fingerprint:
            raise Stopped(
                "indexer.other_contracts",
                "this database holds the events of other contracts, or of other versions of their ABIs; "
                "if the deployment is the right one, run `greencore indexer rebuild`",
            )
        else:
            cursor = Position(stored.block_number, stored.block_hash)
        log.info("indexer.starts", block=cursor.number, chain=chain_id)
        return Follower(node, Reader(node, self._decoder, settings), writer, cursor, settings)

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[AsyncConnection]:
        """The connection that alone may write, once no other process holds its lock.

        It is thrown away afterwards: back in the pool it would still hold the lock.
        """
        async with self._database.engine.connect() as connection:
            waiting = False
            try:
                while not await _try_lock(connection):
                    if not waiting:
                        log.info("indexer.waits", why="another indexer writes to this database")
                        waiting = True
                    await asyncio.sleep(_WAIT_SECONDS)
                yield connection
            finally:
                await connection.invalidate()


class Follower:
    """One cursor moving along one node's chain."""

    def __init__(self, node: Node, reader: Reader, writer: Writer, cursor: Position, settings: IndexerSettings) -> None:
        self._node = node
        self._reader = reader
        self._writer = writer
        self._settings = settings
        self.cursor = cursor

    async def step(self) -> bool:
        """Look at the head and take what is new, or take back what is no longer. False if there was nothing to do."""
        head = await self._node.latest()
        newest = position(head)
        if newest == self.cursor:
            return False
        if newest.number <= self.cursor.number:
            await self._back_to_the_fork(head)
            return True
        try:
            settled = newest.number - self._settings.margin
            if settled > self.cursor.number:
                await self._copy_ranges(settled, newest.number)
            else:
                batch = await self._reader.tip(self.cursor, head)
                await self._writer.commit(batch)
                self.cursor = batch.end
        except Forked:
            await self._back_to_the_fork(head)
        return True

    async def _copy_ranges(self, until: int, head: int) -> None:
        (following,) = await self._node.headers([self.cursor.number + 1])
        if bytes.fromhex(following.parent_hash[2:]) != self.cursor.hash:
            raise Forked
        async for batch in self._reader.ranges(self.cursor, until, head):
            await self._writer.commit(batch)
            self.cursor = batch.end

    async def _back_to_the_fork(self, head: Header) -> None:
        """Find the newest block that we share with the node and take back what is above.

        Raises NodeBehind if the node merely lags, Stopped if nothing within the window is shared.
        """
        newest = position(head)
        ours = await self._writer.window(newest.number)
        kept = await self._shared(ours)
        if (ours and kept == ours[0]) or not ours:
            if newest.number > self.cursor.number:
                raise ChainMoved("indexer.chain_moved", "the chain changed and changed back")
            raise NodeBehind(
                "indexer.node_behind",
                f"the node's newest block is {newest.number}, ours is {self.cursor.number}; if it was restored from an older "
                "state it goes on from there, and we follow",
            )
        if kept is None or self.cursor.number - kept.number > self._settings.window:
            raise Stopped(
                "indexer.deep_reorg",
                f"the node's chain differs from what was indexed for more than {self._settings.window} blocks below "
                f"{self.cursor.number}: another or a restarted chain; if that is meant, run `greencore indexer rebuild`",
            )
        log.warning("indexer.reorg", cursor=self.cursor.number, kept=kept.number, head=newest.number)
        await self._writer.revert(self.cursor, kept)
        self.cursor = kept

    async def _shared(self, ours: Sequence[Position]) -> Position | None:
        begin, size = 0, 1
        while begin < len(ours):
            part = ours[begin : begin + size]
            headers = await self._node.headers([block.number for block in part])
            kept = common(part, {p.number: p.hash for p in map(position, headers)})
            if kept is not None:
                return kept
            begin, size = begin + size, _WALK
        return None


async def _try_lock(connection: AsyncConnection) -> bool:
    held = bool(await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}))
    await connection.commit()
    return held


def _contracts(deployment: Deployment) -> dict[str, tuple[str, ContractAbi]]:
    found = {}
    for name, contract in deployment.contracts.items():
        try:
            found[name] = (contract.address, load_abi(contract.source))
        except NotFound:
            log.warning("indexer.no_abi", contract=name, why="its events are not indexed")
    return found


def _fingerprint(chain_id: int, decoder: Decoder) -> bytes:
    lines = [str(chain_id), *(f"{address} {topic}" for address, topic in decoder.signatures)]
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _check_events(projections: Sequence[Projection], contracts: dict[str, tuple[str, ContractAbi]]) -> None:
    known = {f"{name}.{event}" for name, (_, abi) in contracts.items() for event in abi.events}
    for projection in projections:
        strange = projection.events - known
        if strange:
            raise ValueError(f"projection {projection.name} wants events that no contract has: {sorted(strange)}")
