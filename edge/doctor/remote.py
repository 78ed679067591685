# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at what is not on this machine: the server's doors and the meters."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
from cryptography import x509

from edge.clock import Clock
from edge.delivery.skew import ALARM_S
from edge.delivery.tls import TlsError, client_context, explain, probe
from edge.doctor.finding import Finding, Verdict
from edge.meters.discovering import ask_map
from edge.meters.doors import Doors, map_of
from edge.meters.modbus import MeterError
from edge.meters.registers import MapError, Value, decode
from edge.meters.sunspec import DISCOVER
from edge.protocol import topic_receipts
from edge.settings import EdgeSettings, Http, MeterSettings

KEY_PATH = "/api/telemetry/receipt-key"
PATIENCE_S = 10.0
PROBE_S = 3.0
EXPIRES_SOON_DAYS = 30


async def server(settings: EdgeSettings, wall: Callable[[], float]) -> list[Finding]:
    """DNS, TCP, TLS, the API's receipt key, the clock that it shows, and the broker where one is used."""
    try:
        context = client_context(settings.tls_ca, settings.tls_cert, settings.tls_key)
    except TlsError as error:
        return [Finding("tls", "fail", str(error), "GREENCORE_EDGE_TLS_CA, _TLS_CERT and _TLS_KEY name PEM files")]
    findings = _own_certificate(settings.tls_cert, wall())
    findings += await _api(settings, context, wall)
    if settings.transport == "mqtt":
        findings.append(await _broker(settings, context if settings.mqtt_tls else None))
    return findings


async def meters(settings: EdgeSettings, status: Mapping[str, Any]) -> list[Finding]:
    """Every meter once. What a running agent reads is left to it: many devices take one connection only."""
    if status:
        told: Mapping[str, Mapping[str, Any]] = status.get("meters") or {}
        return [_by_agent(meter, told.get(meter.id, {})) for meter in settings.all_meters]
    try:
        maps = {meter.id: map_of(meter) for meter in settings.all_meters if meter.map != DISCOVER}
    except MapError as error:
        return [Finding("meter", "fail", str(error), "`greencore edge maps` lists the maps")]
    doors = Doors(settings, maps, Clock().now_ms)
    findings = []
    try:
        for meter in settings.all_meters:
            name = f"meter.{meter.id}"
            try:
                if meter.map == DISCOVER:
                    maps[meter.id] = await ask_map(doors.bus(meter), meter.unit)
                reading = await doors.meter(meter).read()
            except (MeterError, MapError) as error:
                reason = f"{error.reason}: {error}" if isinstance(error, MeterError) else str(error)
                todo = 'docs/edge.md, "When something fails"; `greencore edge scan` finds what is there'
                findings.append(Finding(name, "fail", reason, todo))
                continue
            if isinstance(meter.door, Http):
                findings.append(Finding(name, "ok", "answers"))
                continue
            found = decode(maps[meter.id], reading.words)
            values = [f"{key} {value.micro / 1e6:g}" for key, value in found.items() if isinstance(value, Value)]
            missing = [key for key, value in found.items() if not isinstance(value, Value)]
            todo = (
                f"`greencore edge test-map {meter.map}` shows what a shift by one register gives" if not values else ""
            )
            seen = f"answers; {', '.join(values) or 'no value'}" + (f"; empty: {', '.join(missing)}" if missing else "")
            findings.append(Finding(name, "ok" if values else "fail", seen, todo))
    finally:
        await doors.close()
    return findings


def _by_agent(meter: MeterSettings, told: Mapping[str, Any]) -> Finding:
    name, wrong = f"meter.{meter.id}", told.get("meter_error")
    if wrong:
        return Finding(name, "fail", f"the agent says: {wrong}", 'docs/edge.md, "When something fails"')
    if not told.get("last_read"):
        return Finding(name, "warn", "the agent has not read it yet", "wait a minute and look again")
    return Finding(name, "ok", f"the agent read it at {told['last_read']}")


async def _api(settings: EdgeSettings, context: ssl.SSLContext, wall: Callable[[], float]) -> list[Finding]:
    url = settings.api_url
    todo = "is the address right, the network up, the firewall open? The buffer holds months meanwhile"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, verify=context) as client:
            began = wall()
            answer = await client.get(KEY_PATH)
            ended = wall()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        verdict: Verdict = "fail" if settings.transport == "rest" else "warn"
        return [Finding("server", verdict, f"{url}: {type(error).__name__}: {explain(error)}", todo)]
    if not answer.is_success:
        return [Finding("server", "fail", f"{url}{KEY_PATH} answers {answer.status_code}", "is it the API's base URL?")]
    findings = [Finding("server", "ok", f"{url} answers in {(ended - began) * 1000:.0f} ms")]
    try:
        told = str(answer.json()["publicKey"]).removeprefix("0x").lower()
    except (ValueError, KeyError, TypeError):
        told = ""
    if told != settings.receipt_key.lower():
        seen = f"the server shows {told or 'no key'}, RECEIPT_KEY is {settings.receipt_key.lower()}"
        todo = "compare over a second channel; while they differ no receipt counts and nothing leaves the buffer"
        findings.append(Finding("server.receipt_key", "fail", seen, todo))
    dated = answer.headers.get("date")
    if dated and not settings.clock:
        apart_s = parsedate_to_datetime(dated).timestamp() + 0.5 - (began + ended) / 2
        far = abs(apart_s) > ALARM_S + (ended - began) / 2 + 0.5
        todo = "synchronise the clock" if far else ""
        findings.append(Finding("server.clock", "warn" if far else "ok", f"{apart_s:+.1f} s from ours", todo))
    return findings


async def _broker(settings: EdgeSettings, context: ssl.SSLContext | None) -> Finding:
    """Log in as the station does, under another session's name, and subscribe to its receipts."""
    where = f"{settings.mqtt_host}:{settings.mqtt_port}"
    password = settings.mqtt_password
    client = aiomqtt.Client(
        settings.mqtt_host,
        settings.mqtt_port,
        username=settings.mqtt_user,
        password=None if password is None else password.get_secret_value(),
        identifier=f"greencore-{settings.station}-doctor",
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=PATIENCE_S,
        tls_context=context,
    )
    try:
        async with asyncio.timeout(2 * PATIENCE_S), client:
            await client.subscribe(topic_receipts(settings.station), qos=1)
    except (aiomqtt.MqttError, TimeoutError) as error:
        todo = "host, port, MQTT_TLS, user and password; REST takes over after FALLBACK_S"
        why = "" if context is None else await _listen(settings, context)
        return Finding("broker", "fail", f"{where}: {why or explain(error)}", todo)
    return Finding("broker", "ok", f"{where} lets the station in" + (", over TLS" if context is not None else ""))


async def _listen(settings: EdgeSettings, context: ssl.SSLContext) -> str:
    where = settings.mqtt_host, settings.mqtt_port
    return await asyncio.get_running_loop().run_in_executor(None, probe, *where, context, PROBE_S)


def _own_certificate(path: Path | None, now_s: float) -> list[Finding]:
    if path is None:
        return []
    ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    days = (ends - datetime.fromtimestamp(now_s, UTC)).days
    seen = f"our certificate is good until {ends.date()}"
    if days < 0:
        return [Finding("tls.certificate", "fail", f"our certificate has expired on {ends.date()}", "renew it")]
    verdict: Verdict = "warn" if days < EXPIRES_SOON_DAYS else "ok"
    return [Finding("tls.certificate", verdict, seen, "renew it in time" if verdict == "warn" else "")]
