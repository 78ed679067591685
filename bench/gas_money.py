# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What index, coin, bank escrow and net settlement cost."""

from collections.abc import Iterator, Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from bench.gas_chain import SLOT, Contract
from bench.gas_floor import EVER, KWH, LATE, E, Floor, H
from bench.gas_row import Row
from bench.gas_sign import address, compact, digest, key, permit

AMOUNT = 500 * KWH
DAY = 86_400
PARTIES = (10, 100, 400)
_CREDIT = "Credit(bytes32 lock,bytes32 payment,bytes3 currency,uint128 amount)"
_ENTRY = "{}(bytes32 reference,address account,uint256 amount,uint256 deadline)"
_WINDOW = "Window(bytes32 window,bytes32 obligations,bytes32 positions,uint256 deadline)"
_NET_BITS = 92


class MoneyBench:
    """A floor with a coin over its index, a bank at its door, and operators who sign windows."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.chain = floor.chain
        self.person = key("person of the bank")
        self.account = address(self.person)
        self.chain.invite(self.account)
        for account in (self.account, floor.seller):
            floor.provide(account, 100 * AMOUNT)
            self.chain.send(floor.guard, "set_tier", account, 2, sender=floor.guardian)
        self.keys = sorted((key(f"signer {i}") for i in range(3)), key=address)

    def figures(self) -> Iterator[Row]:
        """Every row, in the order of the table."""
        yield from self.index()
        yield from self.coin()
        yield from self.escrow()
        yield from self.bank()
        yield from self.windows()

    def index(self) -> Iterator[Row]:
        """Utility tokens for GCM and back."""
        floor, send, me = self.floor, self.chain.send, self.account
        send(floor.token, "mint", floor.holder, H, AMOUNT, sender=floor.minter)
        send(floor.token, "safeTransferFrom", floor.holder, floor.gcm.address, H, AMOUNT, b"", sender=floor.holder)
        send(floor.token, "setApprovalForAll", floor.gcm.address, True, sender=me)
        with self.chain.undone():
            yield Row("GCM: deposit, by approval", 1, send(floor.gcm, "deposit", E, AMOUNT, 0, sender=me))
            into = me, floor.gcm.address, E, AMOUNT, b""
            yield Row("GCM: deposit, by a transfer", 1, send(floor.token, "safeTransferFrom", *into, sender=me))
            back = AMOUNT // 2, me, [0] * 10
            yield Row("GCM: redeem, a basket of two, first time", 2, send(floor.gcm, "redeem", *back, sender=me))
            yield Row("GCM: redeem, a basket of two", 2, send(floor.gcm, "redeem", *back, sender=me))
            gas = send(floor.gcm, "transfer", floor.seller, AMOUNT // 4, sender=me)
            yield Row("GCM: transfer to a holder", 1, gas)

    def coin(self) -> Iterator[Row]:
        """GCM for GCC and back."""
        floor, send, me = self.floor, self.chain.send, self.account
        with self.chain.undone():
            gcc = self.chain.deploy("GCC", floor.gcm.address, floor.guard.address)
            for tier in (1, 2):
                send(gcc, "set_limit", tier, 10**30)
            send(gcc, "set_total_limit", 10**30)
            send(floor.gcm, "approve", gcc.address, EVER, sender=me)
            send(floor.gcm, "approve", gcc.address, EVER, sender=floor.seller)
            send(gcc, "convert_gcm", AMOUNT, 0, sender=floor.seller)
            yield Row("GCC: convert, an account's first", 1, send(gcc, "convert_gcm", AMOUNT, 0, sender=me))
            yield Row("GCC: convert", 1, send(gcc, "convert_gcm", AMOUNT, 0, sender=me))
            signed = permit(floor.gcm, "GreenCore Index", self.person, gcc.address, AMOUNT, 0, LATE)
            gas = send(gcc, "convert_with_permit", AMOUNT, 0, AMOUNT, LATE, *signed, sender=me)
            yield Row("GCC: convert by permit", 1, gas)
            half = self.chain.view(gcc, "balanceOf", me) // 2
            yield Row("GCC: redeem", 1, send(gcc, "redeem", half, 0, sender=me))
            gas = send(gcc, "transfer", floor.seller, half // 2, sender=me)
            yield Row("GCC: transfer to a holder", 1, gas)

    def escrow(self) -> Iterator[Row]:
        """GCM against a bank's payment."""
        floor, send = self.floor, self.chain.send
        with self.chain.undone():
            terms = floor.gcm.address, floor.guard.address, floor.stranger, 2, DAY, 14 * DAY
            escrow = self.chain.deploy("FiatEscrow", *terms)
            gateway = key("bank gateway")
            send(escrow, "set_attester", address(gateway), True)
            send(floor.gcm, "approve", escrow.address, EVER, sender=floor.seller)
            yield Row("escrow: lock, first of all", 1, self.lock(escrow, 1))
            yield Row("escrow: lock", 1, max(self.lock(escrow, 2), self.lock(escrow, 3)))
            yield Row("escrow: a payment is attested", 1, self.attest(escrow, 1, gateway))
            with self.chain.undone():
                gas = send(escrow, "release", _lock_id(floor.seller, 3), sender=floor.seller)
                yield Row("escrow: release by the seller", 1, gas)
            self.chain.pass_time(3 * DAY)
            yield Row("escrow: refund after the deadline", 1, send(escrow, "refund", _lock_id(floor.seller, 3)))

    def lock(self, escrow: Contract, number: int) -> int:
        """The seller locks."""
        terms = self.account, AMOUNT, b"RUB", 7_000, self.chain.now + 3_600, False, number.to_bytes(32, "big")
        return self.chain.send(escrow, "lock", *terms, sender=self.floor.seller)

    def attest(self, escrow: Contract, number: int, gateway: PrivateKey) -> int:
        """Anybody brings the bank's word."""
        credit = _lock_id(self.floor.seller, number), keccak(b"entry %d" % number), b"RUB", 7_000
        signed = digest("GreenCore FiatEscrow", escrow.address, _CREDIT, *credit)
        words = b"".join(compact([gateway], signed))
        return self.chain.send(escrow, "attest", *credit, words, sender=self.floor.stranger)

    def bank(self) -> Iterator[Row]:
        """Money at a bank as tokens."""
        send = self.chain.send
        with self.chain.undone():
            token = self.chain.deploy("SettlementToken", "INR", 2, self.floor.guard.address)
            issuer = self.floor.stranger
            send(token, "set_issuer", issuer, True)
            send(token, "set_attesters", [address(signer) for signer in self.keys], 2, 0)
            send(token, "set_caps", 10**15, 10**15)
            for what in ("first of all", "next"):
                gas = self.entry(token, "mint", "Credit", what.encode(), issuer)
                yield Row(f"settlement token: mint on 2 of 3 words, {what}", 1, gas)
            send(token, "approve", issuer, EVER, sender=self.account)
            gas = self.entry(token, "burn", "Payout", b"payout", issuer)
            yield Row("settlement token: burn on 2 of 3 words", 1, gas)

    def entry(self, token: Contract, function: str, kind: str, reference: bytes, issuer: bytes) -> int:
        """A bank's credit or payment."""
        deadline = self.chain.now + 600
        values = keccak(reference), self.account, 100_00, deadline
        signed = digest("xINR", token.address, _ENTRY.format(kind), *values)
        listed = [address(signer) for signer in self.keys]
        return self.chain.send(token, function, *values, listed, compact(self.keys[:2], signed), sender=issuer)

    def windows(self) -> Iterator[Row]:
        """Net positions of many parties, paid whole or not at all; all have deposits. Beside it a transfer for each payer."""
        send, owner = self.chain.send, self.chain.accounts[0]
        coin = self.chain.deploy("FuzzCoin")
        net = self.chain.deploy("NetSettlement", self.floor.guard.address)
        send(net, "set_operators", [address(signer) for signer in self.keys], 2, 0)
        send(net, "set_currency", coin.address, True)
        send(coin, "give", owner, 10**15)
        people = [keccak(b"party %d" % i)[12:] for i in range(PARTIES[-1])]
        for person in people:
            self.chain.invite(person)
        with self.chain.together():
            for person in people:
                send(coin, "give", person, 2_000_000)
        with self.chain.together():
            for person in people:
                send(coin, "approve", net.address, EVER, sender=person)
        with self.chain.together():
            for person in people:
                send(net, "deposit", coin.address, 1_000_000, sender=person)
        with self.chain.together():
            for person in people:
                send(net, "set_mandate", coin.address, 10**12, sender=person)
        single = send(coin, "transfer", people[1], 1_000, sender=people[0])
        self.window(net, coin, people[:10], b"the first of all")
        for count in PARTIES:
            with self.chain.undone():
                gas = self.window(net, coin, people[:count], b"window")
                yield Row(
                    "net settlement: a window, per position of so many",
                    count,
                    gas,
                    per=count,
                    baseline="an ERC-20 transfer for each payment, per position",
                    baseline_gas=single / 2,
                )

    def window(self, net: Contract, coin: Contract, people: Sequence[bytes], name: bytes) -> int:
        """Every second one pays its neighbour."""
        positions = sorted(
            int.from_bytes(person, "big") << _NET_BITS
            | (1_000 + i // 2 if i % 2 else -1_000 - i // 2) % (1 << _NET_BITS)
            for i, person in enumerate(people)
        )
        currencies = [coin.address]
        hashed = keccak(encode(("address[]", "uint256[]"), (currencies, positions)))
        deadline = self.chain.now + SLOT
        values = keccak(name), keccak(b"obligations"), hashed, deadline
        words = compact(self.keys[:2], digest("GreenCore NetSettlement", net.address, _WINDOW, *values))
        listed = [address(signer) for signer in self.keys]
        terms = values[0], values[1], currencies, positions, deadline, listed, words
        return self.chain.send(net, "settle", *terms, sender=self.floor.stranger)


def _lock_id(seller: bytes, number: int) -> bytes:
    return keccak(encode(("address", "bytes32"), (seller, number.to_bytes(32, "big"))))
