# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What certificates cost: from a register's range to a retirement, alone and bundled with energy."""

from collections.abc import Iterator
from typing import Any

from bench.gas_chain import House, leaf_words
from bench.gas_floor import EVER
from bench.gas_row import Row
from bench.gas_rows import Bench, station

WH = 1_000_000  # µWh
RANGE = 100  # Wh of a certificate
MANY = 10
LIFETIME = 60 * 86_400
NOBODY = bytes(20)
_UTILITY, _SOLAR = 1, 1
_STATION, _TENURE = station(2_001), 1


class CertificateBench:
    """A house in which two stations are settled, with certificates of the first one's register."""

    def __init__(self, house: House) -> None:
        self.chain = house.chain
        self.bench = Bench(house, ())
        self.seller, self.buyer, self.validator = self.chain.accounts[4:7]
        made = self.chain.deploy("Certificates", house.treasury.address, house.guard.address, LIFETIME)
        self.certificates = made
        self.chain.send(made, "name_technology", _UTILITY, _SOLAR, "photovoltaic")
        self.chain.send(made, "set_validator", self.validator, True)
        for _ in range(3):
            self.leaves, self.tree = self.bench.publish_own((self.seller, self.buyer))
            for index in (-2, -1):
                self.bench.claim(self.leaves, self.tree, index % len(self.leaves))

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        yield Row("certificates: issue one, a tenure's first", 1, self.issue(1))
        first = self.newest
        with self.chain.undone():
            yield Row("certificates: issue in one call, per certificate", MANY, self.issue(MANY), per=MANY)
        yield Row("certificates: issue one", 1, self.issue(1))
        second = self.newest
        with self.chain.undone():
            yield Row("certificates: validate one", 1, self.validate([second]))
        gas = self.validate([first, second])
        yield Row("certificates: validate two, per certificate", 2, gas, per=2)
        yield from self.life(first)
        yield from self.bundle(first)

    def life(self, id_: int) -> Iterator[Row]:
        """What a holder does with a valid one."""
        send, made = self.chain.send, self.certificates
        with self.chain.undone():
            move = self.seller, self.buyer, id_, 40, b""
            gas = send(made, "safeTransferFrom", *move, sender=self.seller)
            yield Row("certificates: transfer a part, to a new holder", 1, gas)
            gas = send(made, "safeTransferFrom", *move, sender=self.seller)
            yield Row("certificates: transfer a part", 1, gas)
        with self.chain.undone():
            yield Row("certificates: split", 1, send(made, "split", self.seller, id_, 40, sender=self.seller))
        with self.chain.undone():
            gas = send(made, "retire", self.seller, id_, 40, self.use(), sender=self.seller)
            yield Row("certificates: retire a part, first of all", 1, gas)
            gas = send(made, "retire", self.seller, id_, 40, self.use(), sender=self.seller)
            yield Row("certificates: retire a part", 1, gas)
        with self.chain.undone():
            gas = send(made, "revoke", id_, "the meter was tampered with", sender=self.validator)
            yield Row("certificates: revoke", 1, gas)

    def bundle(self, id_: int) -> Iterator[Row]:
        """Energy with its certificates, sold in lots."""
        house, send = self.bench.house, self.chain.send
        token = house.token.address
        gcm = self.chain.deploy("GCM", token, house.registry.address, house.guard.address)
        place = self.chain.deploy(
            "Marketplace", gcm.address, house.guard.address, self.certificates.address, house.beneficiary, 100
        )
        for collection in (token, self.certificates.address):
            send(place, "set_collection", collection, 1, True)
        for thing in (house.token, self.certificates):
            send(thing, "setApprovalForAll", place.address, True, sender=self.seller)
        send(house.token, "safeTransferFrom", self.buyer, gcm.address, 1, 1_000 * WH, b"", sender=self.buyer)
        send(gcm, "approve", place.address, EVER, sender=self.buyer)
        terms = token, 1, RANGE * WH, 10 * WH, WH, 0, NOBODY, id_, 10
        yield Row("marketplace: offer energy with certificates", 1, send(place, "offer", *terms, sender=self.seller))
        for what, function, more in (
            ("and its certificates", "take", ()),
            ("and retire its certificates", "take_and_retire", (self.use(),)),
        ):
            send(place, function, 1, 1, *more, sender=self.buyer)
            gas = send(place, function, 1, 1, *more, sender=self.buyer)
            yield Row(f"marketplace: take energy {what}", 1, gas)

    def issue(self, count: int) -> int:
        """The owner of the station cites the next ranges of its register."""
        index = len(self.leaves) - 2
        shown = leaf_words(self.leaves[index]), index, self.tree.proof(index)
        start = int(self.chain.view(self.certificates, "certified", _UTILITY, _STATION, _TENURE))
        ranges = [(start + RANGE * i, start + RANGE * (i + 1)) for i in range(count)]
        self.newest = _UTILITY << 248 | _STATION << 120 | _TENURE << 88 | ranges[-1][0] << 24
        requests: list[Any] = [(*shown, *ends) for ends in ranges]
        return self.chain.send(self.certificates, "issue", requests, sender=self.seller)

    def validate(self, ids: list[int]) -> int:
        """A validator found them to be what the reports say."""
        return self.chain.send(self.certificates, "validate", ids, sender=self.validator)

    def use(self) -> tuple[bytes, str, str, int, int]:
        """What a retirement says."""
        return self.buyer, "Mill Lane 4", "charging the bus", 1_790_000_000, 1_790_086_400
