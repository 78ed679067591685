# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The independent check finds nothing in an honest history, and each kind of tampering by its name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from oracle.rules import Content, render_leaves
from oracle.verify.check import CLEAN, TAMPERED, UNCHECKED, Verdict, check_facts
from oracle.verify.delay.rules import check_delay, still_open
from oracle.verify.facts import BooksSeen, DelaySeen, HeadSeen, RateSeen, Rotation, TransferSeen
from tests.unit.oracle.history import BPS, HOUSE, OTHER, ROOF, SIGNERS, ZERO, E, History, honest, leaf, report

Tamper = Callable[[History], None]


class Files:
    """Published leaves in memory."""

    def __init__(self, files: dict[int, bytes]) -> None:
        self.files = files

    async def leaves(self, content: Content) -> bytes | None:
        return self.files.get(content.slot)

    async def close(self) -> None:
        pass


async def verdict_of(history: History) -> Verdict:
    return await check_facts(history.facts, Files(history.files))


def change(name: str, index: int | None = None, **fields: Any) -> Tamper:
    """Replaces fields of the facts, or of one entry of a list in them."""

    def tamper(history: History) -> None:
        if index is None:
            history.facts = replace(history.facts, **{name: fields["to"]})
        else:
            entries = list(getattr(history.facts, name))
            entries[index] = replace(entries[index], **fields)
            history.facts = replace(history.facts, **{name: entries})

    return tamper


def drop(name: str, index: int) -> Tamper:
    def tamper(history: History) -> None:
        entries = list(getattr(history.facts, name))
        del entries[index]
        history.facts = replace(history.facts, **{name: entries})

    return tamper


def changed_byte(history: History) -> None:
    data = bytearray(history.files[101])
    data[-70] ^= 1
    history.files[101] = bytes(data)


def forged(signed_by: tuple[bytes | None, ...]) -> Tamper:
    def tamper(history: History) -> None:
        call = history.facts.reports[1].call
        assert call is not None
        change("reports", 1, call=replace(call, signed_by=signed_by))(history)

    return tamper


def inflated(history: History) -> None:
    """Tokens out of nothing, with the contract's supply to match."""
    extra = TransferSeen(ZERO, OTHER, E, 10, (150, 0), b"x" * 32)
    supplies = {**history.facts.supplies, E: history.facts.supplies[E] + 10}
    history.facts = replace(history.facts, transfers=[*history.facts.transfers, extra], supplies=supplies)


def report_over(rows: list[Any], slot: int = 104) -> Tamper:
    """The last report says something else, properly signed and published: a quorum that lies."""

    def tamper(history: History) -> None:
        made = report(slot, rows, history.facts.reports[1].content)
        reports = [*history.facts.reports[:2], made]
        head = HeadSeen(slot, made.content.total, made.content.hash())
        history.facts = replace(history.facts, reports=reports, heads={E: head})
        history.files[slot] = render_leaves(rows)

    return tamper


def overmint(history: History) -> None:
    """The claim takes more than its leaf, and the owner is given it."""
    mints = list(history.facts.mints)
    mints[0] = replace(mints[0], to_register=2_000, to_owner=1_960, reserve=40)
    transfers = list(history.facts.transfers)
    transfers[0] = replace(transfers[0], amount=1_960)
    history.facts = replace(history.facts, mints=mints, transfers=transfers)


TAMPERINGS: list[tuple[str, Tamper, str, str]] = [
    ("a byte of a published file", changed_byte, "leaves", "its hash differs"),
    ("a report was hidden", drop("reports", 1), "chain", "a report is missing"),
    ("the newest report was hidden", drop("reports", 2), "chain", "the contract's head is slot 104"),
    ("a hash in an event", change("reports", 0, content_hash=b"h" * 32), "chain", "is not the hash of what it says"),
    ("nobody made a signature", forged((SIGNERS[0], SIGNERS[1], None)), "signatures", "2 valid signatures where 3"),
    ("a stranger signed", forged((SIGNERS[0], SIGNERS[1], b"s" * 20)), "signatures", "of no signer of the set"),
    ("one signer signed twice", forged((SIGNERS[0], SIGNERS[1], SIGNERS[1])), "signatures", "2 valid signatures"),
    ("too few signatures", forged(SIGNERS[:2]), "signatures", "2 valid signatures where 3 are needed"),
    (
        "the set was discarded before",
        change("rotations", to=[Rotation(1, 3, SIGNERS, 0, 0, (1, 0)), Rotation(2, 3, SIGNERS, 0, 100, (2, 0))]),
        "signatures",
        "could not sign this slot",
    ),
    ("no majority", change("rotations", 0, k=2), "signatures", "2 of 4 is no majority"),
    (
        "a register fell",
        report_over([leaf(104, ROOF, 1_776, 0), leaf(104, HOUSE, 334, 334)]),
        "leaves",
        "a register fell since slot 101",
    ),
    (
        "another owner in the leaf",
        report_over([leaf(104, ROOF, 1_777, 0, owner=OTHER), leaf(104, HOUSE, 333, 333)]),
        "leaves",
        "the owner of a tenure changed",
    ),
    ("a leaf vanished", report_over([leaf(104, HOUSE, 2_110, 2_110)]), "leaves", "vanished"),
    (
        "the slot's energy is more than the register grew",
        report_over([leaf(104, ROOF, 1_777, 5), leaf(104, HOUSE, 333, 333)]),
        "leaves",
        "the slot's energy is 5",
    ),
    ("more minted than the leaf allows", overmint, "mints", "minted up to 2000 µWh, the leaf allows 1777"),
    ("somebody else was paid", change("mints", 0, owner=OTHER), "mints", "the leaf's owner is"),
    ("minted twice from the start", change("mints", 1, from_register=100), "mints", "0 were settled"),
    (
        "the reserve was rounded away",
        change("rates", to=[RateSeen(BPS + 100, (0, 0))]),
        "mints",
        "the rounded share of 300 basis points",
    ),
    ("another batch", change("mints", 1, token_id=1 << 255 | 1 << 32 | 103), "mints", "not the one of this utility"),
    ("the books were raised", change("books", to={E: BooksSeen(2_111, 0)}), "mints", "its events say 2110"),
    ("the register was reset", change("settled", to={(E, ROOF, 1): 0}), "mints", "the contract settled 0"),
    ("tokens out of nothing", inflated, "supply", "10 µWh appeared, 0 were minted"),
    ("a supply that nobody made", change("supplies", to={E: 9_999}), "supply", "the contract says 9999 µWh exist"),
    ("the owner got less", change("transfers", 0, amount=1), "supply", "and given 1"),
    ("somebody gave what it had not", change("transfers", 6, amount=5_000), "supply", "gave more than it had"),
    ("other code stands there", change("codes", to={"Oracle": False}), "code", "not the code that was deployed"),
]


