# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The recount: which tenure a reading belongs to, which leaves a row has, and what a node adopts when it was outvoted."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import Interval
from energy.policies.book import book
from energy.settle.rules import Register, StationParameters, advance
from kit.errors import Malformed
from kit.units import SLOT_SECONDS, UWH_PER_WH
from oracle.quorum.messages import Proposal, SignRequest
from oracle.recount.rules import NoTenure, TenureState, adopt, first_difference, recount
from oracle.rules import Content, Leaf

ROOF, HOUSE = UUID(int=5), UUID(int=3)
SLOT = 2_000_000
START = SLOT * SLOT_SECONDS


def state(
    station: UUID = ROOF, tenure: int = 1, since: int = 0, until: int | None = None, **fields: Any
) -> TenureState:
    register = fields.get("register", Register())
    return TenureState(
        station, tenure, bytes([tenure]) * 20, since, until, StationParameters(station, 10_000), register
    )


def reading(station: UUID, slot: int, wh: int) -> Interval:
    return Interval(station, slot, {"meterWh": wh * UWH_PER_WH}, slot.to_bytes(32, "big"))


def row(states: list[TenureState], *readings: Interval, slot: int = SLOT) -> list[Leaf]:
    by_station: dict[UUID, list[Interval]] = {}
    for one in readings:
        by_station.setdefault(one.home_id, []).append(one)
    return [o.leaf for o in recount(states, by_station, utility=1, slot=slot, policy=book().newest)]


def test_every_tenure_has_a_leaf_in_order_whether_it_was_read_or_not() -> None:
    states = [state(ROOF, 2, since=START), state(HOUSE), state(ROOF, 1, until=START)]
    found = row(states, reading(HOUSE, SLOT, 7))
    assert [(leaf.station, leaf.tenure) for leaf in found] == [(HOUSE.int, 1), (ROOF.int, 1), (ROOF.int, 2)]
    assert [leaf.mintable for leaf in found] == [7 * UWH_PER_WH, 0, 0]
    assert [leaf.quality for leaf in found][1:] == [0, 0]


@pytest.mark.parametrize(("handover", "owner"), [(START, 2), (START + 1, 1), (START - 1, 2), (START + 899, 1)])
def test_the_slot_in_which_a_station_changes_hands_is_the_old_owners(handover: int, owner: int) -> None:
    found = row([state(tenure=1, until=handover), state(tenure=2, since=handover)], reading(ROOF, SLOT, 4))
    assert [leaf.tenure for leaf in found if leaf.mintable] == [owner]


def test_a_reading_that_nobody_owns_is_refused() -> None:
    with pytest.raises(NoTenure):
        row([state(since=START + 1)], reading(ROOF, SLOT, 4))
    with pytest.raises(ValueError, match="can't be counted in the report"):
        row([state()], reading(ROOF, SLOT + 1, 4))


@given(st.permutations(range(6)))
def test_the_order_in_which_readings_and_tenures_come_changes_nothing(order: list[int]) -> None:
    slots = [SLOT - n for n in range(6)]
    states = [state(), state(HOUSE)]
    straight = row(states, *(reading(ROOF, slot, slot % 7) for slot in slots))
    shuffled = row(states[::-1], *(reading(ROOF, slots[n], slots[n] % 7) for n in order))
    assert straight == shuffled


def test_rules_that_let_a_mark_fall_are_stopped() -> None:
    def falling(*arguments: Any, **named: Any) -> Any:
        step = advance(*arguments, **named)
        return replace(step, register=replace(step.register, mintable=1))

    with pytest.raises(ValueError, match="high-water mark"):
        recount(
            [state(register=Register(5, 5, 5, 5))],
            {ROOF: [reading(ROOF, SLOT, 10)]},
            utility=1,
            slot=SLOT,
            policy=book().newest,
            advance=falling,
        )


@given(st.lists(st.integers(-20, 20), max_size=12), st.sets(st.integers(0, 11), max_size=5), st.integers(1, 400))
def test_the_rules_do_nothing_without_readings_so_that_they_need_not_be_asked(
    wh: list[int], missing: set[int], later: int
) -> None:
    register = Register()
    parameters, policy = StationParameters(ROOF, 10_000), book().newest
    given = [reading(ROOF, SLOT + n, value) for n, value in enumerate(wh) if n not in missing]
    for one in given:
        register = advance(register, [one], slot=one.slot, parameters=parameters, policy=policy).register
    idle = advance(register, [], slot=SLOT + 12 + later, parameters=parameters, policy=policy)
    assert (idle.register.mintable, idle.register.measured) == (register.mintable, register.measured)
    assert (idle.energy, idle.quality, idle.profile_hash) == (0, 0, bytes(32))
    if given:
        assert idle.register == register


def test_an_outvoted_node_takes_the_chains_marks_and_never_mints_the_difference_later() -> None:
    (own,) = recount([state()], {ROOF: [reading(ROOF, SLOT, 10)]}, utility=1, slot=SLOT, policy=book().newest)
    lower = replace(own.leaf, mintable=4 * UWH_PER_WH, measured=3 * UWH_PER_WH)
    adopted = adopt(own, lower)
    assert (adopted.leaf, adopted.changed) == (lower, True)
    assert (adopted.register.mintable, adopted.register.measured) == (lower.mintable, lower.measured)
    assert adopted.register.net == lower.mintable
    following = advance(
        adopted.register, [], slot=SLOT + 1, parameters=StationParameters(ROOF, 10_000), policy=book().newest
    )
    assert following.register.mintable == lower.mintable


def test_the_first_difference_is_named_with_both_sides() -> None:
    a, b, c = (Leaf(1, n, 1, bytes(20), SLOT, 0, 0, n, 2, bytes(32)) for n in (1, 2, 3))
    other = replace(b, mintable=9)
    assert first_difference([a, b], [a, b]) is None
    assert first_difference([a, b, c], [a, other, c]) == (b, other)
    assert first_difference([a, c], [a, b, c]) == (None, b)
    assert first_difference([a, b, c], [a, c]) == (b, None)
    assert first_difference([a], [a, b]) == (None, b)


def test_a_proposal_survives_the_wire_and_lists_nothing_twice() -> None:
    content = Content(1, SLOT, b"p" * 32, b"r" * 32, 2**96 - 1, 2**96 - 1, 2, b"d" * 32, 0)
    proposal = Proposal(content, 3, {ROOF: (b"a" * 32, b"b" * 32), HOUSE: (b"c" * 32,)})
    request = SignRequest(proposal, 2**40, 7, (b"s" * 64,))
    assert SignRequest.from_json(request.to_json()) == request
    text = request.to_json().decode()
    for old, new in (
        ("62" * 32, "61" * 32),
        (str(2**96 - 1), str(2**256)),
        (str(2**96 - 1), "-1"),
        ("0x" + "73" * 64, "0x" + "73" * 63),
        (str(ROOF), "not a station"),
        ('["0x' + "63" * 32 + '"]', "[]"),
        ('"policy":3', '"policy":"3"'),
    ):
        assert old in text
        with pytest.raises(Malformed):
            SignRequest.from_json(text.replace(old, new).encode())
