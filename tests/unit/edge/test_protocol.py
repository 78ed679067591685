# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes that are signed: exact, the same from every JSON that means the same, and refused when anything is doubtful."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import (
    BATCH_MAX,
    DEVICES_MAX,
    MEASURES,
    MICRO_MAX,
    Interval,
    ProtocolError,
    ReceiptLine,
    decode,
    decode_receipts,
    key_id,
    profile_hash,
    sign,
    sign_receipt,
    topic_intervals,
    topic_receipts,
)

HOME = UUID("2f1e4a6c-8f0b-4a53-9d1c-0a5a7a3f9b21")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
SAMPLE = {
    "homeId": str(HOME),
    "start": "2025-10-15T08:00:00Z",
    "end": "2025-10-15T08:15:00Z",
    "meterWh": 1250.5,
    "profileHash": "0x" + "ab" * 32,
    "sign": "0x" + "00" * 64,
}

micro = st.integers(-MICRO_MAX, MICRO_MAX)
names = st.from_regex(r"[\x21-\x7e][\x20-\x7e]{0,20}", fullmatch=True)
intervals = st.builds(
    Interval,
    home_id=st.uuids(),
    slot=st.integers(0, 5_000_000),
    measures=st.fixed_dictionaries(
        {"meterWh": micro}, optional={name: micro for name in MEASURES if name != "meterWh"}
    ).map(lambda given: {name: given[name] for name in MEASURES if name in given}),
    profile_hash=st.binary(min_size=32, max_size=32),
    meter_id=st.none() | names,
    seq=st.none() | st.integers(0, 2**63 - 1),
    devices=st.none() | st.dictionaries(names, micro, min_size=1, max_size=4),
    quality=st.sampled_from([None, "measured", "interpolated", "integrated", "missing"]),
    source=st.sampled_from([None, "edge", "demo"]),
)


def payload(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**SAMPLE, **changes}.items() if value is not ...}).encode()


def refused(data: bytes) -> str:
    with pytest.raises(ProtocolError) as error:
        decode(data)
    assert str(error.value)
    return error.value.code


def test_the_documented_bytes() -> None:
    (read,) = decode(payload(genWh=1, devices={"relay": 2}, meterId="roof", seq=7, quality="measured", source="demo"))
    assert read.body.decode() == (
        "greencore.interval.v1\n"
        "devices.relay=2000000\n"
        "end=1760516100\n"
        "genWh=1000000\n"
        f"homeId={HOME}\n"
        "meterId=roof\n"
        "meterWh=1250500000\n"
        f"profileHash=0x{'ab' * 32}\n"
        "quality=measured\n"
        "seq=7\n"
        "source=demo\n"
        "start=1760515200\n"
    )
    assert read.hash == keccak(read.body)
    assert read.interval.start == datetime(2025, 10, 15, 8, tzinfo=UTC)


@given(intervals)
def test_json_and_back_gives_the_same_bytes(interval: Interval) -> None:
    signed = sign(interval, KEY)
    (read,) = decode(signed.to_json())
    assert read == signed
    assert read.signed_by(PUBLIC)


@given(intervals, st.data())
def test_any_change_of_the_content_breaks_the_signature(interval: Interval, data: st.DataObject) -> None:
    signed = sign(interval, KEY)
    name = data.draw(st.sampled_from(sorted(interval.measures)))
    value = data.draw(micro.filter(lambda value: value != interval.measures[name]))
    changed = replace(interval, measures={**interval.measures, name: value})
    assert not replace(signed, interval=changed, body=changed.canonical()).signed_by(PUBLIC)
    flipped = bytearray(signed.signature)
    flipped[data.draw(st.integers(0, 63))] ^= 1 << data.draw(st.integers(0, 7))
    assert not replace(signed, signature=bytes(flipped)).signed_by(PUBLIC)
    assert not signed.signed_by(bytes(32))
    assert not signed.signed_by(b"short")


@pytest.mark.parametrize(
    "text", ["1250.5", "1250.500000", "1250.5000000", "1.2505e3", "12505e-1", "125050000000e-8"], ids=str
)
def test_every_way_to_write_a_number_signs_alike(text: str) -> None:
    (plain,) = decode(payload())
    (other,) = decode(payload().replace(b"1250.5", text.encode()))
    assert other.body == plain.body


