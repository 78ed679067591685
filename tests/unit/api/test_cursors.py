# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors
from kit.errors import Malformed


def suppress_malformed(text: str) -> tuple[int, ...] | None:
    try:
        return cursors.decode(text, 2)
    except Malformed:
        return None


numbers = st.integers(min_value=-(2**255), max_value=2**255)


@given(st.lists(numbers, min_size=1, max_size=5))
def test_a_cursor_gives_its_key_back(key: list[int]) -> None:
    assert cursors.decode(cursors.encode(*key), len(key)) == tuple(key)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    known = suppress_malformed(text)
    assert known is None or cursors.encode(*known) == text


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Malformed, match="another list"):
        cursors.decode(cursors.encode(1, 2, 3), 2)


def test_a_page_says_whether_there_are_more() -> None:
    full = cursors.page([1, 2, 3], 2, lambda row: (row,))
    assert (list(full.rows), full.more, full.next) == ([1, 2], True, cursors.encode(2))
    last = cursors.page([1, 2], 2, lambda row: (row,))
    assert (list(last.rows), last.more, last.next) == ([1, 2], False, None)
