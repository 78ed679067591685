# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The book of utility policies: every number has a reason, versions are never edited; and the table that people read."""

from pathlib import Path

import pytest

from energy.utility.policy import UtilityPolicyError, book, read, signed_version
from energy.utility.table import LINES, ONE, RATE_W_PER_TOKEN_HOUR, markdown
from kit.units import Utility

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "energy" / "utility" / "policies.toml").read_text()
# a version that was in force is never edited: whoever changes the file must add one, and then this
DIGEST = "d72ba7eed2507a974f776e1498274c8f0ed111c19ba5a0f997f3fbca18693e53"


def test_book__is_the_one_that_was_agreed_on() -> None:
    assert book().digest == DIGEST
    assert [policy.version for policy in book().policies] == [1]
    assert book().at(10**6) is book().policies[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("W = { value = 25", "W = { value = 0", "W: a whole number"),
        ("W = { value = 25", "W = { value = 2.5", "W: a whole number"),
        ('DEV = { value = 16, source = "policy"', 'DEV = { value = 16, source = ""', "DEV: a whole number"),
        ("SRV = {", "E = {", "slot_max names"),
        ("value = 481", "value = [481]", "factor of world"),
        ("value = 481", "value = 2001", "factor of world"),
        ('default_region = "world"', 'default_region = "moon"', "no emission factor for moon"),
        ("[policy.saving]", "[policy.sparing]", "lacks 'saving'"),
        ("version = 1\n", "version = = 1\n", "not TOML"),
    ],
)
def test_read__bad__is_named(old: str, new: str, message: str) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(UtilityPolicyError, match=message):
        read(TEXT.replace(old, new, 1))


def test_read__versions_out_of_order__is_refused() -> None:
    body = TEXT[TEXT.index("[[policy]]") :]
    with pytest.raises(UtilityPolicyError, match="must rise"):
        read(body + "\n" + body)
    two = read(
        body + "\n" + body.replace("version = 1\n", "version = 2\n", 1).replace("1970-01-01T00", "1970-01-01T01")
    )
    assert [two.at(slot).version for slot in (0, 3, 4, 5)] == [1, 1, 2, 2]


@pytest.mark.parametrize("version", [0, 1_000])
def test_signed_version__out_of_its_digits__raises(version: int) -> None:
    with pytest.raises(ValueError, match="1 to 999"):
        signed_version(1, version)


def test_table__stands_in_the_docs_word_for_word() -> None:
    page = (ROOT / "docs" / "utilities.md").read_text()
    assert "\n".join(markdown()) in page
    assert [line.utility for line in LINES] == list(Utility)


def test_table__rates_on_chain_let_through_what_the_policy_lets_through() -> None:
    """Whoever sets the table's rate never cuts what the nodes pass, and hardly lets through more."""
    for line in LINES:
        if line.utility in book().at(0).slot_max:
            assert line.rate == (book().at(0).slot_max[line.utility] * 4 * RATE_W_PER_TOKEN_HOUR, 0)
    per_hour = RATE_W_PER_TOKEN_HOUR * 3_600 * 3_125 // 9
    assert per_hour == ONE
