# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A small grid: four nodes in one process, each with its own database and its own HTTP door, on a real chain."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from sqlalchemy.ext.asyncio import AsyncSession

from chain.client import EnergyTokenClient, OracleClient, RegistryClient, TreasuryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signer import LocalSigner, Signer
from chain.transactions import TransactionSender
from edge.protocol import Interval, SignedInterval, sign
from energy.models import EnergyMeter, EnergyStation, EnergyTenure
from energy.policies.book import book
from energy.settle.rules import advance
from kit.clock import FixedClock
from kit.database import Database
from kit.ids import address_bytes
from kit.settings import Mode
from kit.units import SLOT_SECONDS, UWH_PER_WH
from oracle import repository
from oracle.node import Node, Parts
from oracle.quorum.propose import Attempt
from oracle.recount.rules import Advancer
from oracle.rules import Leaf, Tree, parse_leaves
from oracle.run import Server
from oracle.server import make_app
from oracle.settings import OracleSettings
from tests.conftest import Deployed

MNEMONIC = "test test test test test test test test test test test junk"
CLOSE_DELAY = 900
RATED_W = 1_000_000
E = 1


def account(number: int) -> LocalSigner:
    """The development accounts: 0 deploys and registers, 1 to 4 are the nodes', 8 and 9 own stations."""
    Account.enable_unaudited_hdwallet_features()
    made = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return LocalSigner(bytes(made.key))


class Station:
    """A registered station with its device."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.device = Ed25519PrivateKey.generate()

    def reading(self, slot: int, wh: int) -> SignedInterval:
        """A signed interval of so many Wh at the grid's boundary."""
        interval = Interval(
            home_id=self.id,
            slot=slot,
            measures={"meterWh": wh * UWH_PER_WH},
            profile_hash=slot.to_bytes(32, "big"),
            source="demo",
        )
        return sign(interval, self.device)


class Member:
    """One node with its door; `stop` takes it off the network, `start` brings it back with the same database."""

    def __init__(self, grid: "Grid", number: int, database_url: str, port: int) -> None:
        self.grid = grid
        self.number = number
        self.database_url = database_url
        self.port = port
        self.policy = book().newest
        self.advance: Advancer = advance
        self.kind: type[Node] = Node
        self.signer: Signer = account(1 + number)
        self.node: Node
        self.database: Database
        self.rpc: Rpc
        self._server: Server
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Up, with the policy and the rules set before."""
        self.database = Database(self.database_url, pool_size=3)
        self.rpc = Rpc(self.grid.rpc_url)
        parts = Parts(
            self.database,
            self.rpc,
            self.grid.deployment,
            self.signer,
            self.grid.clock,
            Mode.DEMO,
            self.policy,
        )
        settings = OracleSettings(
            index=self.number,
            port=self.port,
            close_delay=CLOSE_DELAY,
            patience=0.2,
            collect_seconds=4,
            poll_seconds=0.05,
            peer_timeout_seconds=5,
            operator_token="secret",
            utilities=self.grid.utilities,
        )
        self.node = self.kind(
            parts, settings, peers=self.grid.urls(but=self.number), horizon=self.grid.horizon, advance=self.advance
        )
        config = uvicorn.Config(
            make_app(self.node), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = Server(config)
        listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:  # noqa: ASYNC110  (uvicorn tells by a flag)
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Down: its door is shut and nothing of its memory is kept."""
        if self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._task = None
        await self.node.close()
        await self.rpc.close()
        await self.database.close()

    async def hear(self, *readings: SignedInterval) -> None:
        """Readings arrive at this node."""
        await self.node.intake.take(readings)


