# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Sending transactions with one key: nonces in order, fees, waiting, replacing what is stuck, sending again what was dropped.

A transaction is called done when its receipt is seen with the asked number of confirmations. What the calls do must be safe to
repeat (a report, a claim): after the chain forgets a transaction it is signed again. Nothing is kept on disk: which nonces are
taken is what the chain's node says, and a nonce that nobody cares for any more (its process died, or gave up) and that holds
others up is filled with a transfer of nothing to oneself.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from chain.rpc import Rpc, RpcError, hex_of
from chain.signer import Signer
from kit import logs
from kit.errors import Refused, Unavailable

GWEI = 10**9

log = logs.get(__name__)

_ERROR_SELECTOR = keccak(b"Error(string)")[:4]
_PANIC_SELECTOR = keccak(b"Panic(uint256)")[:4]
_GAS_MARGIN_PERCENT = 25
_REPLACE_PERCENT = 25  # nodes ask for at least 10 to replace a waiting transaction
_POLL_SECONDS = 0.1
_POLL_SECONDS_MAX = 2.0
_RESIGN_MAX = 5
_TRANSFER_GAS = 21_000


class NonceLock(Protocol):
    """Keeps other processes that use the same key away while a nonce is chosen and taken."""

    def hold(self, chain_id: int, address: str) -> AbstractAsyncContextManager[None]:
        """Held within the block. Raises Unavailable if somebody else holds it for too long."""
        ...


@dataclass(frozen=True, slots=True)
class GasPolicy:
    """What a transaction may cost. A gas is offered twice the base fee and the tip, `fee_wei_max` at most; after
    `stuck_seconds` without a receipt the offer grows by a quarter, and after as long again nonces before it are looked at.
    """

    tip_wei: int = 1_000_000_000
    fee_wei_max: int = 500_000_000_000
    stuck_seconds: float = 30


class Reverted(Refused):
    """A contract refused. `code` is `package.reason`, `reason` the contract's own text."""

    def __init__(self, reason: str, *, tx_hash: str | None = None) -> None:
        super().__init__(reason_code(reason), reason or "the call was reverted without a reason", tx_hash=tx_hash)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction that succeeded. `gas_price_wei` is what was paid for each unit of gas."""

    tx_hash: str
    block_number: int
    block_hash: str
    gas_used: int
    gas_price_wei: int
    logs: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class _Attempt:
    """One nonce's transaction in all the forms in which it was sent."""

    to: str
    data: bytes
    gas: int
    nonce: int
    fee: int
    tip: int
    raw: bytes
    hashes: list[str]


