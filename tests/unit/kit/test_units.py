# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Slots, micro-watt-hours, names, and what a setting may say."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Conflict, GreenCoreError, Malformed, Refused
from kit.ids import address_bytes, station_number, station_uuid
from kit.settings import Mode, Settings
from kit.units import rated_uwh_per_slot, slot_end, slot_of, slot_start, wh_text

instants = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(instants)
def test_an_instant_lies_in_its_slot(instant: datetime) -> None:
    slot = slot_of(instant)
    assert slot_start(slot) <= instant < slot_end(slot)
    assert slot_end(slot) - slot_start(slot) == timedelta(seconds=900)
    assert slot_of(instant.astimezone(timezone(timedelta(hours=5, minutes=45)))) == slot


def test_a_naive_instant_names_no_slot() -> None:
    with pytest.raises(ValueError, match="naive"):
        slot_of(datetime(2026, 1, 1))


def test_rated_power_in_a_slot_is_exact() -> None:
    assert rated_uwh_per_slot(40_000) == 10 * 10**9
    assert rated_uwh_per_slot(1) == 250_000


@pytest.mark.parametrize(
    ("uwh", "places", "text"),
    [
        (0, 3, "0.000"),
        (1_234_567_890, 3, "1,234.567"),
        (-1, 6, "-0.000001"),
        (999_999, 0, "0"),
        (-1_500_000, 1, "-1.5"),
    ],
)
def test_wh_for_people_are_cut_and_not_rounded(uwh: int, places: int, text: str) -> None:
    assert wh_text(uwh, places) == text


@given(st.uuids())
def test_a_station_has_one_number(station: UUID) -> None:
    assert station_uuid(station_number(station)) == station


def test_an_address_has_twenty_bytes() -> None:
    assert address_bytes("0x" + "ab" * 20) == b"\xab" * 20
    with pytest.raises(ValueError, match="20 bytes"):
        address_bytes("0xab")


def test_an_error_carries_its_code_its_status_and_what_it_knows() -> None:
    error = Conflict("energy.conflict", "other bytes", slot=3)
    assert isinstance(error, GreenCoreError)
    assert (error.code, error.status, str(error), error.extra) == ("energy.conflict", 409, "other bytes", {"slot": 3})
    assert issubclass(Malformed, Refused)


def test_settings_come_from_the_environment_and_wrong_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENCORE_MODE", "demo")
    monkeypatch.setenv("GREENCORE_CLOCK", "100@200x900")
    settings = Settings()
    assert settings.mode is Mode.DEMO
    assert str(settings.make_clock()) == "100.0@200.0x900.0"
    assert "greencore@" not in repr(settings)  # a URL may hold a password
    monkeypatch.setenv("GREENCORE_MODE", "both")
    with pytest.raises(ValueError, match="mode"):
        Settings()
