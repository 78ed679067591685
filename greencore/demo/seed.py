# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations, owners and device keys entered into the Registry on chain, as a registrar does it."""

from collections.abc import Sequence

from chain.client import RegistryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from chain.signers import open_signer
from chain.transactions import TransactionSender
from greencore.accounts import FIRST_OWNER, REGISTRAR, private_key
from greencore.demo.stations import Station, device_key
from greencore.registrar import Registrar
from greencore.stack import Stack
from kit.ids import address_bytes

_PROSUMER = 1


async def seed(stations: Sequence[Station], stack: Stack) -> None:
    """Enter what the Registry does not have yet. Raises Reverted, Conflict, Unavailable."""
    deployment = Deployment.load(stack.deployment)
    async with Rpc(stack.anvil.url) as rpc:
        registry = RegistryClient(rpc, deployment)
        registrar = Registrar(registry, await _sender(rpc, deployment, REGISTRAR))
        for station in stations:
            owner = address_bytes(station.owner)
            if (await registry.read("user_of", owner))["kind"] == 0:
                sender = await _sender(rpc, deployment, FIRST_OWNER + station.index)
                await sender.send(registry.address, registry.abi.encode_call("register_user", _PROSUMER, bytes(32)))
            await registrar.enter_station(
                station.id, station.owner, rated_w=station.rated_w, kind=station.kind, demo=True
            )
            await registrar.enter_meter(station.id, bytes.fromhex(device_key(station, stack)))


async def _sender(rpc: Rpc, deployment: Deployment, index: int) -> TransactionSender:
    return TransactionSender(rpc, await open_signer(private_key(index)), chain_id=deployment.chain_id)
