# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What auctions, offers, assets, votes, earnings and rounds cost."""

from collections.abc import Iterator

from eth_hash.auto import keccak

from bench.gas_chain import SLOT, Contract
from bench.gas_floor import BUY, EVER, KWH, LOT_EXP, MIN_LOTS, PAR, SELL, TAKER_BPS, TICK_EXP, E, Floor
from bench.gas_row import Row
from bench.gas_sign import address, compact, digest, key

AMOUNT = 500 * KWH
DAY = 86_400
NOBODY = bytes(20)
CROWDS = (10, 100, 1_000)
ROUND_GATE, ROUND_WINDOW = 900, 900
_VOTE = "Vote(uint256 proposal,uint8 choice,address voter)"
_FOR = 1
_MIDDLE = 500  # the tick of a round at which a kWh costs about one GCM
_ASKS = 10_000  # where the places of asks begin


class DaoBench:
    """A floor with a marketplace, assets, votes and rounds; seller and buyer hold energy and GCM."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.chain = floor.chain
        self.voter = key("voter")
        self.chain.invite(address(self.voter))
        floor.provide(address(self.voter), 100 * AMOUNT)

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        for rows in (self.market, self.assets, self.votes, self.earnings, self.rounds):
            with self.chain.undone():
                yield from rows()

    def market(self) -> Iterator[Row]:
        """Fixed prices and auctions in GCM."""
        floor, send = self.floor, self.chain.send
        seller, buyer, rival = floor.seller, floor.buyer, floor.holder
        deeds = self.chain.deploy("OpenThings")
        place = self.chain.deploy(
            "Marketplace", floor.gcm.address, floor.guard.address, deeds.address, floor.beneficiary, 100
        )
        send(place, "set_collection", floor.token.address, 1, True)
        send(floor.token, "setApprovalForAll", place.address, True, sender=seller)
        for bidder in (buyer, rival):
            send(floor.gcm, "approve", place.address, EVER, sender=bidder)
        terms = floor.token.address, E, AMOUNT, AMOUNT // 10, KWH, 0, NOBODY, 0, 0
        yield Row("marketplace: offer, first of all", 1, send(place, "offer", *terms, sender=seller))
        yield Row("marketplace: offer", 1, send(place, "offer", *terms, sender=seller))
        yield Row("marketplace: take a part, first of all", 1, send(place, "take", 1, 1, sender=buyer))
        yield Row("marketplace: take a part", 1, send(place, "take", 1, 2, sender=buyer))
        yield Row("marketplace: take the rest", 1, send(place, "take", 1, 7, sender=buyer))
        yield Row("marketplace: withdraw an offer", 1, send(place, "withdraw_offer", 2, sender=seller))
        lot = floor.token.address, E, AMOUNT, KWH, 500, self.chain.now + DAY
        yield Row("marketplace: open an auction, first of all", 1, send(place, "open_auction", *lot, sender=seller))
        yield Row("marketplace: bid, the first", 1, send(place, "bid", 1, 2 * KWH, sender=buyer))
        yield Row("marketplace: bid higher", 1, send(place, "bid", 1, 3 * KWH, sender=rival))
        self.chain.pass_time(2 * DAY)
        yield Row("marketplace: settle an auction", 1, send(place, "settle", 1))

    def assets(self) -> Iterator[Row]:
        """Tickets."""
        floor, send = self.floor, self.chain.send
        assets = self.chain.deploy("Assets", floor.guard.address)
        send(assets, "set_provider", floor.seller, True)
        series = 2, 1_000, 0, 500, floor.seller, keccak(b"content"), "ipfs://" + "x" * 46
        yield Row("assets: open a series", 1, send(assets, "open_series", *series, sender=floor.seller))
        yield Row("assets: mint, a holder's first", 1, send(assets, "mint", floor.buyer, 1, 5, sender=floor.seller))
        yield Row("assets: mint", 1, send(assets, "mint", floor.buyer, 1, 5, sender=floor.seller))
        gas = send(assets, "redeem", floor.buyer, 1, 1, keccak(b"note"), sender=floor.buyer)
        yield Row("assets: redeem a ticket", 1, gas)

    def votes(self) -> Iterator[Row]:
        """From locking to execution."""
        floor, send, person = self.floor, self.chain.send, self.floor.seller
        lock = self.chain.deploy("VotingLock", floor.gcm.address, self.chain.next_address(1))
        governor = self.chain.deploy(
            "Governor", lock.address, floor.guard.address, 2 * DAY, (KWH, KWH, 1, DAY, 3 * DAY)
        )
        homes = self.chain.deploy("HomePolicy")
        send(homes, "transfer_ownership", governor.address)
        send(governor, "accept_ownership_of", homes.address)
        for account in (person, floor.buyer, address(self.voter)):
            send(floor.gcm, "approve", lock.address, EVER, sender=account)
        send(lock, "lock", 20 * AMOUNT, sender=floor.buyer)
        yield Row("votes: lock GCM, an account's first", 1, send(lock, "lock", AMOUNT, sender=person))
        yield Row("votes: lock GCM", 1, send(lock, "lock", AMOUNT, sender=person))
        send(lock, "lock", AMOUNT, sender=address(self.voter))
        self.chain.pass_time(DAY)
        yield Row("votes: unlock GCM", 1, send(lock, "unlock", AMOUNT // 2, sender=person))
        call = homes.artifact.functions["set_coefficient"].calldata(1, 500)
        calls = [homes.address], [call]
        yield Row("votes: propose one call", 1, send(governor, "propose", *calls, "why", sender=person))
        self.chain.pass_time(DAY + 60)
        send(governor, "vote", 1, _FOR, sender=floor.buyer)
        yield Row("votes: vote", 1, send(governor, "vote", 1, _FOR, sender=person))
        yield from self.vote_by_signature(governor)
        self.chain.pass_time(4 * DAY)
        yield Row("votes: queue", 1, send(governor, "queue", 1))
        self.chain.pass_time(2 * DAY)
        yield Row("votes: execute one call", 1, send(governor, "execute", 1, *calls))

    def vote_by_signature(self, governor: Contract) -> Iterator[Row]:
        """Anybody brings a signed vote."""
        voter = address(self.voter)
        words = compact([self.voter], digest("GreenCore Governor", governor.address, _VOTE, 1, _FOR, voter))
        gas = self.chain.send(governor, "vote_by_signature", 1, _FOR, voter, b"".join(words))
        yield Row("votes: vote by signature", 1, gas)

    def earnings(self) -> Iterator[Row]:
        """Fees among lockers."""
        floor, send = self.floor, self.chain.send
        lock = self.chain.deploy("VotingLock", floor.gcm.address, NOBODY)
        earnings = self.chain.deploy("Earnings", floor.guard.address, DAY)
        send(earnings, "add_group", lock.address)
        send(earnings, "add_asset", (floor.gcm.address, False, 0))
        for account in (floor.seller, floor.buyer):
            send(floor.gcm, "approve", lock.address, EVER, sender=account)
            send(lock, "lock", AMOUNT, sender=account)
        self.chain.pass_time(DAY)  # whoever was there in a period that is over has earned
        send(floor.gcm, "approve", earnings.address, EVER, sender=floor.holder)
        for what in ("first of a group and asset", "first of a period"):
            self.chain.pass_time(DAY)
            gas = send(earnings, "distribute", 0, 1, AMOUNT, sender=floor.holder)
            yield Row(f"earnings: distribute, {what}", 1, gas)
        gas = send(earnings, "distribute", 0, 1, AMOUNT, sender=floor.holder)
        yield Row("earnings: distribute, next of a period", 1, gas)
        gas = send(earnings, "claim", floor.seller, 0, [1])
        yield Row("earnings: claim, an account's first, so many periods", 2, gas)
        for periods in (1, 7, 28):
            for _ in range(periods):
                self.chain.pass_time(DAY)
                send(earnings, "distribute", 0, 1, AMOUNT, sender=floor.holder)
            gas = send(earnings, "claim", floor.seller, 0, [1])
            yield Row("earnings: claim, so many periods", periods, gas)

    def rounds(self) -> Iterator[Row]:
        """A call auction: what clearing costs does not depend on who is in it."""
        floor, send = self.floor, self.chain.send
        made = self.chain.deploy("Round", floor.guard.address, floor.beneficiary)
        terms = LOT_EXP, TICK_EXP, PAR - _MIDDLE, TAKER_BPS, MIN_LOTS, ROUND_GATE, ROUND_WINDOW, 0, False
        send(made, "open_market", (floor.token.address, E, True), (floor.gcm.address, 0, False), terms)
        for account in (floor.seller, floor.buyer):
            send(floor.token, "setApprovalForAll", made.address, True, sender=account)
            send(floor.gcm, "approve", made.address, EVER, sender=account)
        slot = (self.chain.now + 20_000) // SLOT
        self.bid(made, slot, 0)
        yield Row("round: place, a bid at a tick never used, a new place", 1, self.bid(made, slot, 1))
        yield Row("round: place, an ask at a tick never used, a new place", 1, self.ask(made, slot, 1))
        self.bid(made, slot, 2)
        there = 3
        for crowd in CROWDS:
            with self.chain.together():
                for number in range(there, crowd // 2):
                    self.bid(made, slot, number)
                    self.ask(made, slot, number)
            there = max(there, crowd // 2)
            with self.chain.undone():
                yield from self.cleared(made, slot, crowd)

    def cleared(self, made: Contract, slot: int, crowd: int) -> Iterator[Row]:
        """The end of a round with so many orders."""
        floor, send = self.floor, self.chain.send
        self.chain.pass_time(max(0, slot * SLOT - ROUND_GATE - self.chain.now + 1))
        found = self.chain.view(made, "solve", 1, slot)
        gas = send(made, "clear", 1, slot, *found, sender=floor.stranger)
        yield Row("round: clear so many orders", crowd, gas)
        gas = send(made, "close", 1, floor.seller, [_ASKS + 1], sender=floor.stranger)
        yield Row("round: close one of so many orders for its owner", crowd, gas)

    def bid(self, made: Contract, slot: int, number: int) -> int:
        """An order that pays down from above par."""
        return self.chain.send(
            made, "place", 1, slot, number, BUY, _MIDDLE + 100 - number % 97, 100, sender=self.floor.buyer
        )

    def ask(self, made: Contract, slot: int, number: int) -> int:
        """An order that asks up from below par."""
        tick = _MIDDLE - 100 + number % 89
        return self.chain.send(made, "place", 1, slot, _ASKS + number, SELL, tick, 100, sender=self.floor.seller)
