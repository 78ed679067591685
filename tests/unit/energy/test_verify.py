# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Signatures checked by other processes: the same answers as here, also when those processes are killed at any instant."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy.ingest.verify import CHUNK, INLINE_MAX, InlineVerifier, Proof, VerifierPool

KEYS = [Ed25519PrivateKey.generate() for _ in range(3)]
PUBLIC = tuple(key.public_key().public_bytes_raw() for key in KEYS)


def proofs(count: int) -> tuple[list[Proof], list[bytes | None]]:
    """Signed by each key in turn; every fourth by nobody who is named."""
    made, expected = [], []
    for number in range(count):
        body = number.to_bytes(4, "big")
        signer = number % 4
        made.append(Proof(PUBLIC, KEYS[signer].sign(body) if signer < 3 else bytes(64), body))
        expected.append(PUBLIC[signer] if signer < 3 else None)
    return made, expected


@pytest.fixture
async def pool() -> AsyncIterator[VerifierPool]:
    made = VerifierPool(2)
    yield made
    made.close()


async def test_the_pool_says_what_one_process_says(pool: VerifierPool) -> None:
    few, expected = proofs(INLINE_MAX)
    assert await pool.signers(few) == expected == await InlineVerifier().signers(few)
    assert pool.processes() == []
    many, expected = proofs(5 * CHUNK + 3)
    assert await pool.signers(many) == expected == await InlineVerifier().signers(many)
    assert len(pool.processes()) == 2


async def test_killed_processes_lose_nothing(pool: VerifierPool) -> None:
    many, expected = proofs(3 * CHUNK)
    assert await pool.signers(many) == expected
    for _ in range(3):
        first = pool.processes()
        under_way = [asyncio.create_task(pool.signers(many)) for _ in range(12)]
        await asyncio.sleep(0.005)
        os.kill(first[0], signal.SIGKILL)
        assert await asyncio.gather(*under_way) == [expected] * 12
        assert await pool.signers(many) == expected
        assert first[0] not in pool.processes()


async def test_a_closed_pool_starts_again(pool: VerifierPool) -> None:
    many, expected = proofs(INLINE_MAX + 1)
    assert await pool.signers(many) == expected
    pool.close()
    assert await pool.signers(many) == expected