async def test_an_honest_history_is_clean() -> None:
    verdict = await verdict_of(honest())
    assert verdict.findings == ()
    assert verdict.exit_code == CLEAN
    (sums,) = verdict.sums
    assert (sums.signed, sums.minted, sums.supply) == (2_110, 2_110, 2_090)
    assert verdict.stations == {(E, ROOF, 1): (1_777, 1_777), (E, HOUSE, 1): (333, 333)}


@pytest.mark.parametrize(("tamper", "where", "says"), [t[1:] for t in TAMPERINGS], ids=[t[0] for t in TAMPERINGS])
async def test_tampering_is_found_and_named(tamper: Tamper, where: str, says: str) -> None:
    history = honest()
    tamper(history)

    verdict = await verdict_of(history)

    assert verdict.exit_code == TAMPERED
    found = [finding.what for finding in verdict.findings if (finding.check, finding.severity) == (where, "tampering")]
    assert any(says in what for what in found), verdict.findings


async def test_a_file_that_nobody_publishes_is_named_and_is_not_called_tampering() -> None:
    history = honest()
    del history.files[101]
    verdict = await verdict_of(history)
    assert verdict.exit_code == UNCHECKED
    wheres = [finding.where for finding in verdict.findings]
    assert wheres[0] == "utility 1, slot 101"
    assert all(finding.severity == "unchecked" for finding in verdict.findings)


async def test_a_report_through_an_unknown_contract_is_unchecked() -> None:
    history = honest()
    change("reports", 2, call=None)(history)
    verdict = await verdict_of(history)
    assert verdict.exit_code == UNCHECKED
    assert [finding.check for finding in verdict.findings] == ["signatures"]


def delayed(*, seconds: int, claim_after: int, mode: int = 1) -> History:
    """The honest history with a delay from before the first report on; a block of a second each, the claim of block 102 later."""
    history = honest()
    mints = [replace(history.facts.mints[0], mode=mode), replace(history.facts.mints[1], at=(190, 5))]
    times = {block: block for block in range(201)} | {102: 101 + claim_after, 190: 10**6, 200: 10**6}
    history.facts = replace(history.facts, delays=[DelaySeen(seconds, (50, 0))], times=times, mints=mints)
    return history


def found_in(history: History) -> list[str]:
    return [finding.what for finding in check_delay(history.facts)]


def test_a_claim_that_did_not_wait_is_named_and_one_that_did_is_right() -> None:
    assert found_in(delayed(seconds=900, claim_after=900)) == []
    assert found_in(delayed(seconds=900, claim_after=899)) == ["was claimed 1 s before its challenge delay was over"]
    assert found_in(delayed(seconds=900, claim_after=900, mode=3)) == [
        "was paid with its report while there was a challenge delay"
    ]
    assert found_in(honest()) == []


def test_a_delay_counts_from_its_beginning_for_reports_that_stood_already() -> None:
    history = delayed(seconds=900, claim_after=900)
    later = replace(
        history.facts, delays=[DelaySeen(900, (101, 9))], times={**history.facts.times, 101: 500, 102: 1_399}
    )
    history.facts = later
    assert found_in(history) == ["was claimed 1 s before its challenge delay was over"]
    history.facts = replace(later, times={**later.times, 102: 1_400})
    assert found_in(history) == []
    history.facts = replace(later, delays=[*later.delays, DelaySeen(0, (101, 10))])
    assert found_in(history) == []


async def test_what_can_still_be_challenged_is_told_with_its_end() -> None:
    history = delayed(seconds=900, claim_after=900)
    times = {**history.facts.times, 200: 101 + 900}
    history.facts = replace(history.facts, times=times)
    assert [(one.slot, one.until) for one in still_open(history.facts)] == [(104, 104 + 900)]
    told = (await verdict_of(history)).to_json()
    assert told["challengeable"] == [{"utility": E, "slot": 104, "until": 1_004}]
    assert still_open(honest().facts) == []
