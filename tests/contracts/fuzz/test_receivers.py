# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Receivers of tokens: whatever they do, or whoever calls on their behalf, nothing is lost and nobody is harmed."""

from dataclasses import dataclass, replace

import boa
import pytest

from bench.contracts import artifact
from oracle.rules import Leaf, Report, Tree, build_content
from tests.contracts.fuzz.books import SLOT, batch_id
from tests.contracts.fuzz.stateful.base import ACCEPT, CALL_BACK
from tests.contracts.fuzz.world import (
    OWNER,
    PEOPLE,
    REGISTRAR,
    RELAYER,
    STRANGER,
    TREASURY,
    Contract,
    World,
    flat,
    leaf_words,
    remembered_recovery,
    report_words,
    sign,
    signers,
)

ENERGY = 2_000_000_000  # 2 kWh, less than 10 kW make in a quarter hour


@dataclass(frozen=True)
class Claim:
    """A leaf that can be claimed, with its proof."""

    leaf: Leaf
    index: int
    proof: list[bytes]

    def args(self) -> tuple[object, ...]:
        return leaf_words(self.leaf), self.index, self.proof


@pytest.fixture
def receiver(world: World) -> Contract:
    """A contract that accepts tokens through its hook."""
    return Contract(artifact("FuzzReceiver"), sender=OWNER)


def publish(world: World, owners: list[bytes], *, slots: int = 1) -> list[Claim]:
    """One station per owner, each with energy of one slot in an accepted report."""
    known = world.registry.view("total_rated_w")
    if not known:
        for station, owner in enumerate(owners, start=1):
            world.registry.must("register_station", station, owner, 10_000, 1, False, sender=REGISTRAR)
    slot, total, content_hash, _ = world.oracle.view("head", 1)
    slot += slots
    world.pass_time(max(0, (slot + 1) * SLOT - world.now))
    high = total // len(owners) + ENERGY
    leaves = [
        Leaf(1, station, 1, owner, slot, ENERGY, high, high, 2, bytes(32))
        for station, owner in enumerate(owners, start=1)
    ]
    content, tree = build_content(leaves, utility=1, slot=slot, prev=content_hash, previous_total=total, valid_from=0)
    report = Report(content, world.now + 1, 1)
    with remembered_recovery(active=True):
        pairs = [sign(world.digest(report), node) for node in signers()[:2]]
        members = [node.address for node in signers()[:3]]
        world.oracle.must("report", report_words(report), members, flat(pairs), sender=RELAYER)
    return claims(leaves, tree)


def claims(leaves: list[Leaf], tree: Tree) -> list[Claim]:
    return [Claim(leaf, index, tree.proof(index)) for index, leaf in enumerate(leaves)]


def test_claim__inside_somebodys_transfer__still_reaches_a_willing_contract(world: World, receiver: Contract) -> None:
    """A stranger's hook may not decide that a willing receiver is left with pending tokens it may have no way to fetch."""
    attacker = Contract(artifact("FuzzReceiver"), sender=STRANGER)
    mine, theirs = publish(world, [PEOPLE[0], receiver.address])
    world.treasury.must("claim", *mine.args(), sender=PEOPLE[0])
    data = artifact("Treasury").functions["claim"].calldata(*theirs.args())
    attacker.must("behave", CALL_BACK, TREASURY, data, sender=STRANGER)
    world.token.must("safeTransferFrom", PEOPLE[0], attacker.address, 1, 1, b"", sender=PEOPLE[0])
    world.treasury.must("claim", *theirs.args(), sender=STRANGER)
    assert world.treasury.view("pending", receiver.address, 1) == 0
    assert world.token.view("balanceOf", receiver.address, 1) == ENERGY - ENERGY * 250 // 10_000


@pytest.mark.parametrize("batch", [False, True])
def test_claim__any_gas__a_willing_contract_is_paid_or_nothing_happens(
    world: World, receiver: Contract, *, batch: bool
) -> None:
    """Whoever brings a claim chooses its gas, and must not be able to choose that the receiver's hook fails."""
    receiver.must(
        "set_appetite", 4, sender=OWNER
    )  # 88,400 for four fresh words, of the 100,000 that a hook is promised
    (claim,) = publish(world, [receiver.address])
    name, token_id = ("claim_batch", batch_id(1, claim.leaf.slot)) if batch else ("claim", 1)

    def paid(gas: int) -> bool:
        with boa.env.anchor():
            outcome = world.treasury.call(name, *claim.args(), sender=STRANGER, gas=gas)
            held = world.token.view("balanceOf", receiver.address, token_id)
            assert world.treasury.view("pending", receiver.address, token_id) == 0, f"starved at {gas} gas"
            assert (held > 0) == outcome.ok
            return outcome.ok

    too_little, enough = 30_000, 1_000_000
    while enough - too_little > 1:
        middle = (too_little + enough) // 2
        too_little, enough = (too_little, middle) if paid(middle) else (middle, enough)
    # Around the edge, where a check that is too generous would let a starved hook through.
    assert all(paid(gas) for gas in range(enough, enough + 20_000, 170))
    assert not any(paid(gas) for gas in range(too_little, too_little - 80_000, -530))