def test_minus_zero_is_zero_and_upper_case_is_lower_case() -> None:
    (read,) = decode(payload(meterWh=-0.0, homeId=str(HOME).upper(), profileHash="0x" + "AB" * 32))
    assert (read.interval.meter_uwh, read.interval.home_id) == (0, HOME)
    assert read.body == decode(payload(meterWh=0))[0].body


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**9), max_value=10**9))
def test_more_than_six_places_are_refused_and_never_rounded(value: Decimal) -> None:
    data = payload().replace(b"1250.5", format(value, "f").encode())
    if value == round(value, 6):
        assert decode(data)[0].interval.meter_uwh == int(value * 10**6)
    else:
        assert refused(data) == "telemetry.precision"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"start": "2025-10-15T08:00:01Z"}, "telemetry.misaligned"),
        ({"start": "2025-10-15T08:00:00.5Z"}, "telemetry.misaligned"),
        ({"end": "2025-10-15T08:30:00Z"}, "telemetry.length"),
        ({"end": "2025-10-15T08:00:00Z"}, "telemetry.length"),
        ({"start": "2025-10-15T08:00:00"}, "telemetry.malformed"),
        ({"start": "yesterday"}, "telemetry.malformed"),
        ({"meterWh": ...}, "telemetry.malformed"),
        ({"meterWh": "1250.5x"}, "telemetry.malformed"),
        ({"meterWh": 1e30}, "telemetry.range"),
        ({"homeId": "home"}, "telemetry.malformed"),
        ({"profileHash": "0xab"}, "telemetry.malformed"),
        ({"sign": "0x" + "00" * 63}, "telemetry.malformed"),
        ({"meterId": ""}, "telemetry.malformed"),
        ({"meterId": "a\nb"}, "telemetry.malformed"),
        ({"meterId": "x" * 65}, "telemetry.malformed"),
        ({"seq": -1}, "telemetry.range"),
        ({"seq": 2**63}, "telemetry.range"),
        ({"devices": dict.fromkeys(map(str, range(DEVICES_MAX + 1)), 1)}, "telemetry.range"),
        ({"quality": "good"}, "telemetry.malformed"),
        ({"surprise": 1}, "telemetry.malformed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_doubtful_is_refused_with_a_code(changes: dict[str, Any], code: str) -> None:
    assert refused(payload(**changes)) == code


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[]", b"null", b"7", b"\xff\xfe", b'{"homeId":', payload() + b"x", b"[" * 5000]
)
def test_rubbish_is_malformed(data: bytes) -> None:
    assert refused(data) == "telemetry.malformed"


@given(st.binary(max_size=300))
def test_no_bytes_from_outside_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode(data)
    with contextlib.suppress(ProtocolError):
        decode_receipts(data)


def test_an_array_holds_a_thousand_at_most() -> None:
    def many(count: int) -> bytes:
        return b"[" + b",".join([payload()] * count) + b"]"

    assert len(decode(many(BATCH_MAX))) == BATCH_MAX
    assert refused(many(BATCH_MAX + 1)) == "telemetry.batch_too_large"


def test_a_receipt_is_signed_over_hashes_statuses_and_codes() -> None:
    lines = [
        ReceiptLine("0x" + "11" * 32, "main", "2025-10-15T08:00:00Z", "accepted"),
        ReceiptLine(
            "0x" + "22" * 32, "main", "2025-10-15T08:15:00Z", "rejected", "telemetry.future", "its clock is ahead"
        ),
    ]
    receipt = sign_receipt(HOME, datetime(2025, 10, 15, 8, 16, 1, 999_999, tzinfo=UTC), lines, KEY)
    assert receipt.canonical().decode() == (
        f"greencore.receipts.v1\n{HOME}\n1760516161\n0x{'11' * 32},accepted,\n0x{'22' * 32},rejected,telemetry.future\n"
    )
    (read,) = decode_receipts(receipt.to_json())
    assert read == receipt
    assert read.keyId == key_id(PUBLIC)
    assert read.signed_by(PUBLIC)
    forged = decode_receipts(receipt.to_json().replace(b'"rejected"', b'"accepted"'))[0]
    assert not forged.signed_by(PUBLIC)
    assert decode_receipts(b"[" + receipt.to_json() + b"]") == [receipt]
    assert not decode_receipts(receipt.to_json().replace(b"2025-10-15T08:16:01Z", b"soon"))[0].signed_by(PUBLIC)
    with pytest.raises(ProtocolError) as error:
        decode_receipts(b'{"homeId": 1, "receipts": 7}')
    assert error.value.code == "receipt.malformed"


def test_names_and_profiles() -> None:
    assert topic_intervals(HOME) == f"greencore/v1/{HOME}/intervals"
    assert topic_receipts(HOME) == f"greencore/v1/{HOME}/receipts"
    assert profile_hash([(1_000, "export", 7), (2_000, "export", 9)]) == keccak(
        b"greencore.profile.v1\n1000,export,7\n2000,export,9\n"
    )
