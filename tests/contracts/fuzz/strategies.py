# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the random operations are made of. Values that sit on an edge are drawn as often as ordinary ones."""

from hypothesis import strategies as st

from oracle.rules import Leaf

DAY = 86_400

indices = st.integers(0, 1_000)  # taken modulo the length of whatever is chosen from

# Per cent of the rated energy since the last report: a correction, nothing, ordinary slots, the cap of 1.25 and beyond.
_ordinary = st.sampled_from((-300, -40, 0, 30, 55, 80, 100, 100, 124))
_greedy = st.sampled_from((0, 100, 125, 126, 400, 400_000))
moves = st.one_of(*[st.lists(_ordinary, min_size=1, max_size=4)] * 4, st.lists(_greedy, min_size=1, max_size=4))
late = st.lists(st.sampled_from((0, 0, 0, 30, 100)), min_size=1, max_size=2)
steps = st.sampled_from(
    (1, 1, 1, 1, 1, 1, 2, 2, 5, 5, 20, 127, 128, 200)
)  # slots since the last report; the ring has 128 places
jitter = st.sampled_from((0, 1, 60, 899, 1_800))
waits = st.sampled_from((1, 14, 900, 3_600, DAY, 7 * DAY, 31 * DAY, 40 * DAY))
ratings = st.sampled_from((1, 4_000, 10_000, 250_000, 40_000_000_000))
shares = st.sampled_from((0, 1, 33, 50, 100, 101))  # per cent of a balance
readings = st.lists(st.sampled_from((0, 1, 999_999, 2_500_000)), min_size=1, max_size=9)

addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)


def uint(bits: int) -> st.SearchStrategy[int]:
    """A number of some width, its ends included often."""
    return st.one_of(st.sampled_from((0, 1, (1 << bits) - 1)), st.integers(0, (1 << bits) - 1))


def leaves() -> st.SearchStrategy[Leaf]:
    """Any leaf that the protocol can express."""
    return st.builds(
        Leaf,
        utility=uint(8),
        station=uint(128),
        tenure=uint(32),
        owner=addresses,
        slot=uint(32),
        energy=uint(64),
        measured=uint(96),
        mintable=uint(96),
        quality=uint(8),
        profile_hash=hashes,
    )
