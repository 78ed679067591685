# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The worker: everything that nobody waits for. Readings from MQTT, events out, jobs, claims, QA, and what has to be swept.

`await run_worker(settings)` runs until a signal. Several workers may run: streams, jobs and the outbox share their work.
"""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client as StreamClient
from nats.errors import Error as StreamError
from procrastinate import App
from prometheus_client import start_http_server
from sqlalchemy import func, make_url, select, text

from api.chain import Chain
from api.metrics import Metrics
from api.mqtt import DURABLE, ReceiptPublisher, TelemetryConsumer
from api.receipts import load_key
from api.settings import WorkerSettings
from energy import rollup
from energy.ingest.service import IngestService
from energy.ingest.verify import make_verifier
from energy.partitions import Partitions
from energy.quality.service import QualityService, run_quality
from energy.retention import Retention, detach_old, prune
from flows.clear_rounds import ClearRounds
from flows.divide_fees import DivideFees
from flows.mint_energy import MintEnergy
from flows.standing_deposits import StandingDeposits
from indexer.events import MINTED
from kit import jobs, logs, outbox, stream
from kit.clock import Clock
from kit.database import Database
from kit.outbox import OutboxEvent
from kit.shutdown import run_until_signal

log = logs.get(__name__)

_HEARTBEAT_SECONDS = 2.0
_STALLED_SECONDS = 10.0
_REVIVE_SECONDS = 5.0
_SWEEP_SECONDS = 30.0
_STANDING_SECONDS = 300.0
_DIVIDE_SECONDS = 600.0
_CLEAR_SECONDS = 60.0
_RETRY_SECONDS = 5.0
_MEASURE_SECONDS = 5.0
_FORGET_SECONDS = 3600.0
_ROLLUP_SECONDS = 2.0
_RETENTION_SECONDS = 600.0
_EVENTS_DURABLE = "mint-energy"
_EVENTS_SUBJECT = "event.indexer.>"
_STANDING_DURABLE = "standing-deposits"


async def run_worker(settings: WorkerSettings) -> None:
    """Run until SIGINT or SIGTERM. Waits for servers that are not up yet; raises what makes the role useless."""
    key = load_key(settings.receipt_key)
    metrics = Metrics()
    database = Database(settings.database_url.get_secret_value(), pool_size=10)
    chain = Chain(settings, database)
    app = jobs.make_app(settings.database_url.get_secret_value())
    try:
        if chain.can_claim:
            await chain.open_signer()  # a wrong key is told now, not at the first claim
        if settings.metrics_port:
            start_http_server(settings.metrics_port, registry=metrics.registry)
        async with httpx.AsyncClient(timeout=settings.node_timeout_s) as http:
            story = MintEnergy(
                database,
                http,
                nodes=settings.oracle_nodes,
                keeper=chain.keeper if chain.can_claim else None,
                every=settings.keeper_every,
                on_claims=metrics.note_claims,
            )
            deposits = StandingDeposits(
                database,
                (lambda: chain.depositor(settings.standing_least_uwh)) if chain.can_claim else None,
            )
            story.register(app)
            deposits.register(app)
            fees = DivideFees(chain.treasurer if chain.can_claim else None)
            rounds = ClearRounds(chain.auctioneer if chain.can_claim else None)
            await _run(settings, database, app, (story, deposits, fees, rounds), key, metrics)
    finally:
        await chain.close()
        await database.close()


async def _run(
    settings: WorkerSettings,
    database: Database,
    app: App,
    stories: tuple[MintEnergy, StandingDeposits, DivideFees, ClearRounds],
    key: Ed25519PrivateKey,
    metrics: Metrics,
) -> None:
    story, deposits, fees, rounds = stories
    clock = settings.make_clock()
    verifier = make_verifier(settings.verify_processes)
    ingest = IngestService(clock, settings.mode, verifier=verifier)
    publisher = ReceiptPublisher(settings)
    telemetry = TelemetryConsumer(database, ingest, publisher, clock=clock, key=key, metrics=metrics)
    client = await _connected(settings)
    try:
        async with app.open_async():
            await run_until_signal(
                publisher.run(),
                stream.consume(client, stream=stream.TELEMETRY, durable=DURABLE, handler=telemetry.handle),
                stream.consume(
                    client,
                    stream=stream.EVENTS,
                    durable=_EVENTS_DURABLE,
                    handler=story.on_events,
                    subject=_EVENTS_SUBJECT,
                ),
                stream.consume(
                    client,
                    stream=stream.EVENTS,
                    durable=_STANDING_DURABLE,
                    handler=deposits.on_events,
                    subject=MINTED,
                ),
                run_quality(database, QualityService(clock)),
                outbox.relay(database, client, origin=_origin(settings)),
                _work(app, settings.jobs_concurrency),
                _every(_REVIVE_SECONDS, "jobs.revive", lambda: _revive(app)),
                _every(_SWEEP_SECONDS, "mint_energy.sweep", story.sweep),
                _every(_STANDING_SECONDS, "standing_deposits.sweep", deposits.sweep),
                _every(_DIVIDE_SECONDS, "divide_fees.round", fees.round),
                _every(_CLEAR_SECONDS, "clear_rounds.round", rounds.round),
                _every(_RETRY_SECONDS, "ingest.retry", lambda: _retry(database, ingest)),
                _every(_ROLLUP_SECONDS, "rollup", lambda: _sum_up(database, clock)),
                _every(_RETENTION_SECONDS, "retention", lambda: _keep(database, clock, settings.retention)),
                _every(_MEASURE_SECONDS, "metrics", lambda: _measure(database, metrics)),
                _every(_FORGET_SECONDS, "outbox.forget", lambda: _forget(database)),
            )
    finally:
        verifier.close()
        await client.close()


async def _connected(settings: WorkerSettings) -> StreamClient:
    """The stream's client with both streams in place, however long the server takes to come."""
    client = await stream.connect(settings.nats_url.get_secret_value(), name="greencore worker")
    while True:
        try:
            await stream.ensure_streams(client)
        except (StreamError, TimeoutError, OSError) as error:
            log.warning("stream.not_ready", error=repr(error))
            await asyncio.sleep(1)
        else:
            return client


