# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations and real stations never meet: the agent's gate (whose key, which source) and the server's behind it."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from edge.keys import DeviceKeyError, load_or_create
from edge.protocol import Interval, SignedInterval, sign, sign_envelope
from energy.ingest.rules import Enrolment, Held, Key, Refusal, check
from kit.settings import Mode

HOME = UUID("6f1f0c38-98a5-4a9d-8a54-0f6f7c1d2e3f")
NOW = datetime(2025, 10, 15, 12, 0, tzinfo=UTC)
SLOT = int(NOW.timestamp()) // 900 - 2
LONG_AGO = NOW - timedelta(days=30)


def delivered(folder, key_class: str, source: str, enveloped: bool) -> tuple[SignedInterval, bytes]:
    """What an agent with this source makes with this key file. Raises DeviceKeyError where it makes nothing."""
    load_or_create(folder, key_class)
    key = load_or_create(folder, source)
    signed = sign(Interval(HOME, SLOT, {"meterWh": 1_000_000}, bytes(32), seq=1, source=source), key)
    if enveloped:
        envelope = sign_envelope(HOME, [signed.hash], key, boot_id="b", seq=1)
        signed = SignedInterval.enveloped(signed.interval, signed.body, signed.hash, envelope)
    return signed, key.public_key().public_bytes_raw()


@pytest.mark.parametrize("enveloped", [False, True], ids=["alone", "enveloped"])
@pytest.mark.parametrize(("key_class", "station", "source", "deployment"), list(product(["edge", "demo"], repeat=4)))
def test_only_what_is_of_one_world_throughout_is_accepted(tmp_path, key_class, station, source, deployment, enveloped):
    mode = Mode.DEMO if deployment == "demo" else Mode.LIVE
    if key_class != source:
        with pytest.raises(DeviceKeyError, match="data_dir of its own"):
            delivered(tmp_path, key_class, source, enveloped)
        return
    signed, key = delivered(tmp_path, key_class, source, enveloped)
    enrolment = Enrolment(station == "demo", [Key(key, LONG_AGO, None)], [Held(LONG_AGO, None, 10_000)])
    verdict = check(signed, enrolment, key, now=NOW, mode=mode)
    if key_class == station == source == deployment:
        assert verdict == key
    else:
        assert isinstance(verdict, Refusal)
        assert verdict.code == ("telemetry.demo_on_live" if deployment == "edge" else "telemetry.live_on_demo")


def test_the_source_is_in_the_signed_bytes(tmp_path):
    """Nobody on the way can take the mark off, or put it on."""
    signed, key = delivered(tmp_path, "demo", "demo", enveloped=False)
    assert b"\nsource=demo\n" in signed.body
    bare = Interval(HOME, SLOT, {"meterWh": 1_000_000}, bytes(32), seq=1, source="edge")
    assert not SignedInterval(bare, bare.canonical(), signed.signature).signed_by(key)
    assert b"source" not in Interval(HOME, SLOT, {"meterWh": 1}, bytes(32)).canonical()


def test_a_key_without_a_mark_is_a_real_one(tmp_path):
    """Keys of before there were marks, and keys that others made."""
    load_or_create(tmp_path)
    assert not (tmp_path / "device.key").read_bytes().startswith(b"GreenCore")
    load_or_create(tmp_path, "edge")
    with pytest.raises(DeviceKeyError, match="a real device's key"):
        load_or_create(tmp_path, "demo")
