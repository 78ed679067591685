# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Delivery by MQTT 3.1.1, quality of service 1, with a session that outlives the connection.

A broker's acknowledgement says that it has the message in memory, and nothing about the server. Receipts come on a
topic of their own and may come much later, when the connection is another one.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable

import aiomqtt
import structlog

from edge.delivery.sender import NotDelivered
from edge.delivery.tls import explain, probe
from edge.protocol import topic_intervals, topic_receipts
from edge.settings import EdgeSettings

PROBE_S = 3.0  # wall time

log = structlog.get_logger("edge.mqtt")


class MqttTransport:
    """Holds the connection in `run`; `send` publishes and waits for receipts that `run` hears.

    `receive` gets every receipt, `reachable` is called whenever a connection stands.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        receive: Callable[[bytes], Awaitable[set[bytes]]],
        tls: ssl.SSLContext | None = None,
        reachable: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._receive = receive
        self._tls = tls
        self._reachable = reachable
        self._refusal = ""
        self._client: aiomqtt.Client | None = None
        self._connected = asyncio.Event()
        self._failed = asyncio.Event()
        self._heard = asyncio.Condition()
        self._waiting: set[bytes] = set()

    async def run(self) -> None:
        """Connect, subscribe to the receipts, listen; connect again with jitter whenever the connection ends."""
        failures = 0
        while True:
            try:
                async with self._new_client() as client:
                    await client.subscribe(topic_receipts(self._settings.station), qos=1)
                    self._client = client
                    self._connected.set()
                    failures, self._refusal = 0, ""
                    self._failed.clear()
                    self._reachable()
                    log.info("connected", host=self._settings.mqtt_host, port=self._settings.mqtt_port)
                    async for message in client.messages:
                        await self._hear(message.payload)
            except aiomqtt.MqttError as error:
                failures += 1
                self._client = None
                self._connected.clear()
                self._refusal = explain(error)
                if self._tls is not None and self._refusal == str(error):  # it only knows that the connection ended
                    self._refusal = await self._why_not(self._tls) or self._refusal
                self._failed.set()
                log.warning("disconnected", error=self._refusal, failures=failures)
            finally:
                self._client = None
                self._connected.clear()
            ceiling = min(self._settings.retry_max_s, self._settings.retry_base_s * 2 ** min(failures, 30))
            await asyncio.sleep(random.uniform(0, ceiling))

    async def send(self, payload: bytes, hashes: frozenset[bytes]) -> None:
        """Publish and wait for the receipts of these intervals. Raises NotDelivered."""
        timeout = self._settings.delivery_timeout_s
        self._waiting = set(hashes)  # before the publish: the receipt may be faster than its return
        try:
            async with asyncio.timeout(timeout):
                client = await self._connection()
                await client.publish(topic_intervals(self._settings.station), payload, qos=1, timeout=timeout)
                async with self._heard:
                    await self._heard.wait_for(lambda: not self._waiting)
        except TimeoutError as error:
            if len(self._waiting) < len(hashes):
                return  # some are settled; the rest goes with the next delivery
            raise NotDelivered(f"no receipt within {timeout:g} s") from error
        except aiomqtt.MqttError as error:
            raise NotDelivered(f"MQTT: {error}") from error
        finally:
            self._waiting = set()

    async def _hear(self, payload: object) -> None:
        if not isinstance(payload, bytes | bytearray):
            return
        settled = await self._receive(bytes(payload))
        async with self._heard:
            self._waiting -= settled
            self._heard.notify_all()

    async def _connection(self) -> aiomqtt.Client:
        """The connected client. Raises NotDelivered once an attempt has failed."""
        waits = [asyncio.create_task(event.wait()) for event in (self._connected, self._failed)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._client is None:
            raise NotDelivered(f"MQTT: {self._refusal or 'the connection has ended'}")
        return self._client

    async def _why_not(self, tls: ssl.SSLContext) -> str:
        where = self._settings.mqtt_host, self._settings.mqtt_port
        return await asyncio.get_running_loop().run_in_executor(None, probe, *where, tls, PROBE_S)

    def _new_client(self) -> aiomqtt.Client:
        password = self._settings.mqtt_password
        return aiomqtt.Client(
            self._settings.mqtt_host,
            self._settings.mqtt_port,
            username=self._settings.mqtt_user,
            password=None if password is None else password.get_secret_value(),
            identifier=f"greencore-{self._settings.station}-{self._settings.meter_id}",
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
            timeout=self._settings.delivery_timeout_s / 2,  # so that a delivery that waits hears why it waits in vain
            tls_context=self._tls,
        )
