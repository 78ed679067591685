# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Keys: what is written stays secret and whole, what is signed is what contracts accept."""

import stat
from contextlib import suppress
from pathlib import Path

import pytest
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chain.signer import LocalSigner, compact, create_keystore, decrypt_keystore, recover
from chain.signers import open_signer
from kit.errors import Malformed, NotFound, Refused, Unauthorised
from kit.ids import address_bytes

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = keccak(b"a key for tests")


def test_a_keystore_opens_with_its_password_only_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.json"
    address = create_keystore(path, "right", key=KEY, scrypt_n=1 << 10)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert decrypt_keystore(path, "right").address == address == Account.from_key(KEY).address
    assert KEY.hex() not in path.read_text()
    with pytest.raises(Unauthorised):
        decrypt_keystore(path, "wrong")
    before = path.read_bytes()
    with pytest.raises(Refused, match="never overwritten"):
        create_keystore(path, "other", scrypt_n=1 << 10)
    assert path.read_bytes() == before


def test_a_keystore_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    create_keystore(path, "right", scrypt_n=1 << 10)
    path.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        decrypt_keystore(path, "right")


@pytest.mark.parametrize("content", ["", "{}", '{"version": 3}', '{"version": 1, "crypto": {"ciphertext": ""}}', "[3]"])
def test_a_file_that_is_no_keystore_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "node.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Malformed, match="no keystore"):
        decrypt_keystore(path, "right")
    with pytest.raises(NotFound):
        decrypt_keystore(tmp_path / "none.json", "right")


async def test_a_bare_key_is_taken_and_never_shown() -> None:
    signer = await open_signer("0x" + KEY.hex())
    assert KEY.hex() not in repr(signer)
    with pytest.raises(Malformed):
        await open_signer("0x" + "zz" * 32)
    with pytest.raises(Malformed):
        LocalSigner(bytes(32))


@given(st.binary(min_size=32, max_size=32))
async def test_signatures_recover_and_every_changed_bit_does_not(digest: bytes) -> None:
    signer = LocalSigner(KEY)
    signature = await signer.sign_digest(digest)
    assert len(signature) == 64
    assert recover(digest, signature) == address_bytes(signer.address)
    changed = bytes([signature[0] ^ 1, *signature[1:]])
    with suppress(Malformed):
        assert recover(digest, changed) != address_bytes(signer.address)


async def test_a_high_s_is_turned_low_on_the_way_out_and_refused_on_the_way_in() -> None:
    digest = keccak(b"report")
    signer = LocalSigner(KEY)
    signature = await signer.sign_digest(digest)
    r, vs = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s, v = vs & ((1 << 255) - 1), vs >> 255
    assert compact(r, ORDER - s, v ^ 1) == signature
    # the least s that is high; what is higher does not even fit its 255 bits
    high = r.to_bytes(32, "big") + (ORDER // 2 + 1).to_bytes(32, "big")
    with pytest.raises(Malformed, match="s is high"):
        recover(digest, high)
    with pytest.raises(Malformed, match="64 bytes"):
        recover(digest, signature[:63])
