# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A key in another process: what it signs is what a key of ours would sign, and nothing wrong that comes back is used."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from chain.remote import RemoteSigner
from chain.signer import LocalSigner, recover
from chain.signers import open_signer
from greencore.embedded.ports import free_ports
from kit.errors import GreenCoreError, Malformed, NotFound, Refused, Unauthorised, Unavailable
from kit.ids import address_bytes
from tests.integration.chain.remote_signer import Remote, sandbox

KEY, OTHER = keccak(b"remote"), keccak(b"another")
MESSAGE = b"\x19\x01" + bytes(64)
TRANSACTION = {
    "type": 2,
    "chainId": 31337,
    "nonce": 7,
    "to": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "value": 0,
    "data": "0x0badcafe",
    "gas": 90_000,
    "maxFeePerGas": 3 * 10**9,
    "maxPriorityFeePerGas": 10**9,
}


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    with sandbox(KEY, OTHER) as made:
        yield made


@pytest.fixture
async def signer(remote: Remote) -> AsyncIterator[RemoteSigner]:
    remote.behave("honest")
    made = await open_signer(f"{remote.url}#{LocalSigner(KEY).address}", timeout_seconds=1)
    assert isinstance(made, RemoteSigner)
    yield made
    await made.close()


async def test_reports_and_transactions_are_signed_as_by_a_key_of_our_own(signer: RemoteSigner, remote: Remote) -> None:
    local = LocalSigner(KEY)
    assert signer.address == local.address
    assert await signer.sign(MESSAGE) == await local.sign(MESSAGE)
    assert await signer.sign_transaction(TRANSACTION) == await local.sign_transaction(TRANSACTION)
    creation = {**TRANSACTION, "to": "", "data": "0x"}
    assert await signer.sign_transaction(creation) == await local.sign_transaction(creation)
    remote.behave("high_s")
    assert await signer.sign(MESSAGE) == await local.sign(MESSAGE)


@pytest.mark.parametrize(
    ("mode", "error", "code"),
    [
        ("slow", Unavailable, "chain.signer_unavailable"),
        ("failing", Unavailable, "chain.signer_unavailable"),
        ("denied", Unauthorised, "chain.signer_denied"),
        ("garbage", Refused, "chain.signer_answer"),
        ("short", Refused, "chain.signer_answer"),
        ("other_key", Refused, "chain.signer_other_key"),
        ("other_message", Refused, "chain.signer_other_key"),
    ],
)
async def test_what_is_no_signature_by_the_key_is_never_used(
    signer: RemoteSigner, remote: Remote, mode: str, error: type[GreenCoreError], code: str
) -> None:
    asked = remote.behave(mode)
    for work in (signer.sign(MESSAGE), signer.sign_transaction(TRANSACTION)):
        with pytest.raises(error) as raised:
            await work
        assert raised.value.code == code
    tries = remote.behave("honest") - asked
    assert tries == (4 if error is Unavailable else 2)
    assert recover(keccak(MESSAGE), await signer.sign(MESSAGE)) == address_bytes(signer.address)


async def test_a_key_that_is_not_there_is_told_at_the_start(remote: Remote, tmp_path: Path) -> None:
    remote.behave("honest")
    with pytest.raises(NotFound, match="does not have the key"):
        await open_signer(f"{remote.url}#{LocalSigner(keccak(b'third')).address}")
    with pytest.raises(Refused, match="has 2 keys"):
        await open_signer(remote.url)
    with pytest.raises(Malformed, match="no address"):
        await open_signer(f"{remote.url}#0x12")
    with pytest.raises(Malformed, match="takes ca, cert and key"):
        await open_signer(f"{remote.url}?token=1")
    with pytest.raises(NotFound, match="certificates"):
        await open_signer(f"{remote.url}?ca={tmp_path / 'none.pem'}")
    with pytest.raises(Unavailable, match="ConnectError"):
        await open_signer(f"http://127.0.0.1:{free_ports(1)[0]}")
