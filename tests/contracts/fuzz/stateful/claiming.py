# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Claims: in any order, of any leaf that was ever published, by anybody, again and again, and with everything wrong."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from oracle.rules import Leaf
from tests.contracts.fuzz import strategies
from tests.contracts.fuzz.books import CLAIMED, Mint, batch_id
from tests.contracts.fuzz.stateful.base import CALL_BACK, REFUSING, STRANGER, House
from tests.contracts.fuzz.world import GUARDIAN, MODES, OWNER, PEOPLE_AND_RELAYER, REGISTRAR, leaf_words

LIES = ("owner", "mintable", "energy", "slot", "tenure", "utility", "index", "beyond", "short", "long", "node")


class Claiming(House):
    """The Treasury's permissionless half."""

    def claim(
        self, name: str, leaf: Leaf, index: int, proof: list[bytes], sender: bytes, *, batch: bool = False
    ) -> None:
        """Send a claim to both sides; the model's mint is the chain's."""

        def model() -> int:
            mint: Mint | None = self.model.claim(leaf, index, proof, batch=batch)
            if mint is None:
                return 0
            if mint.start + mint.amount < leaf.mintable:
                self.tally["claim", "(cut by the rating)"] += 1
            if self.model.stations[leaf.station][leaf.tenure - 1].until:
                self.tally["claim", "(of a closed tenure)"] += 1
            return mint.amount

        if batch and batch_id(leaf.utility, leaf.slot) not in self.ids:
            self.ids.append(batch_id(leaf.utility, leaf.slot))
        self.do(
            name,
            self.world.treasury,
            "claim_batch" if batch else "claim",
            leaf_words(leaf),
            index,
            proof,
            sender=sender,
            model=model,
        )

    def pick(self, which: int, place: int) -> tuple[Leaf, int, list[bytes]]:
        """A leaf of a published report with its proof; low numbers are the newest reports."""
        published = self.published[-1 - which % len(self.published)]
        index = place % len(published.leaves)
        return published.leaves[index], index, published.tree.proof(index)

    @precondition(lambda self: self.published)
    @rule(
        which=st.one_of(st.just(0), st.integers(0, 3), strategies.indices),
        places=st.lists(st.integers(0, 11), min_size=1, max_size=4),
        caller=st.integers(0, 5),
        again=st.booleans(),
    )
    def claim_some(self, which: int, places: list[int], caller: int, again: bool) -> None:
        """Several leaves of one report; the second time in the same second mints nothing."""
        sender = PEOPLE_AND_RELAYER[caller % len(PEOPLE_AND_RELAYER)]
        for place in places:
            self.claim("claim", *self.pick(which, place), sender)
        if again:
            minted = sum(book.minted for book in self.model.utilities.values())
            self.claim("claim again", *self.pick(which, places[0]), STRANGER)
            assert sum(book.minted for book in self.model.utilities.values()) == minted

    @precondition(lambda self: self.published)
    @rule(caller=st.integers(0, 5))
    def keep(self, caller: int) -> None:
        """The keeper settles everybody's newest leaf."""
        for place in range(len(self.published[-1].leaves)):
            self.claim("claim by the keeper", *self.pick(0, place), PEOPLE_AND_RELAYER[caller])

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 1), places=st.lists(st.integers(0, 11), min_size=1, max_size=3))
    def claim_batch(self, which: int, places: list[int]) -> None:
        """The batch of a slot, where exactly that slot is open."""
        for place in places:
            self.claim("claim_batch", *self.pick(which, place), STRANGER, batch=True)

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 3), place=st.integers(0, 11), lie=st.sampled_from(LIES), batch=st.booleans())
    def false_claim(self, which: int, place: int, lie: str, batch: bool) -> None:
        """A claim with one thing wrong is refused, and the true one still counts."""
        leaf, index, proof = self.pick(which, place)
        true = (leaf, index, proof)
        if lie == "owner":
            leaf = replace(leaf, owner=STRANGER)
        elif lie == "mintable":
            leaf = replace(leaf, mintable=leaf.mintable + 1)
        elif lie == "energy":
            leaf = replace(leaf, energy=leaf.energy ^ 1)
        elif lie == "slot":
            leaf = replace(leaf, slot=leaf.slot - 1)
        elif lie == "tenure":
            leaf = replace(leaf, tenure=leaf.tenure + 1)
        elif lie == "utility":
            leaf = replace(leaf, utility=5 - leaf.utility)
        elif lie == "index":
            index = (index + 1) % (1 << len(proof)) if proof else 1
        elif lie == "beyond":
            index += 1 << len(proof)
        elif lie == "short":
            index, proof = index >> 1, proof[1:]
            if not true[2]:
                index = 1
        elif lie == "long":
            proof = [*proof, bytes(32)]
        elif proof:
            proof = [proof[0][:-1] + bytes([proof[0][-1] ^ 1]), *proof[1:]]
        else:
            index = 1
        before = self.model.utilities[true[0].utility].minted
        self.claim(f"claim false {lie}", leaf, index, proof, STRANGER, batch=batch)
        assert self.model.utilities[true[0].utility].minted == before
        self.claim("claim after a false one", *true, STRANGER)

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 2), shown=st.integers(0, 11), batch=st.booleans())
    def claim_and_call_back(self, which: int, shown: int, batch: bool) -> None:
        """A receiver that is being paid claims once more: its own leaf, or another's that the lock lets through."""
        inner, index, proof = self.pick(which, shown)
        receiver = self.receivers[CALL_BACK]
        data = self.world.treasury.artifact.functions["claim_batch" if batch else "claim"].calldata(
            leaf_words(inner), index, proof
        )
        if batch and batch_id(inner.utility, inner.slot) not in self.ids:
            self.ids.append(batch_id(inner.utility, inner.slot))
        self.behave(CALL_BACK, CALL_BACK, self.world.treasury.address, data)
        published = self.published[-1 - which % len(self.published)]
        for at, leaf in enumerate(published.leaves):
            if leaf.owner == receiver.address:
                before = receiver.view("tried"), receiver.view("went_through")

                def model(leaf: Leaf = leaf, at: int = at, before: tuple[int, int] = before) -> int:
                    # A second claim may need more gas than the hook is given: then the hook fails as a whole.
                    failed = receiver.view("tried") == before[0]
                    (self.model.refusing.add if failed else self.model.refusing.discard)(receiver.address)
                    mint = self.model.claim(leaf, at, published.tree.proof(at))
                    if receiver.view("went_through") > before[1]:
                        nested = self.model.claim(inner, index, proof, batch=batch)
                        assert nested is None or inner.owner not in self.model.contracts, "the lock let a hook in"
                    return mint.amount if mint else 0

                self.do(
                    "claim with call back",
                    self.world.treasury,
                    "claim",
                    leaf_words(leaf),
                    at,
                    published.tree.proof(at),
                    sender=STRANGER,
                    model=model,
                    chain_first=True,
                )
        self.model.refusing.discard(receiver.address)
        self.behave(CALL_BACK, CALL_BACK)

    @rule(utility=st.sampled_from((1, 1, 2, 3, 4)))
    def collect_reserve(self, utility: int) -> None:
        """Anybody sends the reserve to its beneficiary."""
        self.do(
            "collect_reserve",
            self.world.treasury,
            "collect_reserve",
            utility,
            sender=STRANGER,
            model=lambda: self.model.collect_reserve(utility),
        )

    @rule(bps=st.sampled_from((99, 100, 137, 250, 300, 301)), beneficiary=strategies.indices)
    def set_policy(self, bps: int, beneficiary: int) -> None:
        """Another reserve rate, another beneficiary; what was settled keeps its reserve."""
        outcome = self.world.treasury.call("set_reserve_bps", bps, sender=OWNER)
        assert outcome.ok == (100 <= bps <= 300)
        if outcome.ok:
            self.model.bps = bps
        chosen = self.holders[beneficiary % len(self.holders)]
        outcome = self.world.treasury.call("set_beneficiary", chosen, sender=OWNER)
        assert outcome.ok == (chosen != self.world.treasury.address)
        if outcome.ok:
            self.model.beneficiary = chosen

    # what claims depend on

    @rule(seconds=strategies.waits)
    def advance_time(self, seconds: int) -> None:
        """Time passes and buckets fill."""
        self.pass_time(seconds)

    @precondition(lambda self: sum(map(len, self.model.stations.values())) < 12)
    @rule(owner=strategies.indices, rated_w=strategies.ratings)
    def register_station(self, owner: int, rated_w: int) -> None:
        """A new plant, at any place in the row."""
        station = (5, 1, 9, 4, 2**128 - 1, 2, 8)[len(self.model.stations) - 2] if len(self.model.stations) < 9 else 5
        self.register(station, self.owners[owner % len(self.owners)], rated_w)

    @rule(which=strategies.indices, rated_w=st.sampled_from((0, 1, 5_000, 10_000, 20_000)), refresh=st.booleans())
    def set_rating(self, which: int, rated_w: int, refresh: bool) -> None:
        """A rating changes; the Treasury and the Oracle take it over when they are told."""
        station = list(self.model.stations)[which % len(self.model.stations)]
        self.do(
            "set_rating",
            self.world.registry,
            "set_rating",
            station,
            rated_w,
            sender=REGISTRAR,
            model=lambda: self.model.set_rating(station, rated_w),
        )
        if refresh:
            tenure = which // 3 % len(self.model.stations[station]) + 1
            self.do(
                "refresh_rating",
                self.world.treasury,
                "refresh_rating",
                station,
                tenure,
                sender=STRANGER,
                model=lambda: self.model.refresh_rating(station, tenure),
            )
            self.world.oracle.must("refresh_rated_power", sender=STRANGER)
            self.model.rated_copy = self.model.copied_rating()

    @precondition(lambda self: sum(map(len, self.model.stations.values())) < 12)
    @rule(which=strategies.indices, receiver=strategies.indices)
    def hand_over(self, which: int, receiver: int) -> None:
        """A station changes hands in the middle of everything; both tenures stay in the tree."""
        station = list(self.model.stations)[which % len(self.model.stations)]
        owner = self.model.stations[station][-1].owner
        to = self.owners[receiver % len(self.owners)]
        if owner == to:
            outcome = self.world.registry.call("offer_station", station, to, sender=owner)
            assert outcome.reason == "registry: offer to nobody or to oneself"
            return
        self.world.registry.must("offer_station", station, to, sender=owner)
        if to != STRANGER:
            refused = self.world.registry.call("accept_station", station, sender=STRANGER)
            assert refused.reason == "registry: not offered to the caller"
        self.do(
            "hand_over",
            self.world.registry,
            "accept_station",
            station,
            sender=to,
            model=lambda: self.model.hand_over(station, to),
        )

    @rule(name=st.sampled_from(("oracle", "treasury", "token")), by_guardian=st.booleans())
    def pause(self, name: str, by_guardian: bool) -> None:
        """The brake: guardians may stop, only the owner lets go, nobody else does either."""
        contract = getattr(self.world, name)
        assert self.world.guard.call("pause", contract.address, sender=STRANGER).reason == "guard: access is denied"
        assert contract.call("set_paused", True, sender=GUARDIAN).reason.endswith(": access is denied")
        self.world.guard.must("pause", contract.address, sender=GUARDIAN if by_guardian else OWNER)
        self.model.paused.add(name)

    @precondition(lambda self: self.model.paused)
    @rule()
    def unpause(self) -> None:
        """The house goes on."""
        for name in sorted(self.model.paused):
            contract = getattr(self.world, name)
            assert self.world.guard.call("unpause", contract.address, sender=GUARDIAN).reason.startswith("ownable")
            self.world.guard.must("unpause", contract.address, sender=OWNER)
        self.model.paused.clear()

    @rule(slot=st.integers(0, 6), behaviour=st.integers(0, 6))
    def change_of_mind(self, slot: int, behaviour: int) -> None:
        """A receiver behaves in another way from now on."""
        if slot != CALL_BACK:
            self.behave(slot, behaviour)
            assert (self.receivers[slot].address in self.model.refusing) == (behaviour in REFUSING)


assert all(MODES[utility] == CLAIMED for utility in (1, 4))
