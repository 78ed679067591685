# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a check reads of a report in calldata that anybody may have written."""

import pytest

from chain.contract import load_abi
from oracle.verify.reader import _call

ORACLE = b"\x11" * 20
REPORT = (2, 2_000_000, bytes(32), b"\x01" * 32, 7, 7, 2, b"\x02" * 32, 0, 2_000_000_000, 1)


def test_call__row_s_report__is_the_oracle_s() -> None:
    """A direct utility's report travels inside the Treasury's call."""
    report = load_abi("Oracle").encode_call("report", REPORT, [ORACLE], [])
    found = _call(load_abi("Treasury").encode_call("direct", report, [1, 2]), 1, ORACLE)
    assert found is not None
    assert (found.content.slot, found.content.total, found.signers) == (2_000_000, 7, (ORACLE,))


@pytest.mark.parametrize("depth", [2, 1_500])
def test_call__rows_inside_rows__are_no_report(depth: int) -> None:
    """Whoever brings a report through a contract of his own writes its calldata as he likes; that must not end a check."""
    abi = load_abi("Treasury")
    call = b"\x00" * 4
    for _ in range(depth):
        call = abi.encode_call("direct", call, [])
    assert _call(call, 1, ORACLE) is None