class Grid:
    """Chain, clock, nodes and stations of a test."""

    def __init__(self, deployed: Deployed, make_database: Callable[[], str], ports: Sequence[int]) -> None:
        self.chain = deployed.chain
        self.rpc_url = deployed.rpc_url
        self.path: Path = deployed.path
        self.deployment = Deployment.load(deployed.path)
        self.rpc = Rpc(self.rpc_url)
        self.clock = FixedClock(datetime.fromtimestamp(self.chain.timestamp(), UTC))
        self.oracle = OracleClient(self.rpc, self.deployment)
        self.treasury = TreasuryClient(self.rpc, self.deployment)
        self.registry = RegistryClient(self.rpc, self.deployment)
        self.token = EnergyTokenClient(self.rpc, self.deployment)
        self.members = [Member(self, n, make_database(), ports[n]) for n in range(len(ports))]
        self.stations: list[Station] = []
        self.utilities: tuple[int, ...] = (E,)
        self.mirrored_until: datetime | None = None

    def urls(self, *, but: int) -> list[str]:
        """The doors of the others."""
        return [f"http://127.0.0.1:{m.port}" for m in self.members if m.number != but]

    async def horizon(self, _session: AsyncSession) -> datetime | None:
        """The registry of these tests is mirrored at once; a test may hold it back."""
        return self.mirrored_until or self.clock.now()

    async def start(self) -> None:
        """All nodes up."""
        for member in self.members:
            await member.start()

    async def stop(self) -> None:
        """All nodes down."""
        for member in self.members:
            await member.stop()
        await self.rpc.close()

    def sender(self, number: int = 0) -> TransactionSender:
        """Sends as a development account."""
        return TransactionSender(self.rpc, account(number), chain_id=self.deployment.chain_id)

    async def add_station(self, owner: int = 8) -> Station:
        """A station on chain and in every node's mirror, from the present slot's beginning on."""
        station = Station()
        await self.sender().send(
            self.registry.address,
            self.registry.abi.encode_call(
                "register_station", station.id.int, address_bytes(account(owner).address), RATED_W, 0, True
            ),
        )
        since = datetime.fromtimestamp(self.clock.now().timestamp() // SLOT_SECONDS * SLOT_SECONDS, UTC)
        for member in self.members:
            async with member.database.transaction() as session:
                session.add_all(
                    [
                        EnergyStation(
                            id=station.id,
                            owner=address_bytes(account(owner).address),
                            tenure=1,
                            since=since,
                            rated_w=RATED_W,
                            demo=True,
                        ),
                        EnergyTenure(
                            station=station.id,
                            tenure=1,
                            owner=address_bytes(account(owner).address),
                            since=since,
                            rated_w=RATED_W,
                        ),
                        EnergyMeter(
                            key=station.device.public_key().public_bytes_raw(), station=station.id, role=1, since=since
                        ),
                    ]
                )
        self.stations.append(station)
        return station

    async def hand_over(self, station: Station, sender: int, receiver: int) -> None:
        """A new owner, on chain and in every mirror, from the chain's present on."""
        offer = self.registry.abi.encode_call("offer_station", station.id.int, address_bytes(account(receiver).address))
        await self.sender(sender).send(self.registry.address, offer)
        accept = self.registry.abi.encode_call("accept_station", station.id.int)
        await self.sender(receiver).send(self.registry.address, accept)
        at = self.clock.now()
        owner = address_bytes(account(receiver).address)
        for member in self.members:
            async with member.database.transaction() as session:
                old = await session.get_one(EnergyTenure, (station.id, 1))
                old.until = at
                session.add(EnergyTenure(station=station.id, tenure=2, owner=owner, since=at, rated_w=RATED_W))

    @property
    def slot(self) -> int:
        """The running slot."""
        return int(self.clock.now().timestamp()) // SLOT_SECONDS

    def pass_slots(self, count: int = 1) -> int:
        """Let slots end, to the first second of a later one. Returns the slot that was running."""
        before = self.slot
        self._go_to((before + count) * SLOT_SECONDS + 1)
        return before

    def close(self, slot: int) -> None:
        """Go to the instant at which a slot closes, if it is still ahead."""
        self._go_to((slot + 1) * SLOT_SECONDS + CLOSE_DELAY + 1)

    def _go_to(self, unix: int) -> None:
        if unix > self.clock.now().timestamp():
            self.clock.at = datetime.fromtimestamp(unix, UTC)
        self.chain.mine(timestamp=max(unix, self.chain.timestamp() + 1))

    async def everyone_hears(self, *readings: SignedInterval) -> None:
        """Readings arrive at all nodes that are up."""
        for member in self.members:
            await member.hear(*readings)

    async def follow(self, utility: int = E) -> None:
        """Every node looks at the chain."""
        for member in self.members:
            async with member.node._locks[utility]:
                view = await member.node.follower.catch_up(utility)
                member.node.desk.release(utility, view.head.slot)

    async def report(self, slot: int, *, by: int = 0, utility: int = E) -> Attempt:
        """A slot is proposed by one node, and all others see what came of it."""
        self.close(slot)
        attempt = await self.members[by].node.propose(utility, slot)
        assert attempt is not None
        await self.follow(utility)
        return attempt

    async def leaves(self, slot: int, *, of: int = 0) -> list[Leaf]:
        """The accepted leaves of a slot as a node keeps them."""
        async with self.members[of].database.transaction() as session:
            report = await repository.report_at(session, E, slot)
            assert report is not None
            data = await repository.load_leaves(session, report.data_hash)
        assert data is not None
        return parse_leaves(data)

    async def leaf(self, slot: int, station: Station, tenure: int = 1) -> Leaf:
        """One accepted leaf."""
        return next(x for x in await self.leaves(slot) if (x.station, x.tenure) == (station.id.int, tenure))

    async def claim(self, slot: int, station: Station, tenure: int = 1, *, batch: bool = False) -> None:
        """Anybody claims a leaf for its owner."""
        row = await self.leaves(slot)
        index = next(i for i, x in enumerate(row) if (x.station, x.tenure) == (station.id.int, tenure))
        proof = Tree([leaf.hash() for leaf in row]).proof(index)
        call = self.treasury.claim_batch_call if batch else self.treasury.claim_call
        await self.sender(9).send(self.treasury.address, call(astuple(row[index]), index, proof))

    async def states(self) -> list[Mapping[tuple[UUID, int], str]]:
        """The registers of every node, hidden sums included."""
        found = []
        for member in self.members:
            async with member.database.transaction() as session:
                rows = await repository.register_texts(session, E)
            found.append({(station, tenure): text for station, tenure, text in rows})
        return found
