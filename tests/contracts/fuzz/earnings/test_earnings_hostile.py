# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Earnings and Funds among borrowers, latecomers, hostile tokens, receivers that call back, and a lock that lies."""

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from bench.contracts import artifact
from tests.contracts.fuzz.earnings.place import COIN, ENERGY, HEAT, PERIOD, Place
from tests.contracts.fuzz.world import OWNER, PEOPLE, STRANGER, TREASURY, Contract, account

ALICE, BOB, LATE, GIVER = PEOPLE
POTS_MAX = 64
KEEPS_A_PART, CALLS_BACK = 2, 3
RECEIVER_CALLS_BACK = 5


@pytest.fixture(scope="module")
def deployed() -> Place:
    """Deployed once; every test has it as it was then."""
    return Place()


@pytest.fixture
def place(deployed: Place) -> Iterator[Place]:
    """Alice locked from the very beginning of a period on, which is over; Bob three times as much for half of it."""
    with boa.env.anchor():
        start = (int(boa.env.timestamp) // PERIOD + 1) * PERIOD
        boa.env.timestamp = start
        deployed.locks[0].must("lock", 600, sender=ALICE)
        boa.env.timestamp = start + PERIOD // 2
        deployed.locks[0].must("lock", 1_800, sender=BOB)
        boa.env.timestamp = start + PERIOD
        yield deployed


def earned(place: Place, person: bytes, number: int = COIN, group: int = 0) -> int:
    """What a claim would pay."""
    return int(place.earnings.view("earned", person, group, number))


def later(periods: int = 1) -> None:
    """Time, in whole periods."""
    boa.env.timestamp += periods * PERIOD


def test_time_counts__and_who_comes_late_gets_nothing_of_what_came_before(place: Place) -> None:
    place.locks[0].must("lock", 10_000, sender=LATE)
    place.earnings.must("distribute", 0, COIN, 1_000, sender=GIVER)
    assert [earned(place, who) for who in (ALICE, BOB, LATE)] == [400, 600, 0]
    # More into the same pot after a claim pays the difference; unlocking takes nothing away.
    place.earnings.must("claim", ALICE, 0, [COIN], sender=STRANGER)
    place.locks[0].must("unlock", 600, sender=ALICE)
    place.earnings.must("distribute", 0, COIN, 5, sender=GIVER)
    assert [earned(place, who) for who in (ALICE, BOB, LATE)] == [2, 603, 0]
    later()
    place.earnings.must("distribute", 0, COIN, 11_800, sender=GIVER)
    # Alice left at the beginning of this period.
    assert [earned(place, who) for who in (ALICE, BOB, LATE)] == [2, 603 + 1_800, 10_000]


def test_borrowed_for_a_transaction__earns_nothing(place: Place) -> None:
    """Locked, distributed, claimed and unlocked within one second, at the end of a period as within it."""
    for _ in range(2):
        place.locks[0].must("lock", 10_000, sender=LATE)
        place.earnings.must("distribute", 0, COIN, 10**6, sender=GIVER)
        assert earned(place, LATE) == 0
        place.earnings.must("claim", LATE, 0, [COIN], sender=LATE)
        place.locks[0].must("unlock", 10_000, sender=LATE)
        later()
        place.earnings.must("distribute", 0, COIN, 10**6, sender=GIVER)
        assert earned(place, LATE) == 0
        boa.env.timestamp += PERIOD - 1


def test_many_pots__are_claimed_in_parts__and_skipped_by_who_was_not_there(place: Place) -> None:
    """64 pots a claim; the number of holders costs nothing, and neither do pots of before."""
    count = POTS_MAX + 8
    for _ in range(count):
        place.earnings.must("distribute", 0, COIN, 240, sender=GIVER)
        later()
    # The first pot is shared 4 : 6, all others 1 : 3.
    due = 96 + (count - 1) * 60
    assert place.earnings.view("pots", 0, COIN) == count
    assert earned(place, ALICE) == 96 + (POTS_MAX - 1) * 60
    had = place.balance(COIN, ALICE)
    for _ in range(2):
        place.earnings.must("claim", ALICE, 0, [COIN, COIN], sender=STRANGER)
    assert place.balance(COIN, ALICE) - had == due
    assert tuple(place.earnings.view("cursor", ALICE, 0, COIN)) == (count - 1, 60)

    place.locks[0].must("lock", 2_400, sender=LATE)
    later()
    place.earnings.must("distribute", 0, COIN, 240, sender=GIVER)
    assert earned(place, LATE) == 120
    claim = place.earnings.must("claim", LATE, 0, [COIN], sender=STRANGER)
    assert claim.gas < 200_000
    assert tuple(place.earnings.view("cursor", LATE, 0, COIN)) == (count, 120)


def test_who_never_locked__claims_nothing_and_loses_nothing(place: Place) -> None:
    place.earnings.must("distribute", 0, COIN, 240, sender=GIVER)
    place.earnings.must("claim", LATE, 0, [COIN], sender=STRANGER)
    assert tuple(place.earnings.view("cursor", LATE, 0, COIN)) == (1, 0)
    place.locks[0].must("lock", 2_400, sender=LATE)
    later()
    place.earnings.must("distribute", 0, COIN, 240, sender=GIVER)
    assert earned(place, LATE) == 120


def test_lock_that_lies__takes_from_its_own_group_only(place: Place) -> None:
    lying = Contract(artifact("LyingLock"), sender=OWNER)
    group = place.earnings.must("add_group", lying.address, sender=OWNER).number
    place.earnings.must("distribute", 0, COIN, 1_000, sender=GIVER)
    place.earnings.must("distribute", group, COIN, 300, sender=GIVER)
    place.earnings.must("claim", LATE, group, [COIN], sender=LATE)
    refused = place.earnings.call("claim", GIVER, group, [COIN], sender=GIVER)
    assert refused.reason == "earnings: more than the group is owed"
    for who, due in ((ALICE, 400), (BOB, 600)):
        had = place.balance(COIN, who)
        place.earnings.must("claim", who, 0, [COIN], sender=STRANGER)
        assert place.balance(COIN, who) - had == due


def attempts(place: Place) -> list[tuple[Contract, str, tuple[Any, ...]]]:
    """What somebody who is called back may try."""
    return [
        (place.earnings, "claim", (BOB, 0, [ENERGY])),
        (place.earnings, "distribute", (0, COIN, 1)),
        (place.earnings, "earned", (BOB, 0, COIN)),
        (place.funds, "divide", (COIN,)),
        (place.funds, "count", (COIN,)),
    ]


@pytest.mark.parametrize("place_of", range(5))
def test_coin_that_calls_back__finds_what_called_it_locked(place: Place, place_of: int) -> None:
    """While Funds divides and while Earnings pays; read-only calls too. Funds is locked only by its own call."""
    contract, function, args = attempts(place)[place_of]
    place.funds.must("set_shares", ((0, 5_000),), sender=OWNER)
    place.earnings.must("distribute", 0, ENERGY, 10, sender=GIVER)
    place.coin.must("transfer", place.funds.address, 1_000, sender=GIVER)
    data = contract.artifact.functions[function].calldata(*args)
    place.coin.must("behave", CALLS_BACK, contract.address, data, sender=OWNER)
    place.funds.must("divide", COIN, sender=STRANGER)
    assert (place.coin.view("tried"), place.coin.view("went_through")) == (1, 0)
    had = place.balance(COIN, ALICE)
    place.earnings.must("claim", ALICE, 0, [COIN], sender=STRANGER)
    assert place.balance(COIN, ALICE) - had == 200
    assert place.coin.view("went_through") == (1 if contract is place.funds else 0)


def test_receiver_that_calls_back__is_paid_once(place: Place) -> None:
    """From the hook of what it is paid."""
    place.earnings.must("distribute", 0, ENERGY, 1_000, sender=GIVER)
    place.earnings.must("distribute", 0, HEAT, 1_000, sender=GIVER)
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    for contract, function, args in attempts(place)[:3]:
        data = contract.artifact.functions[function].calldata(*args)
        receiver.must("behave", RECEIVER_CALLS_BACK, contract.address, data, sender=OWNER)
        place.earnings.must("claim_to", 0, [ENERGY, HEAT], receiver.address, sender=ALICE)
        place.earnings.must("distribute", 0, HEAT, 10, sender=GIVER)
    assert (receiver.view("tried"), receiver.view("went_through")) == (4, 0)
    assert [place.balance(number, receiver.address) for number in (ENERGY, HEAT)] == [400, 408]


def test_receiver_that_refuses__stops_only_itself(place: Place) -> None:
    place.earnings.must("distribute", 0, ENERGY, 1_000, sender=GIVER)
    receiver = Contract(artifact("FuzzReceiver"), sender=OWNER)
    receiver.must("behave", 1, bytes(20), b"", sender=OWNER)
    assert not place.earnings.call("claim_to", 0, [ENERGY], receiver.address, sender=ALICE).ok
    place.earnings.must("claim", ALICE, 0, [ENERGY], sender=STRANGER)
    assert earned(place, ALICE, ENERGY) == 0


def test_coin_that_keeps_a_part_or_says_no__is_not_distributed(place: Place) -> None:
    place.coin.must("behave", KEEPS_A_PART, bytes(20), b"", sender=OWNER)
    outcome = place.earnings.call("distribute", 0, COIN, 100, sender=GIVER)
    assert outcome.reason == "earnings: not the whole amount came"
    place.coin.must("behave", 0, bytes(20), b"", sender=OWNER)
    place.earnings.must("distribute", 0, COIN, 100, sender=GIVER)
    place.coin.must("behave", 1, bytes(20), b"", sender=OWNER)
    assert place.earnings.call("distribute", 0, COIN, 100, sender=GIVER).reason == "earnings: token refuses"
    assert place.earnings.call("claim", ALICE, 0, [COIN], sender=ALICE).reason == "earnings: token refuses"
    assert earned(place, ALICE) == 40


def test_sent_unasked__is_refused_by_earnings_and_counted_by_funds(place: Place) -> None:
    to_earnings = (GIVER, place.earnings.address, 1, 5, b"")
    assert place.energy.call("safeTransferFrom", *to_earnings, sender=GIVER).reason == "earnings: use distribute"
    hook = (place.earnings.address, GIVER, 1, 5, b"")
    assert place.earnings.call("onERC1155Received", *hook, sender=STRANGER).reason == "earnings: use distribute"
    foreign = Contract(artifact("OpenThings"), sender=OWNER)
    foreign.must("give", GIVER, 1, 5, sender=OWNER)
    to_funds = (GIVER, place.funds.address, 1, 5, b"")
    assert foreign.call("safeTransferFrom", *to_funds, sender=GIVER).reason == "funds: asset is not listed"
    batch = (GIVER, place.funds.address, [1, 2, 1], [5, 6, 7], b"")
    place.energy.must("safeBatchTransferFrom", *batch, sender=GIVER)
    assert [place.funds.view("fees", number) for number in (ENERGY, HEAT)] == [12, 6]
    assert place.energy.view("balanceOf", place.funds.address, 1) == 12


def test_group_of_nobody__its_share_is_kept(place: Place) -> None:
    """Nobody provided liquidity in that period, so nobody earned it."""
    place.funds.must("set_shares", ((0, 5_000), (1, 4_000)), sender=OWNER)
    place.hand_over(ENERGY, GIVER, place.funds.address, 1_001)
    assert place.funds.must("divide", ENERGY, sender=STRANGER).number == 500
    assert (place.funds.view("fees", ENERGY), place.funds.view("kept", ENERGY)) == (0, 501)
    assert not place.energy.view("isApprovedForAll", place.funds.address, place.earnings.address)
    place.locks[1].must("lock", 1, sender=BOB)
    later()
    place.hand_over(ENERGY, GIVER, place.funds.address, 1_001)
    assert place.funds.must("divide", ENERGY, sender=STRANGER).number == 900
    assert earned(place, BOB, ENERGY, 1) == 400
    place.earnings.must("claim", BOB, 1, [ENERGY], sender=STRANGER)
    assert [tuple(place.earnings.view("cursor", BOB, group, ENERGY)) for group in (0, 1)] == [(0, 0), (0, 400)]
    assert [place.earnings.view("pot", group, ENERGY, 0)[1] for group in (0, 1)] == [500, 400]
    assert place.funds.must("divide", ENERGY, sender=STRANGER).number == 0


def test_owner_only_and_bounds(place: Place) -> None:
    """What the DAO may list, and what it may not."""
    asset = (place.coin.address, False, 0)
    for contract, function, args in (
        (place.earnings, "add_group", (place.locks[0].address,)),
        (place.earnings, "add_asset", (asset,)),
        (place.funds, "set_shares", ((),)),
        (place.funds, "set_aside", (COIN, 0)),
        (place.funds, "release", (COIN, 0)),
        (place.funds, "spend", (COIN, 0, BOB, b"")),
    ):
        assert contract.call(function, *args, sender=STRANGER).reason == "ownable: caller is not the owner"
    for contract, name in ((place.earnings, "earnings"), (place.funds, "funds")):
        assert contract.call("set_paused", True, sender=OWNER).reason == f"{name}: access is denied"
    for wrong, reason in (
        ((asset), "earnings: asset is listed"),
        ((place.coin.address, False, 1), "earnings: an ERC-20 has no ids"),
        ((account("nothing there"), True, 1), "earnings: token has no code"),
    ):
        assert place.earnings.call("add_asset", wrong, sender=OWNER).reason == reason
    assert place.earnings.call("add_group", BOB, sender=OWNER).reason == "earnings: lock has no code"
    for parts, reason in (
        (((1, 1), (0, 1)), "funds: groups not strictly ascending"),
        (((0, 1), (0, 1)), "funds: groups not strictly ascending"),
        (((2, 1),), "funds: no such group"),
        (((0, 0),), "funds: share out of bounds"),
        (((0, 10_001),), "funds: share out of bounds"),
        (((0, 9_999), (1, 2)), "funds: more than the whole"),
    ):
        assert place.funds.call("set_shares", parts, sender=OWNER).reason == reason
    for function, args, reason in (
        ("distribute", (0, 9, 1), "earnings: no such asset"),
        ("distribute", (2, COIN, 1), "earnings: no such group"),
        ("claim", (BOB, 0, [9]), "earnings: no such asset"),
        ("claim", (bytes(20), 0, [COIN]), "earnings: no such receiver"),
        ("claim_to", (0, [COIN], place.earnings.address), "earnings: no such receiver"),
    ):
        assert place.earnings.call(function, *args, sender=GIVER).reason == reason
    for to in (bytes(20), place.funds.address):
        assert place.funds.call("spend", COIN, 0, to, b"", sender=OWNER).reason == "funds: no such receiver"
    assert place.funds.call("spend", COIN, 0, BOB, b"x", sender=OWNER).reason == "funds: an ERC-20 tells nobody"
    assert place.funds.call("divide", 9, sender=BOB).reason == "funds: no such asset"


def test_lists__are_bounded(place: Place) -> None:
    """256 groups, 256 assets, 16 assets a claim, and numbers that stay apart at the ends."""
    for number in range(len(place.locks), 256):
        assert place.earnings.must("add_group", place.locks[1].address, sender=OWNER).number == number
    for number in range(4, 257):
        asset = (place.energy.address, True, number)
        assert place.earnings.must("add_asset", asset, sender=OWNER).number == number
        assert place.earnings.view("number_of", *asset) == number
    refused = place.earnings.call("add_group", place.locks[1].address, sender=OWNER)
    assert refused.reason == "earnings: too many groups"
    assert place.earnings.call("add_asset", (place.energy.address, True, 257), sender=OWNER).reason == (
        "earnings: too many assets"
    )
    assert (place.earnings.view("groups"), place.earnings.view("assets")) == (256, 256)
    place.energy.must("mint", GIVER, 256, 9, sender=TREASURY)
    place.earnings.must("distribute", 0, 256, 9, sender=GIVER)
    place.earnings.must("distribute", 0, ENERGY, 8, sender=GIVER)
    assert [place.earnings.view("owed", 0, number) for number in (ENERGY, HEAT, 256)] == [8, 0, 9]
    assert place.earnings.view("owed", 1, 0) == 0
    place.earnings.must("claim", BOB, 0, list(range(241, 257)), sender=STRANGER)
    assert place.energy.view("balanceOf", BOB, 256) == 5
    assert not place.earnings.call("claim", BOB, 0, list(range(240, 257)), sender=STRANGER).ok


def test_lock__ends_with_its_clock_and_lets_everybody_out(place: Place) -> None:
    """The last second of 32 bits still counts, areas stay exact up to there, and nobody is locked in after it."""
    lock = place.locks[0]
    last = lock.view("began") + (1 << 32) - 1
    boa.env.timestamp = last
    lock.must("lock", 1, sender=LATE)
    boa.env.timestamp = last + 1
    assert lock.call("lock", 1, sender=LATE).reason == "voting_lock: end of time"
    assert lock.view("locked", LATE) == 1
    assert lock.view("area", ALICE, last) == 600 * (last - lock.view("since", ALICE))
    boa.env.timestamp = last + PERIOD
    for who, amount in ((ALICE, 600), (BOB, 1_800), (LATE, 1)):
        lock.must("unlock", amount, sender=who)
    assert lock.view("total_locked") == place.locked[0].view("balanceOf", lock.address) == 0


def test_since_and_area__of_the_first_second(place: Place) -> None:
    """A lock made in the second in which the contract was made counts from that second on."""
    lock = Contract(artifact("VotingLock"), place.locked[0].address, bytes(20), sender=OWNER)
    now = int(boa.env.timestamp)
    place.locked[0].must("approve", lock.address, 100, sender=LATE)
    assert (lock.view("area", LATE, now), lock.view("since", LATE)) == (0, 0)
    lock.must("lock", 100, sender=LATE)
    boa.env.timestamp = now + 10
    assert [lock.view("area", LATE, at) for at in (now - 10, now - 1, now, now + 1, now + 10)] == [0, 0, 0, 100, 1_000]
    assert (lock.view("since", LATE), lock.view("votes", LATE, now), lock.view("votes", LATE, now - 1)) == (now, 100, 0)


def test_amounts__up_to_the_width_of_a_pot(place: Place) -> None:
    """96 bits a pot; one more is refused and nothing wraps."""
    place.coin.must("give", GIVER, 1 << 97, sender=OWNER)
    most = (1 << 96) - 1
    place.earnings.must("distribute", 0, COIN, most, sender=GIVER)
    refused = place.earnings.call("distribute", 0, COIN, 1, sender=GIVER)
    assert refused.reason == "earnings: amount out of bounds"
    assert earned(place, ALICE) == most * 2 // 5
    place.earnings.must("claim", ALICE, 0, [COIN], sender=STRANGER)
    place.earnings.must("claim", BOB, 0, [COIN], sender=STRANGER)
    assert place.earnings.view("owed", 0, COIN) == most - most * 2 // 5 - most * 3 // 5


def test_funds__count_what_came_without_a_hook_as_fees__and_what_waited_at_the_treasury_as_reserve(
    place: Place,
) -> None:
    place.coin.must("transfer", place.funds.address, 70, sender=GIVER)
    assert place.funds.must("count", COIN, sender=STRANGER).number == 70
    assert place.funds.must("count", COIN, sender=STRANGER).number == 0
    place.from_treasury(ENERGY, 30)
    place.energy.must("mint_with_hook", place.funds.address, 1, 4, sender=TREASURY)
    assert [(place.funds.view("fees", n), place.funds.view("kept", n)) for n in (COIN, ENERGY)] == [(70, 0), (0, 34)]
    place.funds.must("set_aside", COIN, 20, sender=OWNER)
    place.funds.must("release", ENERGY, 4, sender=OWNER)
    assert [(place.funds.view("fees", n), place.funds.view("kept", n)) for n in (COIN, ENERGY)] == [(50, 20), (4, 30)]


@pytest.mark.parametrize("place_of", [0, 1])
def test_funds__made_without_earnings_or_treasury__are_not_made(place: Place, place_of: int) -> None:
    args = [place.earnings.address, place.holder.address, place.guard.address]
    args[place_of] = STRANGER
    with pytest.raises(AssertionError, match="funds: not a contract"):
        Contract(artifact("Funds"), *args, sender=OWNER)


@pytest.mark.parametrize("period", [3_599, 28 * 86_400 + 1])
def test_period__out_of_bounds__is_not_made(place: Place, period: int) -> None:
    with pytest.raises(AssertionError, match="earnings: period out of bounds"):
        Contract(artifact("Earnings"), place.guard.address, period, sender=OWNER)