class TransactionSender:
    """Sends with one key. One per key and process; several processes with one key need a `lock` that they share."""

    def __init__(
        self,
        rpc: Rpc,
        signer: Signer,
        *,
        chain_id: int,
        confirmations: int = 0,
        gas: GasPolicy | None = None,
        lock: NonceLock | None = None,
    ) -> None:
        """`confirmations` are blocks on top of the one that holds the transaction."""
        self._rpc = rpc
        self.signer = signer
        self._chain_id = chain_id
        self._confirmations = confirmations
        self._gas = gas or GasPolicy()
        self._shared = lock
        self._lock = asyncio.Lock()
        self._in_flight: set[int] = set()

    async def send(self, to: str, data: bytes, *, timeout_seconds: float = 120) -> Receipt:
        """Send a call and wait until it is confirmed.

        Raises Reverted if the contract refuses (found before sending where possible), Unavailable if the node does not answer or
        nothing was mined in `timeout_seconds`. After Unavailable the transaction may still be mined.
        """
        attempt = await self._begin(to, data)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._wait(attempt)
        except TimeoutError as error:
            raise Unavailable(
                "chain.not_mined", f"transaction {attempt.hashes[-1]} was not mined in {timeout_seconds:g} s"
            ) from error
        finally:
            self._in_flight.discard(attempt.nonce)

    async def check(self, to: str, data: bytes) -> int:
        """The gas that a call would use. Raises Reverted if the contract would refuse it."""
        try:
            return await self._rpc.estimate_gas({"from": self.signer.address, "to": to, "data": hex_of(data)})
        except RpcError as error:
            raise _reverted(error) from error

    async def _begin(self, to: str, data: bytes) -> _Attempt:
        gas = await self.check(to, data)
        gas += gas * _GAS_MARGIN_PERCENT // 100
        fee, tip = await self._fees()
        async with self._lock, self._others():
            for _ in range(_RESIGN_MAX):
                # the node's pool may be slower to count than we are to send
                nonce = max([await self._rpc.nonce(self.signer.address), *(n + 1 for n in self._in_flight)])
                attempt = _Attempt(to, data, gas, nonce, fee, tip, b"", [])
                try:
                    await self._submit(attempt)
                except RpcError as error:
                    if not _is_nonce_taken(error):
                        raise _reverted(error) from error
                    self._in_flight.clear()
                    continue
                self._in_flight.add(nonce)
                return attempt
        raise Unavailable("chain.nonce", f"{self.signer.address} is used by somebody else at the same time")

    async def _submit(self, attempt: _Attempt) -> None:
        attempt.raw = await self.signer.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": attempt.nonce,
                "to": attempt.to,
                "value": 0,
                "data": hex_of(attempt.data),
                "gas": attempt.gas,
                "maxFeePerGas": attempt.fee,
                "maxPriorityFeePerGas": attempt.tip,
            }
        )
        tx_hash = "0x" + keccak(attempt.raw).hex()
        # before sending: if the answer is lost, the transaction may be in the pool all the same
        if tx_hash not in attempt.hashes:
            attempt.hashes.append(tx_hash)
        await self._send_raw(attempt.raw)

    async def _send_raw(self, raw: bytes) -> None:
        try:
            await self._rpc.request("eth_sendRawTransaction", hex_of(raw))
        except RpcError as error:
            if not _is_known(error):
                raise
        except Unavailable as error:
            # the answer was lost, maybe not the transaction: the wait finds out
            log.warning("transaction.unanswered", error=str(error))

    async def _fees(self) -> tuple[int, int]:
        """The most to pay a gas (twice the base fee and the tip) and the tip, wei."""
        block = await self._rpc.block("latest")
        base = int(block["baseFeePerGas"], 16) if block and "baseFeePerGas" in block else 0
        return min(2 * base + self._gas.tip_wei, self._gas.fee_wei_max), min(self._gas.tip_wei, self._gas.fee_wei_max)

    async def _wait(self, attempt: _Attempt) -> Receipt:
        loop = asyncio.get_running_loop()
        replace_at = loop.time() + self._gas.stuck_seconds
        pause = _POLL_SECONDS
        rounds = 0
        while True:
            receipt = await self._find_receipt(attempt)
            if receipt is not None and await self._is_confirmed(receipt):
                return await self._finished(attempt, receipt)
            if receipt is None:
                if await self._is_dropped(attempt):
                    await self._send_again(attempt)
                elif loop.time() >= replace_at:
                    if rounds:
                        await self._unblock(attempt)
                    await self._replace(attempt)
                    rounds += 1
                    replace_at = loop.time() + self._gas.stuck_seconds
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _POLL_SECONDS_MAX)

    async def _find_receipt(self, attempt: _Attempt) -> dict[str, Any] | None:
        for tx_hash in reversed(attempt.hashes):
            receipt = await self._rpc.receipt(tx_hash)
            if receipt is not None:
                return receipt
        return None

    async def _is_confirmed(self, receipt: Mapping[str, Any]) -> bool:
        if not self._confirmations:
            return True
        number = int(receipt["blockNumber"], 16)
        if await self._rpc.block_number() < number + self._confirmations:
            return False
        block = await self._rpc.block(number)
        return block is not None and block["hash"] == receipt["blockHash"]

    async def _is_dropped(self, attempt: _Attempt) -> bool:
        for tx_hash in attempt.hashes:
            if await self._rpc.transaction(tx_hash) is not None:
                return False
        return True

    async def _send_again(self, attempt: _Attempt) -> None:
        """The node forgot it: it was restarted, or the block was reorganised away."""
        log.info("transaction.dropped", nonce=attempt.nonce, hash=attempt.hashes[-1])
        try:
            await self._send_raw(attempt.raw)
            return
        except RpcError as error:
            if not _is_nonce_taken(error):
                raise _reverted(error) from error
        if await self._find_receipt(attempt) is not None:
            return
        # another transaction has the nonce, so none of ours can be mined any more: sign anew
        async with self._lock, self._others():
            self._in_flight.discard(attempt.nonce)
            attempt.nonce = max([await self._rpc.nonce(self.signer.address), *(n + 1 for n in self._in_flight)])
            try:
                await self._submit(attempt)
            except RpcError as error:
                raise _reverted(error) from error
            self._in_flight.add(attempt.nonce)

    def _others(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._shared is None else self._shared.hold(self._chain_id, self.signer.address)

    async def _unblock(self, attempt: _Attempt) -> None:
        """Fill the nonces before this one that nobody in this process waits for: a process that died, or a wait that was given up,
        left them missing or with too low a fee, and nothing after them is mined.
        """
        async with self._lock, self._others():
            mined = await self._rpc.nonce(self.signer.address, block="latest")
            for nonce in range(mined, attempt.nonce):
                if nonce not in self._in_flight:
                    await self._fill(nonce, max(attempt.fee, (await self._fees())[0]), attempt.tip)

    async def _fill(self, nonce: int, fee: int, tip: int) -> None:
        """Send nothing to oneself with a nonce, for more than what waits there may offer."""
        filler = _Attempt(self.signer.address, b"", _TRANSFER_GAS, nonce, fee, tip, b"", [])
        for _ in range(_RESIGN_MAX):
            filler.fee = min(filler.fee * (100 + _REPLACE_PERCENT) // 100, self._gas.fee_wei_max)
            filler.tip = min(filler.tip * (100 + _REPLACE_PERCENT) // 100, filler.fee)
            try:
                await self._submit(filler)
            except RpcError as error:
                if "underpriced" in error.reason.lower():
                    continue
                log.info("transaction.filler_refused", nonce=nonce, reason=error.reason)
                return
            log.warning("transaction.filled", nonce=nonce, hash=filler.hashes[-1], fee_wei=filler.fee)
            return

    async def _replace(self, attempt: _Attempt) -> None:
        """Offer more for the same nonce. Refusals are no failure: the older form still waits."""
        base_fee, tip = await self._fees()
        attempt.tip = max(attempt.tip * (100 + _REPLACE_PERCENT) // 100, tip)
        fee = max(attempt.fee * (100 + _REPLACE_PERCENT) // 100, base_fee)
        if fee > self._gas.fee_wei_max:
            log.warning(
                "transaction.fee_limit", nonce=attempt.nonce, hash=attempt.hashes[-1], fee_wei_max=self._gas.fee_wei_max
            )
            return
        attempt.fee = fee
        log.info("transaction.replaced", nonce=attempt.nonce, fee_wei=fee)
        try:
            await self._submit(attempt)
        except RpcError as error:
            log.info("transaction.replacement_refused", nonce=attempt.nonce, reason=error.reason)

    async def _finished(self, attempt: _Attempt, receipt: Mapping[str, Any]) -> Receipt:
        tx_hash = str(receipt["transactionHash"])
        if int(receipt["status"], 16) != 1:
            raise Reverted(await self._why(attempt, int(receipt["blockNumber"], 16)), tx_hash=tx_hash)
        return Receipt(
            tx_hash,
            int(receipt["blockNumber"], 16),
            str(receipt["blockHash"]),
            int(receipt["gasUsed"], 16),
            int(receipt.get("effectiveGasPrice", "0x0"), 16),
            tuple(receipt["logs"]),
        )

    async def _why(self, attempt: _Attempt, block: int) -> str:
        """Run the call again where it failed. The state may differ by the block's other transactions: then no reason shows."""
        try:
            await self._rpc.call(attempt.to, attempt.data, block=block, sender=self.signer.address)
        except RpcError as error:
            return revert_reason(error.data) or error.reason
        return ""


def revert_reason(data: bytes) -> str:
    """The text of a revert's bytes (`Error(string)`, which Vyper's asserts give), or a description of a panic, or nothing."""
    try:
        if data[:4] == _ERROR_SELECTOR:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == _PANIC_SELECTOR:
            return f"chain: panic 0x{int(decode(['uint256'], data[4:])[0]):02x}"
    except (DecodingError, OverflowError, UnicodeDecodeError):
        return ""
    return ""


def reason_code(reason: str) -> str:
    """`oracle: slot is not after the last one` as the code `oracle.slot_is_not_after_the_last_one`."""
    package, found, rest = reason.partition(": ")
    if not found or not re.fullmatch(r"[a-z][a-z0-9_]*", package):
        return "chain.reverted"
    return f"{package}.{re.sub(r'[^a-z0-9]+', '_', rest.lower()).strip('_')}"


def _reverted(error: RpcError) -> Reverted | RpcError | Unavailable:
    """A contract's refusal where the error is one; else the error itself, or what it says to an operator."""
    if "insufficient funds" in error.reason.lower():
        return Unavailable("chain.no_funds", f"the key that pays for gas has not enough coins: {error.reason}")
    reason = revert_reason(error.data)
    if not reason and "revert" in error.reason:
        reason = re.sub(r"^.*revert(?:ed)?(?: with reason)?:?\s*", "", error.reason)
    return Reverted(reason) if reason or error.data or "revert" in error.reason else error


def _is_known(error: RpcError) -> bool:
    return "already known" in error.reason.lower() or "already imported" in error.reason.lower()


def _is_nonce_taken(error: RpcError) -> bool:
    said = error.reason.lower()
    return "nonce too low" in said or "underpriced" in said or "nonce is too low" in said
