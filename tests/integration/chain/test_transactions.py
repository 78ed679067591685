# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Sending against a real node that mines, waits, forgets and refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from chain.client import OracleClient, RegistryClient
from chain.deployment import Deployment
from chain.nonces import DatabaseNonceLock
from chain.rpc import Rpc, RpcError
from chain.signer import LocalSigner
from chain.transactions import GasPolicy, Reverted, TransactionSender
from kit.database import Database
from kit.errors import Unavailable
from tests.conftest import Deployed
from tests.integration.oracle.grid import account


@pytest.fixture
async def rpc(deployment: Deployed) -> AsyncIterator[Rpc]:
    async with Rpc(deployment.rpc_url) as made:
        yield made
    deployment.chain.call("evm_setAutomine", True)


def sender(rpc: Rpc, number: int = 3, **options: Any) -> TransactionSender:
    return TransactionSender(rpc, account(number), chain_id=31337, **options)


def registration(rpc: Rpc, deployed: Deployed) -> tuple[str, bytes]:
    """A call that any wallet may make once."""
    registry = RegistryClient(rpc, Deployment.load(deployed.path))
    return registry.address, registry.abi.encode_call("register_user", 1, bytes(32))


def refresh(rpc: Rpc, deployed: Deployed) -> tuple[str, bytes]:
    """A call that anybody may make as often as they like."""
    oracle = OracleClient(rpc, Deployment.load(deployed.path))
    return oracle.address, oracle.abi.encode_call("refresh_rated_power")


async def test_a_refusal_is_known_before_anything_is_sent_and_bears_the_contracts_words(
    rpc: Rpc, deployment: Deployed
) -> None:
    to, data = registration(rpc, deployment)
    receipt = await sender(rpc).send(to, data)
    assert receipt.gas_used > 21_000
    assert len(receipt.logs) == 1
    nonce = await rpc.nonce(account(3).address)
    with pytest.raises(Reverted) as refused:
        await sender(rpc).send(to, data)
    assert (refused.value.code, refused.value.reason) == ("registry.user_exists", "registry: user exists")
    assert await rpc.nonce(account(3).address) == nonce


