# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GCM against bank payments through the FiatEscrow. The escrow, its rules and its signatures are the real ones; the payment is
played: there is no bank behind this demo, a script decides which buyer pays.
"""

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from chain.client import Contract
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signer import Signer
from chain.transactions import TransactionSender
from greencore.demo.trading.actors import Actor
from kit.ids import address_bytes

CURRENCY = b"RUB"
MINOR_PER_GCM = 612  # kopecks that a whole GCM costs here
_WHOLE = 10**9
_DEADLINE_SECONDS = 2 * 86_400
_UNPAID_EVERY = 8  # of so many buyers one changes his mind


class Bank:
    """The escrow, the attester that the platform trusts, and who may lock: approved users only."""

    def __init__(self, rpc: Rpc, deployment: Deployment, attester: Signer, chain_id: int) -> None:
        self.escrow = Contract(rpc, deployment, "FiatEscrow")
        self._gcm = Contract(rpc, deployment, "GCM")
        self._guard = Contract(rpc, deployment, "Guard")
        self._attester = attester
        self._chain_id = chain_id

    async def approve_users(self, actors: list[Actor], guardian: TransactionSender) -> None:
        """Give every actor the tier that the escrow asks for, as an officer does after looking at passports."""
        tier = int(await self.escrow.read("tier_min"))
        for actor in actors:
            if int(await self._guard.read("tier_of", actor.address)) < tier:
                call = self._guard.abi.encode_call("set_tier", actor.address, tier)
                await guardian.send(self._guard.address, call)

    async def sell(
        self, seller: Actor, buyer: Actor, amount: int, now: int, senders: dict[str, TransactionSender]
    ) -> int | None:
        """Lock `amount` of a seller's GCM for a buyer, and let the payment come or not. Returns what was paid, in minor units;
        None if the buyer changed his mind and gave the lock back. Raises Reverted, Unavailable.
        """
        own, escrow = senders[seller.name], self.escrow
        await self._allow(seller, amount, own)
        reference = keccak(f"{seller.name} {buyer.name} {now}".encode())
        due = -(-amount * MINOR_PER_GCM // _WHOLE)
        terms = (buyer.address, amount, CURRENCY, due, now + _DEADLINE_SECONDS, False, reference)
        await own.send(escrow.address, escrow.abi.encode_call("lock", *terms))
        lock = bytes(await escrow.read("lock_id", seller.address, reference))
        if lock[0] % _UNPAID_EVERY == 0:
            await senders[buyer.name].send(escrow.address, escrow.abi.encode_call("waive", lock))
            return None
        payment = keccak(b"bank entry" + lock)
        signature = await self._attest(lock, payment, due)
        await own.send(escrow.address, escrow.abi.encode_call("attest", lock, payment, CURRENCY, due, signature))
        return due

    async def _allow(self, seller: Actor, amount: int, sender: TransactionSender) -> None:
        escrow = address_bytes(self.escrow.address)
        if int(await self._gcm.read("allowance", seller.address, escrow)) < amount:
            await sender.send(self._gcm.address, self._gcm.abi.encode_call("approve", escrow, 2**256 - 1))

    async def _attest(self, lock: bytes, payment: bytes, amount: int) -> bytes:
        """What a bank gateway signs when a credit was booked (EIP-712)."""
        message = encode_typed_data(
            domain_data={
                "name": "GreenCore FiatEscrow",
                "version": "1",
                "chainId": self._chain_id,
                "verifyingContract": self.escrow.address,
            },
            message_types={
                "Credit": [
                    {"name": "lock", "type": "bytes32"},
                    {"name": "payment", "type": "bytes32"},
                    {"name": "currency", "type": "bytes3"},
                    {"name": "amount", "type": "uint128"},
                ]
            },
            message_data={"lock": lock, "payment": payment, "currency": CURRENCY, "amount": amount},
        )
        return await self._attester.sign(b"\x19" + message.version + message.header + message.body)
