# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The row of a direct utility: words, seats, and what a paid row tells."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chain.direct import RowError, Seat, row_mints, row_words, seats_hash

TREASURY, ROOF, BARN = b"\x11" * 20, b"\x22" * 20, b"\x33" * 20
SLOT, SHARE = 2_000_000, 200


def told(station: int, tenure: int, start: int, energy: int) -> int:
    """The word that the Treasury logs for a paid owner."""
    return station << 128 | tenure << 96 | start << 16 | energy & 0xFFFF


def reserve(start: int, end: int, share: int) -> int:
    """As the Treasury counts it."""
    return end * share // 10_000 - start * share // 10_000


@given(start=st.integers(0, 2**79), energy=st.integers(1, 2**64), share=st.integers(100, 300))
def test_row_mints__any_stretch__is_exact(start: int, energy: int, share: int) -> None:
    kept = reserve(start, start + energy, share)
    (mint,) = row_mints(SLOT << 16 | share, [told(2**127, 7, start, energy)], [(ROOF, energy - kept)], [], TREASURY)
    assert (mint.station, mint.tenure, mint.owner) == (2**127, 7, ROOF)
    assert (mint.from_register, mint.to_register) == (start, start + energy)
    assert (mint.to_owner, mint.reserve) == (energy - kept, kept)


def test_row_mints__contract_among_wallets__is_told_by_what_waits() -> None:
    row = [told(1, 1, 0, 10_000), told(2, 1, 0, 20_000)]
    first, second = row_mints(SLOT << 16 | SHARE, row, [(TREASURY, 9_800), (BARN, 19_600)], [ROOF], TREASURY)
    assert (first.owner, second.owner) == (ROOF, BARN)


@pytest.mark.parametrize(
    ("transfers", "credited"),
    [
        ([], []),
        ([(ROOF, 9_800), (BARN, 1)], []),
        ([(TREASURY, 9_800)], []),
        ([(ROOF, 9_800)], [BARN]),
        ([(ROOF, 9_801)], []),
    ],
)
def test_row_mints__logs_left_out__refused(transfers: list[tuple[bytes, int]], credited: list[bytes]) -> None:
    with pytest.raises(RowError):
        row_mints(SLOT << 16 | SHARE, [told(1, 1, 0, 10_000)], transfers, credited, TREASURY)


def test_seats__words_and_hash__are_the_protocol_s() -> None:
    seat = Seat(station=5, tenure=2, owner=ROOF, rated_w=10_000, is_contract=True, ended=True)
    assert seat.tenured == 5 << 32 | 2
    assert seat.word == 1 << 217 | 1 << 216 | 10_000 << 160 | int.from_bytes(ROOF, "big")
    words = seat.tenured.to_bytes(32, "big") + seat.word.to_bytes(32, "big")
    assert seats_hash([seat]) == keccak(bytes(32) + words)
    assert seats_hash([]) == bytes(32)


def test_row_words__seated_anew__names_those_before() -> None:
    old, new = Seat(1, 1, ROOF, 100), Seat(1, 2, BARN, 100)
    first = 1 << 128 | 2 << 96 | 42
    assert row_words([(1, 2, 42)], [new]) == [first, new.word]
    assert row_words([(1, 2, 42)], [new], [old]) == [first, new.word, old.tenured, old.word]
    with pytest.raises(ValueError, match="not those of the row"):
        row_words([(1, 2, 42)], [old])
