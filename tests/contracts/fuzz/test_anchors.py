# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong in other people's registries, mints and order books, each tried here under its own name."""

from collections.abc import Iterator

import boa
import pytest

from oracle.rules import Content, Leaf, Report, build_content
from tests.contracts.fuzz.book.chain import SWEEPER, TRADERS, Chain
from tests.contracts.fuzz.book.terms import TICKS, Asset
from tests.contracts.fuzz.certificates.book import WH
from tests.contracts.fuzz.certificates.desk import LIFETIME, PLANTS, VALIDATOR
from tests.contracts.fuzz.certificates.test_certificates import Certificates
from tests.contracts.fuzz.test_receivers import ENERGY, publish
from tests.contracts.fuzz.world import (
    PEOPLE,
    RELAYER,
    STRANGER,
    World,
    flat,
    remembered_recovery,
    report_words,
    sign,
    signers,
)

MAKER, OTHER, _ = TRADERS
MIDDLE = 30_000
RICH = dict.fromkeys(Asset, 10**25)
NOT_VALID = "certificates: not valid"


@pytest.fixture(scope="module")
def deployed() -> Iterator[None]:
    """The contracts of the certificates."""
    with remembered_recovery(active=True), boa.env.anchor():
        Certificates.deploy()
        yield


@pytest.fixture
def desk(deployed: None) -> Iterator[Certificates]:
    """A slot of 900 Wh a plant that the first two owners have settled, beside the reference."""
    made = Certificates()
    made.report(1, [900 * WH] * 3, 0)
    for place in range(3):
        made.claim(place)
    yield made
    made.forget()


@pytest.fixture(scope="module")
def deployed_book() -> Iterator[Chain]:
    """An exchange with rich traders."""
    with boa.env.anchor():
        yield Chain(RICH)


@pytest.fixture
def chain(deployed_book: Chain) -> Iterator[Chain]:
    """The same for every test."""
    with boa.env.anchor():
        yield deployed_book


def issue(desk: Certificates, place: int, start: int, end: int) -> str:
    """Ask for a range of a plant; why it was refused."""
    request, told = desk.ask(0, place, start, end, lie=False)
    return desk.do(
        "issue", "issue", [request], sender=told.owner, model=lambda: desk.book.issue(told.owner, [told])
    ).reason  # fmt: skip


def valid(desk: Certificates) -> tuple[int, bytes]:
    """A certificate that is VALID, and who holds it."""
    assert not issue(desk, 0, 0, 500)
    made = list(desk.book.certificates)[-1]
    desk.validate_some([made], VALIDATOR)
    return made, PLANTS[0][1]


def transfer(desk: Certificates, made: int, owner: bytes) -> str:
    """Give one Wh away; why it was refused."""
    return desk.do(
        "transfer", "safeTransferFrom", owner, PEOPLE[3], made, 1, b"", sender=owner,
        model=lambda: desk.book.transfer(owner, owner, PEOPLE[3], [(made, 1)]),
    ).reason  # fmt: skip


# registries of certificates


def test_origin__batch_issue_always_reverted__several_are_issued_in_one_call(desk: Certificates) -> None:
    before = len(desk.book.certificates)
    desk.issue_some(0, 0, 0, "all", 4, False, False)
    made = list(desk.book.certificates)[before:]
    assert len(set(made)) == 4
    told = [desk.on.view("certificate", one) for one in made]
    assert [row[6] for row in told] == [0, *(row[7] for row in told[:-1])]
    assert told[-1][7] == 900


def test_origin__a_period_was_requested_twice__the_second_is_refused(desk: Certificates) -> None:
    assert not issue(desk, 0, 0, 500)
    for start, end in ((0, 500), (499, 600), (0, 1)):
        assert issue(desk, 0, start, end) == "certificates: certified already"
    assert not issue(desk, 0, 500, 900)


def test_origin__revoked_certificates_still_traded__here_they_stay(desk: Certificates) -> None:
    made, owner = valid(desk)
    assert not transfer(desk, made, owner)
    desk.do(
        "revoke", "revoke", made, "fraud", sender=VALIDATOR,
        model=lambda: desk.book.revoke(VALIDATOR, made, "fraud"),
    )  # fmt: skip
    assert transfer(desk, made, owner) == transfer(desk, made, PEOPLE[3]) == NOT_VALID


def test_origin__certificates_never_expired__here_they_stay_when_they_have(desk: Certificates) -> None:
    made, owner = valid(desk)
    assert not transfer(desk, made, owner)
    desk.pass_time(LIFETIME + 1)
    assert transfer(desk, made, owner) == NOT_VALID


