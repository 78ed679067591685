# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes that a mutation run found to be possible: what the models had let live, see docs/mutation.md."""

import boa
import pytest

from tests.contracts.credits import Credit
from tests.contracts.fuzz.certificates.test_certificates import Certificates
from tests.contracts.fuzz.escrow_model import ARBITER, DAY, RUB
from tests.contracts.fuzz.test_anchors import deployed, desk, issue
from tests.contracts.fuzz.test_reentrancy import BUYER, SELLER, escrow
from tests.contracts.fuzz.world import OWNER, RELAYER, START, remembered_recovery, sign, signers

__all__ = ["deployed", "desk"]  # fixtures


@pytest.mark.parametrize(
    ("code", "good"),
    [(b"AZA", True), (b"ZAZ", True), (b"@AA", False), (b"A[A", False), (b"AA@", False), (b"aZZ", False)],
)
def test_escrow__currency__is_three_letters_from_a_to_z(code: bytes, good: bool) -> None:
    scene, _ = escrow()
    outcome = scene.contract.call("lock", BUYER, 5, code, 7, START + DAY, True, b"\7" * 32, sender=SELLER)
    assert outcome.reason == ("" if good else "fiat_escrow: not a currency code")


def test_escrow__what_the_seller_conceded__outlives_a_partial_payment() -> None:
    """1,000 for 7; 600 conceded; 2 paid release 285; 315 are conceded still, and the arbiter may not decide for less."""
    scene, (first, *_) = escrow()
    made = scene.contract
    node = signers()[0]
    made.must("set_attester", node.address, True, sender=OWNER)
    made.must("dispute", first, 600, sender=SELLER)
    credit = Credit(first, b"\1" * 32, RUB, 2)
    with remembered_recovery(active=True):
        signature = b"".join(sign(credit.digest(chain_id=boa.env.evm.patch.chain_id, escrow=made.address), node))
        made.must("attest", *credit.args, signature, sender=RELAYER)
    assert made.view("lock_of", first)[10] == 600 - 1_000 * 2 // 7
    outside = made.call("decide", first, 600 - 1_000 * 2 // 7 - 1, sender=ARBITER)
    assert outside.reason == "fiat_escrow: outside the two sides' bounds"
    made.must("decide", first, 600 - 1_000 * 2 // 7, sender=ARBITER)


def test_certificates__registers_of_two_utilities__are_two(desk: Certificates) -> None:
    assert not issue(desk, 0, 0, 500)
    assert desk.on.view("certified", 1, 3, 1) == 500
    assert desk.on.view("certified", 4, 3, 1) == desk.on.view("certified", 1, 3, 2) == 0
