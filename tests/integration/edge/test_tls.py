# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""TLS with client certificates on both transports, against uvicorn and a real NATS server; every failure says its reason."""

import asyncio
import ssl
import sys
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import aiomqtt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from edge.delivery.mqtt import MqttTransport
from edge.delivery.rest import RestTransport
from edge.delivery.sender import NotDelivered
from edge.delivery.tls import TlsError, client_context
from edge.doctor.remote import server as examine_server
from edge.protocol import Interval, decode, decode_receipts, sign, topic_receipts
from edge.settings import EdgeSettings
from tests.integration.edge.authority import Authority

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
DEVICE = Ed25519PrivateKey.from_private_bytes(bytes(32))
SIGNED = sign(Interval(HOME, 1_956_096, {"meterWh": 5}, bytes(32), seq=1), DEVICE)
HASHES = frozenset({SIGNED.hash})


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ours, foreign = Authority(folder / "ours"), Authority(folder / "foreign", "another CA")
    return SimpleNamespace(
        ca=ours.ca,
        foreign_ca=foreign.ca,
        server=ours.certificate("server"),
        client=ours.certificate("client", "station"),
        other_host=ours.certificate("other", "greencore.example"),
        expired=ours.certificate("expired", days=-1),
        foreign_client=foreign.certificate("stranger", "station"),
    )


class Heard:
    """Receipts that a transport handed on."""

    def __init__(self) -> None:
        self.hashes: set[bytes] = set()

    async def __call__(self, data: bytes) -> set[bytes]:
        found = {bytes.fromhex(line.hash[2:]) for it in decode_receipts(data) for line in it.receipts}
        self.hashes |= found
        return found