@pytest.mark.parametrize("behaviour", [1, 2, 3, 4, 6])
def test_withdraw_pending__hook_that_refused_before__accepts_later(
    world: World, receiver: Contract, behaviour: int
) -> None:
    """Tokens wait for a receiver that refused, and are fetched once, whole."""
    (claim,) = publish(world, [receiver.address])
    mint = artifact("EnergyToken").functions["mint"].calldata(receiver.address, 1, 1)
    receiver.must("behave", behaviour, world.token.address, mint, sender=OWNER)
    assert world.treasury.must("claim", *claim.args(), sender=STRANGER).number == ENERGY
    waiting = world.treasury.view("pending", receiver.address, 1)
    assert waiting == world.token.view("balanceOf", TREASURY, 1) == ENERGY - ENERGY * 250 // 10_000
    refused = world.treasury.call("withdraw_pending", 1, receiver.address, sender=receiver.address, gas=500_000)
    assert not refused.ok
    assert world.treasury.view("pending", receiver.address, 1) == waiting
    receiver.must("behave", ACCEPT, world.token.address, b"", sender=OWNER)
    world.treasury.must("withdraw_pending", 1, receiver.address, sender=receiver.address)
    assert world.token.view("balanceOf", receiver.address, 1) == waiting
    assert world.token.view("balanceOf", TREASURY, 1) == world.treasury.view("pending", receiver.address, 1) == 0
    again = world.treasury.call("withdraw_pending", 1, receiver.address, sender=receiver.address)
    assert again.reason == "treasury: nothing is pending"


def test_withdraw_pending__from_inside_its_own_transfer__fetches_once(world: World, receiver: Contract) -> None:
    """A hook that fetches again while it is being paid finds nothing, or is locked out."""
    (claim,) = publish(world, [receiver.address])
    receiver.must("behave", 1, world.token.address, b"", sender=OWNER)
    world.treasury.must("claim", *claim.args(), sender=STRANGER)
    waiting = world.treasury.view("pending", receiver.address, 1)
    again = artifact("Treasury").functions["withdraw_pending"].calldata(1, receiver.address)
    receiver.must("behave", CALL_BACK, TREASURY, again, sender=OWNER)
    world.treasury.must("withdraw_pending", 1, receiver.address, sender=receiver.address)
    assert receiver.view("tried") == 1
    assert receiver.view("went_through") == 0
    assert world.token.view("balanceOf", receiver.address, 1) == waiting


def test_tenure__closed__earns_no_more_room(world: World) -> None:
    """The bucket of a tenure stops filling when the tenure ends: else every handover would add the plant's power anew."""
    world.registry.must("register_station", 1, PEOPLE[0], 10_000, 1, False, sender=REGISTRAR)
    # Somebody else's plant makes room under the grid's ceiling: only the station's own cap is at stake.
    world.registry.must("register_station", 2, PEOPLE[3], 10_000_000, 1, False, sender=REGISTRAR)
    world.pass_time(900)
    world.registry.must("offer_station", 1, PEOPLE[1], sender=PEOPLE[0])
    world.registry.must("accept_station", 1, sender=PEOPLE[1])
    world.pass_time(10 * 86_400)
    slot, total, content_hash, _ = world.oracle.view("head", 1)
    slot = world.now // SLOT
    lie = 1_000_000_000_000  # 1 MWh in a quarter hour at 10 kW
    leaf = Leaf(1, 1, 1, PEOPLE[0], slot, 0, lie, lie, 2, bytes(32))
    leaves = [leaf, replace(leaf, tenure=2, owner=PEOPLE[1], measured=0, mintable=0)]
    content, tree = build_content(leaves, utility=1, slot=slot, prev=content_hash, previous_total=total, valid_from=0)
    report = Report(content, world.now + 1, 1)
    pairs = [sign(world.digest(report), node) for node in signers()[:2]]
    world.oracle.must(
        "report", report_words(report), [node.address for node in signers()[:3]], flat(pairs), sender=RELAYER
    )
    minted = world.treasury.must("claim", leaf_words(leaf), 0, tree.proof(0), sender=STRANGER).number
    assert minted == 10_000 * 900 * 1_000_000 * 5 // 4 // 3_600
