# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""No search for cycles while a row is loaded and counted.

Millions of rows live until the row is written, and none of them is in a cycle; the collector would go through all of them again and
again and find nothing, which takes longer than the work.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_inside = 0


@contextmanager
def no_collection() -> Iterator[None]:
    """The collector rests in the block, in all threads; it goes on when the last such block has ended."""
    global _inside
    with _lock:
        _inside += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.enable()