def _origin(settings: WorkerSettings) -> str:
    """What tells the message ids of this database from those of another one."""
    return make_url(settings.database_url.get_secret_value()).database or "greencore"


async def _work(app: App, concurrency: int) -> None:
    await app.run_worker_async(
        concurrency=concurrency,
        install_signal_handlers=False,
        delete_jobs="successful",
        fetch_job_polling_interval=1.0,
        update_heartbeat_interval=_HEARTBEAT_SECONDS,
        stalled_worker_timeout=_STALLED_SECONDS,
        shutdown_graceful_timeout=5.0,
    )


async def _revive(app: App) -> None:
    """Put jobs of workers that died back into the queue: their locks would hold everything behind them."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_SECONDS):
        log.warning("job.revived", task=job.task_name, job=job.id)
        await app.job_manager.retry_job(job)


async def _retry(database: Database, ingest: IngestService) -> None:
    async with database.transaction() as session:
        await ingest.retry(session)


async def _measure(database: Database, metrics: Metrics) -> None:
    """What waits, for Prometheus."""
    async with database.transaction() as session:
        events = await session.scalar(
            select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None))
        )
        states = await session.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"))
        refused = await session.execute(
            text(
                "SELECT CASE WHEN retry_at IS NULL THEN 'parked' ELSE 'refused' END, count(*) FROM energy_rejection "
                "WHERE resolved_at IS NULL GROUP BY 1"
            )
        )
        metrics.waiting.clear()
        for kind, number in refused:
            metrics.waiting.labels(f"reading_{kind}").set(number)
        metrics.waiting.labels("event").set(events or 0)
        for state, number in states:
            metrics.waiting.labels(f"job_{state}").set(number)


async def _sum_up(database: Database, clock: Clock) -> None:
    """Hourly and daily sums, until nothing is marked."""
    taken = rollup.BATCH
    while taken == rollup.BATCH:
        async with database.transaction() as session:
            taken = await rollup.sum_up(session, clock.now())


async def _keep(database: Database, clock: Clock, rules: Retention) -> None:
    """Months ahead of time, months past their time, old books of errors: each in a transaction of its own."""
    now = clock.now()
    async with database.transaction() as session:
        await Partitions().ahead(session, now)
    async with database.transaction() as session:
        await prune(session, now, rules)
    async with database.transaction() as session:
        await detach_old(session, now, rules)


async def _forget(database: Database) -> None:
    async with database.transaction() as session:
        await outbox.forget(session)


async def _every(seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do something again and again; a failure is logged and the next time is another chance."""
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the outermost loop of a worker
            log.warning("periodic.failed", what=name, error=repr(error))
        await asyncio.sleep(seconds)
