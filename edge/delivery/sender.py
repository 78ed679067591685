# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Delivery: at least once, in order, until the server has signed for every interval.

A transport only carries bytes. What counts is the receipt: signed by the server's key, for this station, naming the
interval's hash. No answer, a broker's acknowledgement, an unsigned or foreign receipt change nothing.
"""

import asyncio
import contextlib
import random
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.buffer.store import Buffer
from edge.buffer.tables import Row, Sealed
from edge.clock import Clock
from edge.delivery.envelope import sealer
from edge.delivery.skew import Skew
from edge.intervals import SLOT_MS
from edge.protocol import ProtocolError, Receipt, decode_receipts
from edge.schedule import flush_ms, jitter_ms, upload_ms
from edge.settings import EdgeSettings
from edge.status import Status

T = TypeVar("T")
log = structlog.get_logger("edge.delivery")


class NotDelivered(Exception):
    """The server was not reached or has no time: the same delivery again later. `after_s` is its own wish, if any."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(Exception):
    """The server refuses this delivery as a whole and signs nothing; one interval in it may be why."""


class Transport(Protocol):
    """Carries a JSON array of intervals to the server; hands whatever comes back to `receive`."""

    async def run(self) -> None:
        """Hold a connection, if the transport has one; never returns."""

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        """Send and wait until every hash has a receipt or the time is over. Raises NotDelivered, Refused."""


