# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Many intervals under one signature: the bytes, every forgery, and what may stand in an envelope."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import (
    BATCH_MAX,
    Envelope,
    Interval,
    ProtocolError,
    SignedInterval,
    decode,
    encode,
    key_id,
    sign,
    sign_envelope,
)

HOME = UUID("2f1e4a6c-8f0b-4a53-9d1c-0a5a7a3f9b21")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def interval(slot: int, uwh: int = 5, meter: str | None = None) -> Interval:
    return Interval(HOME, 1_950_000 + slot, {"meterWh": uwh}, bytes(32), meter_id=meter)


def enveloped(count: int = 3, key: Ed25519PrivateKey = KEY, **more: Any) -> list[SignedInterval]:
    signed = [sign(interval(slot), key) for slot in range(count)]
    given = {"boot_id": "b1", "seq": 7, "prev": bytes(31) + b"\1"} | more
    envelope = sign_envelope(HOME, [one.hash for one in signed], key, **given)
    return [SignedInterval.enveloped(one.interval, one.body, one.hash, envelope) for one in signed]


def proof(delivery: SignedInterval) -> Envelope:
    assert delivery.envelope is not None
    return delivery.envelope


def code_of(data: bytes) -> str:
    with pytest.raises(ProtocolError) as error:
        decode(data)
    assert str(error.value)
    return error.value.code


def test_the_documented_bytes() -> None:
    made = enveloped(2)
    envelope = proof(made[0])
    assert envelope.body.decode() == (
        "greencore.envelope.v1\n"
        "bootId=b1\n"
        f"homeId={HOME}\n"
        f"keyId={key_id(PUBLIC)}\n"
        f"prev=0x{'00' * 31}01\n"
        "seq=7\n"
        f"0x{made[0].hash.hex()}\n"
        f"0x{made[1].hash.hex()}\n"
    )
    assert envelope.hash == keccak(envelope.body)
    KEY.public_key().verify(envelope.signature, envelope.body)


@given(st.integers(1, 12), st.data())
def test_json_and_back_gives_the_same_proof_whatever_is_carried(count: int, data: st.DataObject) -> None:
    made = enveloped(count)
    carried = data.draw(st.lists(st.sampled_from(made), min_size=1, unique_by=lambda it: it.hash))
    alone = sign(interval(99), KEY)
    read = decode(encode([*carried, alone]))
    assert sorted(it.hash for it in read) == sorted(it.hash for it in [*carried, alone])
    assert all(it.signed_by(PUBLIC) and not it.signed_by(OTHER.public_key().public_bytes_raw()) for it in read)
    assert {proof(it) for it in read if it.envelope} == {proof(made[0])}
    assert decode(carried[0].to_json()) == [carried[0]]
    assert Envelope.read(proof(made[0]).body, proof(made[0]).signature) == proof(made[0])


@given(st.data())
def test_no_change_survives_the_signature(data: st.DataObject) -> None:
    made = enveloped(4)
    wire = json.loads(encode(made))
    name = data.draw(st.sampled_from(["bootId", "seq", "prev", "order", "energy", "drop", "sign", "strange"]))
    if name == "bootId":
        wire["bootId"] = "b2"
    elif name == "seq":
        wire["seq"] += 1
    elif name == "prev":
        wire["prev"] = "0x" + "00" * 32
    elif name == "order":
        wire["intervals"][0], wire["intervals"][1] = wire["intervals"][1], wire["intervals"][0]
    elif name == "energy":
        wire["intervals"][2]["meterWh"] = 1
    elif name == "drop":
        wire["intervals"].pop(data.draw(st.integers(0, 3)))
    elif name == "sign":
        wire["sign"] = "0x" + OTHER.sign(proof(made[0]).body).hex()
    else:
        wire["intervals"].append(wire["intervals"][0] | {"meterId": "x"})
    assert not any(it.signed_by(PUBLIC) for it in decode(json.dumps(wire).encode()))


def test_an_interval_does_not_borrow_an_envelope_that_does_not_name_it() -> None:
    stranger = sign(interval(50), OTHER)
    borrowed = replace(stranger, signature=b"", envelope=proof(enveloped()[0]))
    assert not borrowed.signed_by(PUBLIC)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"intervals": []}, "telemetry.malformed"),
        ({"intervals": ["0x" + "ab" * 32]}, "telemetry.malformed"),
        ({"keyId": "ABCDEF00"}, "telemetry.malformed"),
        ({"bootId": "a\nb"}, "telemetry.malformed"),
        ({"bootId": ""}, "telemetry.malformed"),
        ({"seq": -1}, "telemetry.range"),
        ({"prev": "0x00"}, "telemetry.malformed"),
        ({"homeId": str(uuid4())}, "telemetry.malformed"),
        ({"sign": "0x"}, "telemetry.malformed"),
        ({"extra": 1}, "telemetry.malformed"),
    ],
    ids=str,
)
def test_a_doubtful_envelope_is_refused(change: dict[str, Any], code: str) -> None:
    wire = json.loads(encode(enveloped()))
    assert code_of(json.dumps(wire | change).encode()) == code


def test_an_interval_in_an_envelope_is_as_strict_as_alone_and_bears_no_signature() -> None:
    wire = json.loads(encode(enveloped()))
    for entry, code in (
        (wire["intervals"][0] | {"sign": "0x" + "00" * 64}, "telemetry.malformed"),
        (wire["intervals"][0] | {"end": wire["intervals"][0]["start"]}, "telemetry.length"),
        (wire["intervals"][1], "telemetry.malformed"),  # the same one twice
    ):
        assert code_of(json.dumps(wire | {"intervals": [entry, *wire["intervals"][1:]]}).encode()) == code


def test_an_envelope_holds_a_thousand_and_no_more() -> None:
    assert len(decode(encode(enveloped(BATCH_MAX)))) == BATCH_MAX
    with pytest.raises(ProtocolError) as error:
        enveloped(BATCH_MAX + 1)
    assert error.value.code == "telemetry.batch_too_large"
    full, more = enveloped(BATCH_MAX), sign(interval(-1), KEY)
    assert code_of(encode([*full, more])) == "telemetry.batch_too_large"


@pytest.mark.parametrize("broken", [b"", b"greencore.envelope.v1\n", b"\xff", b"greencore.interval.v1\nend=1\n"])
def test_stored_bytes_that_are_no_envelope_are_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Envelope.read(broken, bytes(64))
    good = proof(enveloped()[0])
    with pytest.raises(ValueError, match="canonical"):
        Envelope.read(good.body.replace(b"seq=7", b"seq=07"), good.signature)