def test_origin__mint_added_volume_to_a_certificate__nothing_here_does(desk: Certificates) -> None:
    made, owner = valid(desk)
    assert not {"mint", "safe_mint", "set_uri", "burn"} & set(desk.on.artifact.functions)
    assert issue(desk, 0, 500, 901) in ("certificates: more than was measured", "certificates: more than is settled")
    assert desk.on.view("balanceOf", owner, made) == 500


def test_fea_registry__storage_was_a_comment__what_comes_out_of_storage_is_not_certified(desk: Certificates) -> None:
    assert issue(desk, 2, 0, 100) == "certificates: kind of plant is not certified"


def test_d_rec__certificates_outside_the_reservation__ranges_come_only_from_a_settled_register(
    desk: Certificates,
) -> None:
    desk.report(1, [700 * WH] * 3, 0)
    assert issue(desk, 0, 0, 901) == "certificates: more than is settled"
    assert not issue(desk, 0, 0, 900)


# mints


def test_guardian__100_asked_110_minted_after_retries__every_retry_mints_nothing(world: World) -> None:
    (claim,) = publish(world, [PEOPLE[0]])
    minted = [world.treasury.must("claim", *claim.args(), sender=RELAYER).number for _ in range(11)]
    assert minted == [ENERGY, *[0] * 10]
    assert world.token.view("balanceOf", PEOPLE[0], 1) == ENERGY - ENERGY * 250 // 10_000


def test_guardian__three_services_minted_15_for_5__one_slot_is_reported_once(world: World) -> None:
    (first,) = publish(world, [PEOPLE[0]])
    head = world.oracle.view("head", 1)
    content = nothing_new(world, first.leaf.slot)
    report, pairs = signed(world, content)
    for relayer in (RELAYER, STRANGER, PEOPLE[1]):
        again = world.oracle.call("report", report, members(), flat(pairs), sender=relayer)
        assert again.reason == "oracle: slot is not after the last one"
    assert world.oracle.view("head", 1) == head


def test_chainlink_duplicate_signer__one_node_twice__is_no_quorum(world: World) -> None:
    (first,) = publish(world, [PEOPLE[0]])
    report, pairs = signed(world, nothing_new(world, first.leaf.slot + 1))
    world.pass_time(1_800)
    outcome = world.oracle.call("report", report, members(), flat([pairs[0], pairs[0]]), sender=RELAYER)
    assert outcome.reason == "quorum: not a signer, or not in order"
    world.oracle.must("report", report, members(), flat(pairs), sender=RELAYER)


def nothing_new(world: World, slot: int) -> Content:
    """A content that adds nothing, for a slot."""
    _, total, content_hash, _ = world.oracle.view("head", 1)
    leaf = Leaf(1, 1, 1, PEOPLE[0], slot, 0, total, total, 2, bytes(32))
    return build_content([leaf], utility=1, slot=slot, prev=content_hash, previous_total=total, valid_from=0)[0]


def signed(world: World, content: Content) -> tuple[tuple[object, ...], list[tuple[bytes, bytes]]]:
    """A report as the Oracle takes it, and the signatures of two nodes."""
    report = Report(content, world.now + 86_400, 1)
    with remembered_recovery(active=True):
        return report_words(report), [sign(world.digest(report), node) for node in signers()[:2]]


def members() -> list[bytes]:
    """The nodes."""
    return [node.address for node in signers()[:3]]


# order books


def test_samwitch__level_stayed_after_its_last_order_was_cancelled__here_the_price_goes(chain: Chain) -> None:
    for lots in (5, 2**32 - 1):
        chain.book.must("place", 1, 1, 1, 0, 0, MIDDLE, lots, sender=MAKER)
        chain.book.must("cancel", 1, sender=MAKER)
        assert chain.book.view("best_of", 1, 1) == (False, 0)
        assert chain.book.call("take", 1, 0, MIDDLE, 1, 0, 9, [], sender=OTHER).reason.endswith("trade with")