class Delivery:
    """Moves pending intervals to the server. One at a time; woken by the agent whenever there is something new.

    With a `key`, intervals that wait together go in envelopes; without, each goes under its own signature.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        buffer: Buffer,
        writer: Executor,
        clock: Clock,
        status: Status,
        key: Ed25519PrivateKey | None = None,
    ) -> None:
        self._settings = settings
        self._buffer = buffer
        self._writer = writer
        self._clock = clock
        self._status = status
        self._wake = asyncio.Event()
        self._retry = asyncio.Event()
        self._skew = Skew(clock)
        boot_id = secrets.token_hex(8)
        self._seal = sealer(settings.station, key, boot_id) if key is not None and settings.envelope > 1 else None
        self._jitter_ms = jitter_ms(settings.upload_jitter_s, settings.source == "demo" or clock.speed != 1)
        self.transport: Transport | None = None

    def wake(self) -> None:
        """There is something to deliver."""
        self._wake.set()

    def reachable(self) -> None:
        """The way to the server stands again: there is no reason to wait for the next attempt."""
        self._retry.set()

    async def run(self) -> None:
        """Deliver for ever. Network pauses are wall time: a server does not recover faster in a fast simulation."""
        failures = 0
        while True:
            self._wake.clear()
            self._retry.clear()
            try:
                await self._refresh()  # first, for what the disk did is told while no server answers, too
                if await self._its_time():
                    idle = await self._pass()
                    failures = 0
                    self._status.update(delivery_error=None)
                else:
                    idle = True
            except (NotDelivered, sqlite3.Error) as error:
                failures += 1
                pause = self._backoff(failures, getattr(error, "after_s", None))
                self._status.update(delivery_error=str(error))
                log.warning("not_delivered", error=str(error), failures=failures, retry_in_s=round(pause, 1))
                await self._sleep(min(pause, self._until_flush_s()), self._retry)
                continue
            if idle:
                await self._sleep(min(self._settings.retry_max_s, self._until_flush_s()), self._wake)
                await self._its_turn()

    async def _its_time(self) -> bool:
        """False on a metered link until the next flush of the day, unless something still waits from before the last."""
        if self._settings.link == "always":
            return True
        rows = await self._on_disk(lambda: self._buffer.pending(1))
        last_ms, _ = flush_ms(self._clock.now_ms(), self._settings.station)
        due = bool(rows) and (rows[0].slot + 1) * SLOT_MS <= last_ms
        if not due:
            await self._tidy()
        return due

    async def _its_turn(self) -> None:
        """Wait for the station's place after the quarter hour, so that a million of them do not come at once."""
        now_ms = self._clock.now_ms()
        await self._clock.sleep_until(upload_ms(now_ms, self._settings.station, self._jitter_ms))

    def _until_flush_s(self) -> float:
        now_ms = self._clock.now_ms()
        _, next_ms = flush_ms(now_ms, self._settings.station)
        return (next_ms - now_ms) / 1000 / self._clock.speed

    async def receive(self, data: bytes) -> set[bytes]:
        """Apply receipts that came in, from whatever channel. Returns the hashes that the server has signed for."""
        settled: set[bytes] = set()
        try:
            receipts = decode_receipts(data)
        except ProtocolError as error:
            self._status.count("receipts_ignored")
            log.warning("receipt_ignored", reason="malformed", error=str(error))
            return settled
        for receipt in receipts:
            reason = self._why_not(receipt)
            if reason:
                self._status.count("receipts_ignored")
                log.warning("receipt_ignored", reason=reason, key_id=receipt.keyId, home=receipt.homeId)
                continue
            try:
                settled |= await self._apply(receipt)
            except (
                sqlite3.Error
            ) as error:  # the intervals stay pending and are sent again: the server will say duplicate
                self._status.update(last_error=f"a receipt was not stored: {error}")
                log.error("receipt_not_stored", error=str(error))
        return settled

    async def _apply(self, receipt: Receipt) -> set[bytes]:
        """Store a receipt that is ours. Returns the hashes it names. Raises sqlite3.Error."""
        moved = await self._on_disk(lambda: self._buffer.receive(receipt, self._clock.now_ms()))
        hashes = _named(receipt)
        if (skew := self._skew.heard(receipt.serverTime, hashes)) is not None:
            self._status.update(clock_skew_s=skew.offset_s, clock_skew_uncertainty_s=skew.uncertainty_s)
            if skew.alarming:
                log.warning("clock_skew", offset_s=skew.offset_s, uncertainty_s=skew.uncertainty_s)
        if moved:
            log.info("receipt", **moved)
        for line in receipt.receipts:
            if line.status in ("conflict", "rejected"):
                log.error("refused", status=line.status, code=line.code, detail=line.detail, start=line.start)
        await self._refresh()
        return hashes

    async def _pass(self) -> bool:
        """Deliver one batch; True if nothing is left to do for now. Raises NotDelivered."""
        envelope = await self._on_disk(self._buffer.open_envelope)
        if envelope is None:
            batch = self._settings.batch
            rows = await self._on_disk(lambda: self._buffer.pending(batch, attempts_below=1, loose=True))
            fresh = [row for row in rows if not row.enveloped]
            if rows and len(fresh) == len(rows) and len(rows) > 1:
                envelope = await self._sealed(rows[: self._settings.envelope])
        if envelope is not None:
            await self._deliver_envelope(envelope)
            return False
        if rows:
            await self._deliver([row for row in rows if row.enveloped] or rows)
            return False
        # refused whole before: alone, and only when nothing else waits, so that they hold up nobody
        for row in await self._on_disk(lambda: self._buffer.pending(self._settings.batch)):
            await self._deliver([row])
        await self._tidy()
        return True

    async def _tidy(self) -> None:
        now_ms = self._clock.now_ms()
        await self._on_disk(lambda: self._buffer.prune(now_ms, self._settings.retention_s))
        await self._refresh()

    async def _sealed(self, rows: Sequence[Row]) -> Sealed | None:
        """An envelope of these rows; None if there are to be none, or if a row is not what was stored."""
        seal = self._seal
        if seal is None:
            return None
        try:
            made = await self._on_disk(lambda: self._buffer.seal(rows, seal))
        except ProtocolError as error:
            log.error("not_sealed", error=str(error))
            return None
        self._status.count("envelopes")
        return made

    async def _deliver_envelope(self, envelope: Sealed) -> None:
        """Send an envelope as it was made; if the server refuses it whole, its intervals go under their own signatures."""
        try:
            await self._send(envelope.wire, envelope.inside)
        except Refused as error:
            log.error("envelope_refused", hash=envelope.hash.hex(), error=str(error))
            await self._on_disk(lambda: self._buffer.open_up(envelope))

    async def _deliver(self, rows: Sequence[Row]) -> None:
        """Send rows in one delivery; halve it while the server refuses it, until the poison stands alone."""
        try:
            await self._send(b"[" + b",".join(row.wire for row in rows) + b"]", frozenset(row.hash for row in rows))
        except Refused as error:
            if len(rows) == 1:
                seq, why = rows[0].seq, str(error)
                log.error("refused_without_receipt", seq=seq, error=why)
                await self._on_disk(lambda: self._buffer.refused_whole(seq, why))
                self._status.update(last_error=f"interval {seq}: {why}")
                await self._refresh()
                return
            middle = len(rows) // 2
            await self._deliver(rows[:middle])
            await self._deliver(rows[middle:])

    async def _send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        if self.transport is None:
            raise NotDelivered("no transport")
        self._skew.sending(hashes)
        await self.transport.send(payload, hashes)

    def _why_not(self, receipt: Receipt) -> str:
        """Why a receipt is not one for us; empty if it is."""
        if receipt.homeId != str(self._settings.station):
            return "another station"
        try:
            return "" if receipt.signed_by(self._settings.receipt_key_bytes) else "not signed by the server's key"
        except (ValueError, OverflowError):
            return "its time is not a time"

    def _backoff(self, failures: int, after_s: float | None) -> float:
        """Full jitter: anything from nothing to the doubled pause, so that stations do not come back in step."""
        ceiling = min(self._settings.retry_max_s, self._settings.retry_base_s * 2 ** min(failures - 1, 30))
        wish = min(after_s or 0.0, self._settings.retry_max_s)
        return wish + random.uniform(0, ceiling)

    async def _sleep(self, seconds: float, until: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            pass

    async def _refresh(self) -> None:
        counts = await self._on_disk(self._buffer.counts)
        totals = await self._on_disk(self._buffer.totals)
        self._status.buffer(counts, totals)
        self._status.update(
            buffer_error=self._buffer.trouble,
            waiting_for_disk=self._buffer.waiting,
            buffers_put_aside=[incident.text() for incident in self._buffer.incidents()],
        )

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)


def _named(receipt: Receipt) -> set[bytes]:
    """The hashes that a receipt speaks of; what is no hash is nobody's."""
    named = set()
    for line in receipt.receipts:
        with contextlib.suppress(ValueError):
            named.add(bytes.fromhex(line.hash.removeprefix("0x")))
    return named
