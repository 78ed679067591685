# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The measured series that come along."""

import pytest

from simulator.library import load
from simulator.profile import ProfileError


def test_the_household_that_comes_along_delivers_more_than_it_draws() -> None:
    profile = load("household")
    assert len(profile.import_uwh) == 31 * 288
    assert (profile.start, profile.step, profile.midnight_s, profile.gaps) == (1_677_592_800, 300, 0, 0)
    assert profile.totals_uwh == (270_738_000_000, 589_172_000_000)


def test_the_plant_that_comes_along_draws_a_little_at_night() -> None:
    profile = load("pv")
    assert len(profile.export_uwh) == 40 * 96
    assert profile.totals_uwh == (1_371_750_000, 1_104_165_250_000)
    assert profile.import_uwh[0] == 3 * 250_000
    assert max(value or 0 for value in profile.export_uwh) < 6000 * 250_000


def test_a_file_is_for_whoever_starts_it() -> None:
    with pytest.raises(ProfileError, match="`greencore simulator` reads files"):
        load("mine.csv")
