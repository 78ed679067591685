# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A whole node as one process: indexer, intake, quorum, server."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signers import open_signer
from energy.policies.book import book
from energy.policy import Policies
from indexer.projection import Projection
from indexer.service import Indexer
from kit import logs, outbox, stream
from kit.database import Database
from kit.errors import Refused
from kit.settings import Mode, Settings
from kit.shutdown import run_until_signal
from oracle.node import Node, Parts
from oracle.server import make_app
from oracle.settings import OracleSettings

READINGS_SUBJECT = "event.energy.reading_stored"
_RETRY_SECONDS = 1.0
_RETRY_SECONDS_MAX = 30.0

log = logs.get(__name__)


async def run(
    settings: Settings,
    node_settings: OracleSettings,
    projections: Sequence[Projection],
    policies: Policies | None = None,
) -> None:
    """Run a node until SIGINT or SIGTERM. `projections` must hold the one that mirrors the registry into energy's tables.

    The database must be the node's own and migrated. Raises Refused for settings that don't fit together, what
    `open_signer` raises for the key, and NotFound or Malformed for the deployment.
    """
    deployment = Deployment.load(settings.deployment)
    if not node_settings.keystore:
        raise Refused("oracle.no_key", "set GREENCORE_ORACLE_KEYSTORE to the node's encrypted key or remote signer")
    if settings.mode is Mode.LIVE and node_settings.keystore.startswith("0x"):
        raise Refused("oracle.bare_key", "a live node's key is in an encrypted keystore or a remote signer")
    if settings.mode is Mode.LIVE and settings.clock:
        raise Refused("oracle.clock", "an accelerated clock has no place on a live deployment")
    signer = await open_signer(
        node_settings.keystore,
        password=node_settings.password(),
        timeout_seconds=node_settings.signer_timeout_seconds,
    )
    clock = settings.make_clock()
    database = Database(settings.database_url.get_secret_value())
    name = f"oracle-{node_settings.index}"
    indexer = Indexer(database, settings.rpc_url, deployment, projections, clock, announce=False)
    async with Rpc(settings.rpc_url) as rpc:
        nats = await stream.connect(settings.nats_url.get_secret_value(), name=name)
        parts = Parts(database, rpc, deployment, signer, clock, settings.mode, policies or book())
        node = Node(parts, node_settings, peers=others(node_settings))
        try:
            await stream.ensure_streams(nats)
            await run_until_signal(
                indexer.run(),
                stream.consume(
                    nats,
                    stream=stream.EVENTS,
                    durable=f"{name}-{signer.address[2:10].lower()}",
                    subject=READINGS_SUBJECT,
                    handler=node.intake.handle,
                ),
                outbox.relay(database, nats, origin=f"{name}-{signer.address}"),
                retry(node),
                node.run(),
                serve(node),
            )
        finally:
            await node.close()
            await nats.close()
            await database.close()
            await signer.close()


def others(settings: OracleSettings) -> list[str]:
    """The peers without this node itself: the URL at its index, where that ends with its own port."""
    own = settings.peers[settings.index] if settings.index < len(settings.peers) else None
    return [url for url in settings.peers if not (url == own and url.endswith(f":{settings.port}"))]


async def retry(node: Node) -> None:
    """Give readings another chance that came before their meter, for ever."""
    pause = _RETRY_SECONDS
    while True:
        try:
            await node.intake.retry()
            pause = _RETRY_SECONDS
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker: the database may be away
            pause = min(2 * pause, _RETRY_SECONDS_MAX)
            log.warning("retry.failed", error=repr(error), again_in_s=pause)
        await asyncio.sleep(pause)


async def serve(node: Node) -> None:
    """The node's HTTP door, until cancelled. Raises OSError if the port is taken."""
    settings = node.settings
    # bound here, so that a port that is taken is an OSError and not uvicorn's exit
    listening = socket.create_server((settings.host, settings.port), reuse_port=False)
    config = uvicorn.Config(
        make_app(node), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    server = Server(config)
    try:
        await server.serve(sockets=[listening])
    finally:
        listening.close()


class Server(uvicorn.Server):
    """A server that leaves signals to `run_until_signal`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured: the role stops all parts in order."""
        yield
