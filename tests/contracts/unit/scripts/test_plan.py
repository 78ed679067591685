# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Which contracts a run makes, where and in which order, for whatever an interruption or a stranger left behind."""

from collections.abc import Sequence
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts._plan import Initial, Made, Plan, PlanError, Ref, Spec, create_address, plan

DEPLOYER = "0x" + "ab" * 20
# A book and its vault know each other; the coin's owner may change its fee, nobody the number of its digits.
SPECS = (
    Spec("Guard", "Guard", {}),
    Spec("Vault", "Vault", {"book_": Ref("Book"), "guard_": Ref("Guard")}),
    Spec("Book", "Book", {"vault_": Ref("Vault"), "guard_": Ref("Guard")}),
    Spec("Coin", "Coin", {"guard_": Ref("Guard"), "digits": 9, "fee": Initial(5), "to": Initial(Ref("Book"))}),
)


def at(nonce: int) -> str:
    """Where a nonce leads."""
    return create_address(DEPLOYER, nonce)


def record(made: Sequence[Made]) -> dict[str, dict[str, Any]]:
    """What a deployment file says of contracts that were made."""
    return {one.spec.name: {"address": one.address, "args": list(one.arguments)} for one in made}


def check(made: Sequence[Made], addresses: dict[str, str]) -> None:
    """Whoever is made for another one is made for where it stands, and those before it stand already."""
    assert [one.nonce for one in made] == list(range(made[0].nonce, made[0].nonce + len(made))) if made else True
    assert [one.wave for one in made] == sorted(one.wave for one in made)
    for one in made:
        for (_, argument), value in zip(one.spec.arguments.items(), one.arguments, strict=True):
            wanted = argument.value if isinstance(argument, Initial) else argument
            assert value == (addresses[wanted.name] if isinstance(wanted, Ref) else wanted)


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32, 2**63])
def test_create_address__is_the_chains_own(nonce: int) -> None:
    """The hash of RLP [sender, nonce], by another encoder."""
    wanted = keccak(rlp.encode([bytes.fromhex(DEPLOYER[2:]), nonce]))[12:]
    assert bytes.fromhex(at(nonce)[2:]) == wanted


def test_plan__nothing_stands__all_addresses_are_known() -> None:
    """The vault is made for the book's address before there is a book; the book has a wave of its own because it may look."""
    made = plan(SPECS, {}, at, 7)

    check(made.making, dict(made.addresses))
    assert {one.spec.name for one in made.making} == {spec.name for spec in SPECS}
    (book,) = (one for one in made.making if one.spec.name == "Book")
    assert [one for one in made.making if one.wave == book.wave] == [book]
    assert book.wave > next(one.wave for one in made.making if one.spec.name == "Vault")


def test_plan__all_stands__nothing_to_make() -> None:
    """A second run, with another fee in the configuration: its owner sets it, the contract stays."""
    standing = record(plan(SPECS, {}, at, 7).making)
    dearer = [*SPECS[:3], Spec("Coin", "Coin", {**SPECS[3].arguments, "fee": Initial(6)})]

    made = plan(dearer, standing, at, 99)
    assert (list(made.making), list(made.orphans)) == ([], [])
    assert dict(made.addresses) == {name: entry["address"] for name, entry in standing.items()}


def test_plan__another_fixed_value__is_refused() -> None:
    """What can't be changed is not quietly made anew."""
    standing = record(plan(SPECS, {}, at, 7).making)
    other = [*SPECS[:3], Spec("Coin", "Coin", {**SPECS[3].arguments, "digits": 18})]
    with pytest.raises(PlanError, match=r"Coin.*digits"):
        plan(other, standing, at, 99)


def test_plan__one_more_contract__the_others_stay() -> None:
    """A later version brings a router."""
    standing = record(plan(SPECS, {}, at, 7).making)
    made = plan([*SPECS, Spec("Router", "Router", {"book_": Ref("Book")})], standing, at, 20)

    (router,) = made.making
    assert (router.nonce, router.arguments) == (20, (standing["Book"]["address"],))


def interrupted(count: int, stolen: int) -> tuple[Sequence[Made], Plan]:
    """The plan after a run that ended behind `count` contracts, and `stolen` other transactions of the same key."""
    first = plan(SPECS, {}, at, 7).making
    return first, plan(SPECS, record(first[:count]), at, 7 + count + stolen)


@pytest.mark.parametrize("count", range(5))
def test_plan__interrupted__goes_on_where_it_was(count: int) -> None:
    """What stands is kept, what is missing comes to where it was meant to stand."""
    first, made = interrupted(count, 0)
    assert list(made.making) == list(first[count:])
    assert list(made.orphans) == []


def test_plan__key_used_meanwhile__the_orphan_is_made_anew() -> None:
    """A vault whose book can never come to stand where the vault expects it is worth nothing."""
    first = plan(SPECS, {}, at, 7).making
    names = [one.spec.name for one in first]
    _, made = interrupted(names.index("Vault") + 1, 1)

    assert list(made.orphans) == ["Vault"]
    check(made.making, dict(made.addresses))
    assert "Guard" not in {one.spec.name for one in made.making}


@settings(max_examples=200, derandomize=True)
@given(st.data())
def test_plan__any_history__ends_whole(data: st.DataObject) -> None:
    """However often a run ends early and somebody uses the key in between, in the end everybody knows everybody."""
    standing: dict[str, dict[str, Any]] = {}
    nonce = data.draw(st.integers(0, 300))
    for _ in range(data.draw(st.integers(1, 6))):
        made = plan(SPECS, standing, at, nonce)
        check(made.making, dict(made.addresses))
        for name in made.orphans:
            del standing[name]
        through = data.draw(st.integers(0, len(made.making)))
        standing |= record(made.making[:through])
        nonce += through + data.draw(st.integers(0, 2))
    made = plan(SPECS, standing, at, nonce)
    standing = {name: entry for name, entry in standing.items() if name not in made.orphans} | record(made.making)
    addresses = {name: entry["address"] for name, entry in standing.items()}
    assert standing["Vault"]["args"] == [addresses["Book"], addresses["Guard"]]
    assert standing["Book"]["args"] == [addresses["Vault"], addresses["Guard"]]
    assert len(set(addresses.values())) == len(SPECS)
