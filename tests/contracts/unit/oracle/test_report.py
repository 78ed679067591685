# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Oracle.report: k of n signatures over a content that continues the chain, once, within what the plants can make."""

from dataclasses import replace

import ape
import pytest
from ape.api import AccountAPI
from eth_keys.constants import SECPK1_N

from tests.contracts.house import (
    AGR,
    BARN,
    KWH,
    ROOF,
    SLOT,
    SLOT_ALLOWANCE,
    E,
    House,
    Published,
    Signed,
    addresses,
    node_keys,
    refuses,
    report_args,
)


@pytest.fixture
def draft(house: House) -> Published:
    """A report of the running slot, unsent."""
    return house.draft(house.leaves({ROOF: KWH, BARN: 2 * KWH}, utility=E, slot=house.slot))


def tampered(signed: Signed, **changes: object) -> tuple[object, ...]:
    """The signed report's arguments with parts of its content changed after signing."""
    report = replace(signed.report, content=replace(signed.report.content, **changes))
    return report_args(report), signed.signers, signed.signatures


def test_report(house: House, draft: Published, stranger: AccountAPI) -> None:
    """Anybody brings it; the head, the root and the log say what was signed."""
    signed = house.sign(draft.content)

    receipt = house.on.oracle.report(*signed.args, sender=stranger)

    content = draft.content
    (accepted,) = receipt.decode_logs(house.on.oracle.ReportAccepted)
    assert (accepted.utility, accepted.slot, accepted.stations, accepted.epoch) == (E, content.slot, 2, 1)
    assert (accepted.content_hash, accepted.prev, accepted.root) == (content.hash(), bytes(32), content.root)
    assert (accepted.increase, accepted.total, accepted.valid_from) == (3 * KWH, 3 * KWH, 0)
    assert accepted.data_hash == content.data_hash
    head = house.on.oracle.head(E)
    assert (head.slot, head.total, head.reports, head.content_hash) == (content.slot, 3 * KWH, 1, content.hash())
    assert house.on.oracle.root_of(E, content.slot) == content.root
    assert receipt.return_value == 1


def test_digest_and_content_hash(house: House, draft: Published) -> None:
    """The contract hashes what the nodes hash."""
    signed = house.sign(draft.content)
    oracle = bytes.fromhex(house.on.oracle.address[2:])

    assert house.on.oracle.content_hash(report_args(signed.report)) == draft.content.hash()
    assert house.on.oracle.digest(report_args(signed.report)) == signed.report.digest(
        chain_id=ape.chain.chain_id, oracle=oracle
    )


def test_report__twice__reverts(house: House, draft: Published) -> None:
    """A report is accepted once, also when other signers or another deadline make other bytes of it (hole 21)."""
    first = house.sign(draft.content)
    again = house.sign(draft.content, by=node_keys(4)[1:], deadline=house.now + 500_000)
    house.on.oracle.report(*first.args, sender=house.relayer)

    for signed in (first, again):
        refuses("oracle: slot is not after the last one", house.on.oracle.report, *signed.args, sender=house.relayer)


def test_report__too_few_signatures__reverts(house: House, draft: Published) -> None:
    """Two of four are no quorum, nor are two and a half; and half a signature beyond three is none."""
    keys = node_keys(4)
    two = house.sign(draft.content, by=keys[:2])
    half = report_args(two.report), two.signers, house.sign(draft.content, by=keys[:3]).signatures[:5]

    refuses("quorum: too few signatures", house.on.oracle.report, *two.args, sender=house.relayer)
    refuses("quorum: too few signatures", house.on.oracle.report, *half, sender=house.relayer)
    odd = report_args(two.report), two.signers, house.sign(draft.content, by=keys).signatures[:7]
    refuses("quorum: too few signatures", house.on.oracle.report, *odd, sender=house.relayer)


def test_report__one_signer_twice__reverts(house: House, draft: Published) -> None:
    """A signer counts once, in whatever order."""
    a, b, *_ = node_keys(4)
    reason = "quorum: not a signer, or not in order"
    for by in ([a, a, b], [a, b, b], [b, a, b]):
        refuses(reason, house.on.oracle.report, *house.sign(draft.content, by=by).args, sender=house.relayer)


