# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore edge buffer deliver FILE`: bring exported intervals to the server by any machine that reaches it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import msgspec

from edge.delivery.rest import PATH
from edge.delivery.tls import TlsError, client_context, explain
from edge.protocol import BATCH_MAX, ProtocolError, decode, decode_receipts
from edge.terminal import unable

NOT_ALL = 1
_KEY_BYTES = 32


@click.command("deliver")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--api-url", envvar="GREENCORE_EDGE_API_URL", required=True, help="Base URL of the API.")
@click.option("--receipt-key", envvar="GREENCORE_EDGE_RECEIPT_KEY", required=True, help="The server's public key, hex.")
@click.option("--tls-ca", envvar="GREENCORE_EDGE_TLS_CA", type=click.Path(path_type=Path), help="CA certificates.")
@click.option("--tls-cert", envvar="GREENCORE_EDGE_TLS_CERT", type=click.Path(path_type=Path), help="Our certificate.")
@click.option("--tls-key", envvar="GREENCORE_EDGE_TLS_KEY", type=click.Path(path_type=Path), help="Its private key.")
@click.option(
    "--receipts", type=click.Path(path_type=Path), help="Append the signed receipts to this file, a line each."
)
def deliver_command(
    file: Path,
    api_url: str,
    receipt_key: str,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    receipts: Path | None,
) -> None:
    """Deliver the intervals of a FILE that `export --format signed` wrote, under the device's own signatures.

    Needs neither the device nor its key. Safe to repeat. The agent, once it is on line again, hears that they were duplicates.
    Exit code 0: the server has signed for every one as accepted or duplicate; 1: not for all; 2: it could not be tried.
    """
    try:
        key = bytes.fromhex(receipt_key)
        if len(key) != _KEY_BYTES:
            raise ValueError(
                f"--receipt-key has {2 * _KEY_BYTES} hexadecimal digits; GET /api/telemetry/receipt-key tells it"
            )
        context = client_context(tls_ca, tls_cert, tls_key)
        payloads = list(_parts(file.read_bytes()))
    except (OSError, ValueError, TlsError, msgspec.DecodeError) as error:
        raise unable(str(error)) from error
    statuses: Counter[str] = Counter()
    total = 0
    with httpx.Client(base_url=api_url, timeout=60, verify=context) as client:
        for payload, count in payloads:
            total += count
            try:
                answer = client.post(PATH, content=payload, headers={"content-type": "application/json"})
                found = decode_receipts(answer.content)
            except httpx.HTTPError as error:
                raise unable(f"{api_url}: {explain(error)}; nothing after interval {total - count} was sent") from error
            except ProtocolError:
                raise unable(f"HTTP {answer.status_code} without a receipt: {answer.text[:300]}") from None
            for receipt in found:
                if not receipt.signed_by(key):
                    raise unable("the receipt is not signed by the server's key; nothing is known about the intervals")
                statuses.update(line.status for line in receipt.receipts)
                for line in receipt.receipts:
                    if line.status not in ("accepted", "duplicate"):
                        click.echo(f"{line.start} {line.status} {line.code} {line.detail}", err=True)
            if receipts is not None:
                with receipts.open("ab") as log:
                    log.writelines(receipt.to_json() + b"\n" for receipt in found)
    click.echo(f"{total} intervals: " + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))
    if statuses["accepted"] + statuses["duplicate"] < total:
        raise SystemExit(NOT_ALL)


def _parts(whole: bytes) -> Iterator[tuple[bytes, int]]:
    """The array in deliveries of at most `BATCH_MAX`, every interval's bytes untouched. Raises DecodeError, ProtocolError."""
    items = [bytes(item) for item in msgspec.json.decode(whole, type=list[msgspec.Raw])]
    for item in items:
        decode(item)
    for at in range(0, len(items), BATCH_MAX):
        part = items[at : at + BATCH_MAX]
        yield b"[" + b",".join(part) + b"]", len(part)