async def test_a_call_that_is_refused_in_its_block_says_why(rpc: Rpc, deployment: Deployed) -> None:
    to, data = registration(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    one = sender(rpc)
    both = asyncio.gather(one.send(to, data), one.send(to, data), return_exceptions=True)
    await asyncio.sleep(0.8)
    deployment.chain.mine()
    deployment.chain.mine()
    outcomes = await both
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(refused, Reverted)
    assert refused.reason == "registry: user exists"
    assert refused.extra["tx_hash"]


async def test_many_at_once_get_consecutive_nonces(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    before = await rpc.nonce(account(3).address)
    one = sender(rpc)
    receipts = await asyncio.gather(*(one.send(to, data) for _ in range(20)))
    assert len({receipt.tx_hash for receipt in receipts}) == 20
    assert await rpc.nonce(account(3).address) == before + 20


async def test_what_the_node_forgot_is_sent_again(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    sending = asyncio.create_task(sender(rpc).send(to, data))
    await asyncio.sleep(0.4)
    deployment.chain.call("anvil_dropAllTransactions")
    await asyncio.sleep(0.6)
    deployment.chain.mine()
    assert (await sending).tx_hash


async def test_a_nonce_that_somebody_else_used_is_replaced_by_a_new_signature(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    sending = asyncio.create_task(sender(rpc).send(to, data))
    await asyncio.sleep(0.4)
    deployment.chain.call("anvil_dropAllTransactions")
    key = account(3)
    raw = await key.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": await rpc.nonce(key.address, block="latest"),
            "to": key.address,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**10,
        }
    )
    # refused only if the sender was faster and put its own back, which then is mined as it was
    with suppress(RpcError):
        await rpc.request("eth_sendRawTransaction", "0x" + raw.hex())
    deployment.chain.mine()
    await asyncio.sleep(1.0)
    deployment.chain.mine()
    receipt = await sending
    assert receipt.gas_used > 21_000


async def test_a_stuck_transaction_is_replaced_with_a_higher_fee(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    sending = asyncio.create_task(sender(rpc, gas=GasPolicy(stuck_seconds=0.3)).send(to, data))
    await asyncio.sleep(1.0)
    pool = deployment.chain.call("txpool_content")["pending"]
    (waiting,) = pool[next(a for a in pool if a.lower() == account(3).address.lower())].values()
    base = int(deployment.chain.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    assert int(waiting["maxFeePerGas"], 16) > 2 * base + 10**9
    deployment.chain.mine()
    assert (await sending).tx_hash == waiting["hash"]


async def test_nothing_mined_is_unavailable_and_says_which(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    with pytest.raises(Unavailable, match="was not mined in"):
        await sender(rpc).send(to, data, timeout_seconds=0.5)
    deployment.chain.mine()


async def test_confirmations_are_waited_for(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    sending = asyncio.create_task(sender(rpc, confirmations=2).send(to, data))
    await asyncio.sleep(0.5)
    assert not sending.done()
    deployment.chain.mine()
    deployment.chain.mine()
    assert (await sending).block_number + 2 == await rpc.block_number()


class CountingRpc(Rpc):
    """Counts what is sent."""

    sends = 0

    async def request(self, method: str, *params: Any) -> Any:
        """Ask, and count sends."""
        CountingRpc.sends += method == "eth_sendRawTransaction"
        return await super().request(method, *params)


async def test_two_processes_with_one_key_never_take_one_nonce_twice(
    rpc: Rpc, deployment: Deployed, database: Database
) -> None:
    to, data = refresh(rpc, deployment)
    before, CountingRpc.sends = await rpc.nonce(account(3).address), 0
    async with CountingRpc(deployment.rpc_url) as one, CountingRpc(deployment.rpc_url) as other:
        both = [sender(made, lock=DatabaseNonceLock(database)) for made in (one, other)]
        receipts = await asyncio.gather(*(both[n % 2].send(to, data) for n in range(16)))
    assert len({receipt.tx_hash for receipt in receipts}) == 16
    assert await rpc.nonce(account(3).address) == before + 16
    assert CountingRpc.sends == 16


async def test_a_lock_that_somebody_keeps_is_unavailable_and_says_so(
    rpc: Rpc, deployment: Deployed, database: Database
) -> None:
    to, data = refresh(rpc, deployment)
    async with DatabaseNonceLock(database).hold(31337, account(3).address):
        with pytest.raises(Unavailable, match="another process"):
            await sender(rpc, lock=DatabaseNonceLock(database, wait_seconds=0.2)).send(to, data)
        assert (await sender(rpc, number=4, lock=DatabaseNonceLock(database)).send(to, data)).tx_hash
    assert (await sender(rpc, lock=DatabaseNonceLock(database)).send(to, data)).tx_hash


async def test_a_gap_that_a_dead_process_left_is_filled(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    deployment.chain.call("evm_setAutomine", False)
    dead = asyncio.create_task(sender(rpc).send(to, data))
    await asyncio.sleep(0.4)
    alive = asyncio.create_task(sender(rpc, gas=GasPolicy(stuck_seconds=0.4)).send(to, data))
    await asyncio.sleep(0.3)
    dead.cancel()
    pool = deployment.chain.call("txpool_content")["pending"]
    waiting = pool[next(a for a in pool if a.lower() == account(3).address.lower())]
    deployment.chain.call("anvil_dropTransaction", waiting[min(waiting, key=int)]["hash"])
    deployment.chain.mine()
    assert not alive.done()
    await asyncio.sleep(1.2)
    deployment.chain.mine()
    assert (await alive).gas_used > 21_000


async def test_a_key_without_coins_is_told_in_words(rpc: Rpc, deployment: Deployed) -> None:
    to, data = refresh(rpc, deployment)
    poor = LocalSigner(b"\x05" * 32)
    with pytest.raises(Unavailable) as refused:
        await TransactionSender(rpc, poor, chain_id=31337).send(to, data)
    assert refused.value.code == "chain.no_funds"