def test_report__stranger_among_the_signers__reverts(house: House, draft: Published) -> None:
    """A signature from outside the set spoils the report, also as a fourth one; so does a list that is not the set."""
    keys, outside = node_keys(4), node_keys(1, generation=9)[0]
    spoiled = house.sign(
        draft.content, by=sorted([*keys[:3], outside], key=lambda k: k.public_key.to_canonical_address())
    )
    listed = sorted([*keys[:3], outside], key=lambda k: k.public_key.to_canonical_address())
    foreign = house.sign(draft.content, keys=listed)

    refuses("quorum: not a signer, or not in order", house.on.oracle.report, *spoiled.args, sender=house.relayer)
    refuses("quorum: wrong signer set", house.on.oracle.report, *foreign.args, sender=house.relayer)


def test_report__all_four__is_fine(house: House, draft: Published) -> None:
    """More than enough is enough."""
    house.on.oracle.report(*house.sign(draft.content, by=node_keys(4)).args, sender=house.relayer)
    assert house.on.oracle.head(E).reports == 1


def test_report__high_s__reverts(house: House, draft: Published) -> None:
    """The twin of a signature is refused: with s above half of the order."""
    signed = house.sign(draft.content)
    for s in (SECPK1_N // 2 + 1, (1 << 255) - 1):
        vs = s.to_bytes(32, "big")
        refuses(
            "quorum: high s",
            house.on.oracle.report,
            report_args(signed.report),
            signed.signers,
            [signed.signatures[0], vs, *signed.signatures[2:]],
            sender=house.relayer,
        )


def test_report__garbage_signature__reverts(house: House, draft: Published) -> None:
    """What recovers to nobody is nobody's signature: no set holds the zero address (hole 8)."""
    signed = house.sign(draft.content)
    refuses(
        "quorum: not a signer, or not in order",
        house.on.oracle.report,
        report_args(signed.report),
        signed.signers,
        [bytes(32), bytes(32), *signed.signatures[2:]],
        sender=house.relayer,
    )


@pytest.mark.parametrize("field", ["root", "data_hash", "stations", "valid_from"])
def test_report__changed_after_signing__reverts(house: House, draft: Published, field: str) -> None:
    """Fields that nothing else checks are bound by the signatures. With other bytes, the recovered signer is another."""
    value = {"root": bytes(31) + b"\x01", "data_hash": bytes(32), "stations": 3, "valid_from": 1}[field]
    refuses(
        "quorum: not a signer, or not in order",
        house.on.oracle.report,
        *tampered(house.sign(draft.content), **{field: value}),
        sender=house.relayer,
    )


def test_report__does_not_follow__reverts(house: House, draft: Published) -> None:
    """Each report names the one before, and its total is the last total and the increase; skipped slots are fine."""
    house.bring(draft.content)
    slot = house.next_slot() + 1
    house.next_slot()
    nxt = house.draft(house.leaves({ROOF: KWH}, utility=E, slot=slot)).content
    wrong = {
        "oracle: does not follow the last report": {"prev": bytes(32)},
        "oracle: total is not the last total and the increase": {"increase": nxt.increase + 1},
        "oracle: slot is not after the last one": {"slot": draft.content.slot},
        "oracle: no root": {"root": bytes(32)},
        "oracle: report refuses itself": {"valid_from": slot + 1},
    }
    for reason, change in wrong.items():
        refuses(reason, house.on.oracle.report, *house.sign(replace(nxt, **change)).args, sender=house.relayer)

    house.bring(nxt)
    assert house.on.oracle.head(E).slot == slot


def test_report__total_below_the_last__reverts(house: House, draft: Published) -> None:
    """A running total never falls: an increase that wraps is no increase."""
    house.bring(draft.content)
    slot = house.next_slot()
    falling = replace(house.draft(house.leaves({}, utility=E, slot=slot)).content, total=2 * KWH, increase=2**96 - KWH)

    refuses(
        "oracle: total is not the last total and the increase",
        house.on.oracle.report,
        *house.sign(falling).args,
        sender=house.relayer,
    )


def test_report__future_slot__reverts(house: House, draft: Published) -> None:
    """A slot that has not begun would skip everything before it, for ever."""
    future = replace(draft.content, slot=house.slot + 1)
    refuses("oracle: slot is in the future", house.on.oracle.report, *house.sign(future).args, sender=house.relayer)


def test_report__slot_before_opening__reverts(house: House, draft: Published) -> None:
    """Energy from before the utility was opened cannot be brought in."""
    early = replace(draft.content, slot=house.on.oracle.head(E).slot)
    refuses(
        "oracle: slot is not after the last one", house.on.oracle.report, *house.sign(early).args, sender=house.relayer
    )


def test_report__after_the_deadline__reverts(house: House, draft: Published) -> None:
    """Signatures expire; the same content can be signed again (hole 7)."""
    late = house.sign(draft.content, deadline=house.now + 10)
    house.wait(11)

    refuses("oracle: deadline passed", house.on.oracle.report, *late.args, sender=house.relayer)
    house.bring(draft.content)


def test_report__closed_utility__reverts(house: House, draft: Published) -> None:
    """Eight utilities are wired and shut until somebody opens them."""
    refuses(
        "oracle: utility is not open",
        house.on.oracle.report,
        *house.sign(replace(draft.content, utility=AGR)).args,
        sender=house.relayer,
    )


def test_report__paused__reverts(house: House, draft: Published, pause, owner: AccountAPI) -> None:
    """A stop refuses reports; afterwards the same signatures still count."""
    signed = house.sign(draft.content)
    pause(house.on.oracle)
    assert house.on.oracle.paused()
    refuses("oracle: paused", house.on.oracle.report, *signed.args, sender=house.relayer)

    house.on.guard.unpause(house.on.oracle, sender=owner)
    house.on.oracle.report(*signed.args, sender=house.relayer)


def test_report__for_another_contract_or_chain__reverts(house: House, draft: Published) -> None:
    """The domain binds chain and contract."""
    signed = house.sign(draft.content)
    elsewhere = signed.report.digest(chain_id=1, oracle=bytes.fromhex(house.on.oracle.address[2:]))
    words = []
    for key in node_keys(4)[:3]:
        made = key.sign_msg_hash(elsewhere)
        words += [made.r.to_bytes(32, "big"), (made.v << 255 | made.s).to_bytes(32, "big")]

    refuses(
        "quorum: not a signer, or not in order",
        house.on.oracle.report,
        report_args(signed.report),
        addresses(node_keys(4)),
        words,
        sender=house.relayer,
    )


def test_report__more_than_the_plants_can_make__reverts(house: House) -> None:
    """A quorum that lies is bounded by 1.25 times the registered power (hole 3), to the last 1,000 µWh of rounding."""
    slot = house.slot
    slots = slot - house.on.oracle.head(E).slot
    ceiling = house.on.oracle.ceiling(E, slot)
    assert ceiling == 2 * SLOT_ALLOWANCE * slots
    content = house.draft(house.leaves({}, utility=E, slot=slot)).content

    refuses(
        "oracle: more than the plants can make",
        house.on.oracle.report,
        *house.sign(replace(content, increase=ceiling + 1, total=ceiling + 1)).args,
        sender=house.relayer,
    )
    house.bring(replace(content, increase=ceiling, total=ceiling))
    assert house.on.oracle.ceiling(E, slot) == 0
    assert house.on.oracle.ceiling(E, slot + 1) == 2 * SLOT_ALLOWANCE


def test_report__new_plant__makes_room_at_once(house: House, registrar: AccountAPI) -> None:
    """The Oracle's copy of the rated power is refreshed by the report that needs it."""
    house.publish({ROOF: KWH})
    assert house.on.oracle.rated_w() == 20_000 // 64 * 64
    house.on.registry.register_station(77, registrar, 1_000_000, 1, True, sender=registrar)
    house.join(77, registrar)

    house.publish({77: 100 * KWH})

    assert house.on.oracle.rated_w() == 1_020_000 // 64 * 64


def test_refresh_rated_power(house: House, registrar: AccountAPI, stranger: AccountAPI) -> None:
    """After plants went out of service anybody lowers the ceiling."""
    house.publish({ROOF: KWH})
    house.on.registry.set_rating(BARN, 0, sender=registrar)

    receipt = house.on.oracle.refresh_rated_power(sender=stranger)

    (refreshed,) = receipt.decode_logs(house.on.oracle.RatedPowerRefreshed)
    assert (refreshed.old, refreshed.new) == (20_000 // 64 * 64, 10_000 // 64 * 64)


def test_report__ring_forgets(house: House) -> None:
    """A root stands for 128 slots. The word is reused and never zeroed."""
    first = house.publish({ROOF: KWH})
    ape.chain.mine(timestamp=house.now + 127 * SLOT)
    last_chance = house.draft(house.leaves({}, utility=E, slot=first.content.slot + 127))
    house.bring(last_chance.content)
    assert house.on.oracle.root_of(E, first.content.slot) == first.content.root

    house.publish({}, slot=house.next_slot())

    assert house.on.oracle.root_of(E, first.content.slot) == bytes(32)