async def served(receiver, certificate, ca, use):
    """Run `use` with the URL of the receiver behind TLS, client certificates demanded."""
    config = uvicorn.Config(
        receiver,
        port=0,
        log_level="critical",
        lifespan="off",
        interface="asgi3",
        ssl_certfile=certificate[0],
        ssl_keyfile=certificate[1],
        ssl_ca_certs=str(ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        return await use(f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        await task


async def post(url: str, context: ssl.SSLContext) -> set[bytes]:
    heard = Heard()
    transport = RestTransport(url, 5, heard, context)
    running = asyncio.create_task(transport.run())
    await asyncio.sleep(0)
    try:
        await transport.send(b"[" + SIGNED.to_json() + b"]", HASHES)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return heard.hashes


async def test_rest_with_a_client_certificate_and_every_way_to_fail(receiver, pki):
    async def all_ways(url: str) -> None:
        assert await post(url, client_context(pki.ca, *pki.client)) == {SIGNED.hash}
        with pytest.raises(NotDelivered, match=r"not from a CA that we trust.*GREENCORE_EDGE_TLS_CA"):
            await post(url, client_context(pki.foreign_ca, *pki.client))
        with pytest.raises(NotDelivered, match=r"client certificate.*GREENCORE_EDGE_TLS_CERT"):
            await post(url, client_context(pki.ca, None, None))
        with pytest.raises(NotDelivered, match="client certificate"):
            await post(url, client_context(pki.ca, *pki.foreign_client))

    await served(receiver, pki.server, pki.ca, all_ways)


@pytest.mark.parametrize(
    ("certificate", "why"),
    [("expired", "has expired; or our clock is wrong"), ("other_host", "is for another host: .*127.0.0.1")],
)
async def test_a_server_with_the_wrong_certificate_gets_nothing(receiver, pki, certificate, why):
    async def one_way(url: str) -> None:
        with pytest.raises(NotDelivered, match=why):
            await post(url, client_context(pki.ca, *pki.client))

    await served(receiver, getattr(pki, certificate), pki.ca, one_way)
    assert receiver.books.deliveries == 0


async def test_plain_http_where_tls_is_spoken_and_the_other_way_round(receiver, pki):
    context = client_context(pki.ca, *pki.client)
    with pytest.raises(NotDelivered, match="does not speak TLS on this port"):
        await post(receiver.url.replace("http://", "https://"), context)


def test_files_that_are_no_certificates_are_named(tmp_path, pki):
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(TlsError, match=r"empty\.pem holds no CA certificates"):
        client_context(tmp_path / "empty.pem", None, None)
    with pytest.raises(TlsError, match="are not a certificate and its private key"):
        client_context(None, pki.client[0], pki.server[1])


@pytest.fixture
def broker(processes, tmp_path, free_port, wait_for_port, pki):
    """Starts NATS with an MQTT door that speaks TLS and wants to see a certificate."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        pytest.skip(f"{binary} is missing; install the dependency group `embedded`")

    def start(certificate: tuple[Path, Path]) -> int:
        mqtt_port = free_port()
        config = tmp_path / f"nats-{mqtt_port}.conf"
        tls = f'cert_file: "{certificate[0]}", key_file: "{certificate[1]}", ca_file: "{pki.ca}", verify: true'
        config.write_text(
            f'server_name: "test"\nhost: "127.0.0.1"\nport: {free_port()}\n'
            f'jetstream {{ store_dir: "{tmp_path / str(mqtt_port)}" }}\n'
            f'mqtt {{ host: "127.0.0.1", port: {mqtt_port}, tls {{ {tls} }} }}\n'
        )
        processes.start("nats", [str(binary), "-c", str(config)])
        wait_for_port(mqtt_port)
        return mqtt_port

    return start


def mqtt_settings(port: int, key: str = "00" * 32, **changes) -> EdgeSettings:
    return EdgeSettings(
        station=HOME,
        receipt_key=key,
        transport="mqtt",
        mqtt_port=port,
        mqtt_tls=True,
        delivery_timeout_s=8,
        retry_base_s=0.1,
        retry_max_s=0.2,
        **changes,
    )


async def publish(port: int, context: ssl.SSLContext | None, heard: Heard) -> None:
    with capture_logs():
        transport = MqttTransport(mqtt_settings(port), heard, context)
        running = asyncio.create_task(transport.run())
        try:
            await transport.send(b"[" + SIGNED.to_json() + b"]", HASHES)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


# paho leaves the socket of a handshake that failed to the garbage collector, which says so
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_mqtt_with_a_client_certificate_and_every_way_to_fail(receiver, pki, broker):
    port = broker(pki.server)
    context = client_context(pki.ca, *pki.client)
    ready = asyncio.Event()

    async def serve() -> None:
        async with aiomqtt.Client("127.0.0.1", port, identifier="server", tls_context=context) as client:
            await client.subscribe("greencore/v1/+/intervals", qos=1)
            ready.set()
            async for message in client.messages:
                station = decode(message.payload)[0].interval.home_id
                await client.publish(topic_receipts(station), receiver.books.take(message.payload), qos=1)

    serving = asyncio.create_task(serve())
    try:
        async with asyncio.timeout(10):
            await ready.wait()
        heard = Heard()
        await publish(port, context, heard)
        assert heard.hashes == {SIGNED.hash}
        refusals = [
            (client_context(pki.foreign_ca, *pki.client), "not from a CA that we trust"),
            (client_context(pki.ca, None, None), "asks for a client certificate; set GREENCORE_EDGE_TLS_CERT"),
            (client_context(pki.ca, *pki.foreign_client), "client certificate"),
        ]
        for wrong, why in refusals:
            with pytest.raises(NotDelivered, match=why):
                await publish(port, wrong, Heard())
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert len(receiver.books.kept) == 1
    with pytest.raises(NotDelivered, match="has expired"):
        await publish(broker(pki.expired), context, Heard())


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_the_doctor_names_what_is_wrong_on_the_way(receiver, pki, broker):
    port = broker(pki.server)

    async def findings(url: str, **changes) -> dict[str, tuple[str, str]]:
        settings = mqtt_settings(port, api_url=url, **changes)
        return {it.name: (it.verdict, it.seen) for it in await examine_server(settings, lambda: 1_795_000_000.0)}

    async def look(url: str) -> None:
        ours = {"tls_ca": pki.ca, "tls_cert": pki.client[0], "tls_key": pki.client[1]}
        found = await findings(url, **ours)
        assert found["broker"] == ("ok", f"127.0.0.1:{port} lets the station in, over TLS")
        assert found["tls.certificate"][0] == "warn"
        found = await findings(url, **(ours | {"tls_ca": pki.foreign_ca}))
        assert found["server"][0] == "warn"
        assert "not from a CA that we trust" in found["server"][1]
        assert found["broker"][0] == "fail"

    await served(receiver, pki.server, pki.ca, look)