def test_samwitch__large_cancels_overflowed__huge_orders_in_the_middle_leave_the_sums_right(chain: Chain) -> None:
    most = 2**32 - 1
    chain.book.must("place", 1, 0, 1, 0, 0, MIDDLE, 3, sender=OTHER)
    for n in range(1, 20):
        chain.book.must("place", 1, n, 1, 0, 0, MIDDLE, most, sender=MAKER)
        chain.book.must("place", 1, n + 100, 1, 0, 0, MIDDLE, 2, sender=OTHER)
        chain.book.must("cancel", n, sender=MAKER)
        assert chain.book.view("lots_at", 1, 1, 0, MIDDLE) == 3 + 2 * n
    assert chain.book.must("take", 1, 0, MIDDLE, most, 0, 9, [], sender=SWEEPER).number == 3 + 2 * 19


def test_clober__level_of_a_ring_was_full_of_dust__dust_does_not_rest(chain: Chain) -> None:
    assert chain.book.call("place", 1, 1, 1, 0, 0, MIDDLE, 1, sender=MAKER).reason == "order_book: too few lots"


def test_openzeppelin_hook__three_orders_over_3_000_ticks_cost_15_million__here_three_levels(chain: Chain) -> None:
    for n, tick in enumerate((MIDDLE, MIDDLE + 1_500, MIDDLE + 3_000)):
        chain.book.must("place", 1, n, 1, 0, 0, tick, 5, sender=MAKER)
    outcome = chain.book.must("take", 1, 0, MIDDLE + 3_000, 15, 15, 9, [], sender=OTHER)
    assert outcome.gas < 130_000


def test_openzeppelin_hook__wrong_token_was_credited__each_side_gets_the_other_ones(chain: Chain) -> None:
    before = {who: chain.account(who)[:2] for who in (MAKER, OTHER)}
    price, lots = chain.terms.price(MIDDLE), 1_000
    chain.book.must("place", 1, 1, 1, 0, 0, MIDDLE, lots, sender=MAKER)
    chain.book.must("take", 1, 0, MIDDLE, lots, lots, 9, [], sender=OTHER)
    chain.book.must("claim", MAKER, 1, sender=STRANGER)
    base, quote = lots * chain.terms.lot, lots * price
    maker_fee = chain.terms.maker_fee(Asset.QUOTE, lots, MIDDLE)
    taker_fee = base * chain.terms.taker_bps // 10_000
    assert chain.account(MAKER)[:2] == (before[MAKER][0] - base, before[MAKER][1] + quote - maker_fee)
    assert chain.account(OTHER)[:2] == (before[OTHER][0] + base - taker_fee, before[OTHER][1] - quote)
    assert chain.book.view("fees_of", 1) == (taker_fee, maker_fee)


@pytest.mark.parametrize("tick", [0, 1, 255, 256, 65_279, 65_280, TICKS - 2, TICKS - 1])
def test_openzeppelin_hook__order_at_an_edge_was_never_filled__every_tick_is_reached(chain: Chain, tick: int) -> None:
    for side, worst in ((1, TICKS - 1), (0, 0)):
        chain.book.must("place", 1, 1, side, 0, 0, tick, 4, sender=MAKER)
        assert chain.book.must("take", 1, 1 - side, worst, 4, 4, 9, [], sender=OTHER).number == 4
        assert chain.book.must("claim", MAKER, 1, sender=STRANGER).number == 4


def test_per_maker_books__a_hundred_dust_orders_made_a_taker_pay__here_the_same_gas(chain: Chain) -> None:
    costs = []
    for makers in (1, 100):
        with boa.env.anchor():
            for n in range(makers):
                chain.book.must("place", 1, n, 1, 0, 0, MIDDLE, 2, sender=MAKER)
            costs.append(chain.book.must("take", 1, 0, MIDDLE, 1, 1, 9, [], sender=OTHER).gas)
    assert abs(costs[1] - costs[0]) * 50 <= costs[0]


def test_gsy__buyer_was_the_seller__a_trader_does_not_meet_itself(chain: Chain) -> None:
    chain.book.must("place", 1, 1, 1, 0, 0, MIDDLE, 5, sender=MAKER)
    assert chain.book.call("take", 1, 0, MIDDLE, 5, 5, 9, [], sender=MAKER).reason == "order_book: self-trade"
    chain.book.must("take", 1, 0, MIDDLE, 5, 5, 9, [], sender=OTHER)


def test_gsy__a_market_without_a_match_lost_the_others__markets_do_not_touch(chain: Chain) -> None:
    chain.book.must("place", 1, 1, 1, 0, 0, MIDDLE, 5, sender=MAKER)
    assert not chain.book.call("take", 2, 0, MIDDLE, 5, 5, 9, [], sender=OTHER).ok
    assert chain.book.must("take", 1, 0, MIDDLE, 5, 5, 9, [], sender=OTHER).number == 5
