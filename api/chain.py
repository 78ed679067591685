# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The chain as the API and the worker reach it: made on first use, for the contracts may be deployed after the process started."""

import asyncio
from dataclasses import dataclass

from api.settings import DoorSettings
from chain.client import Contract, EnergyTokenClient, OracleClient, TreasuryClient
from chain.deployment import Deployment
from chain.nonces import DatabaseNonceLock
from chain.rpc import Rpc
from chain.signer import Signer
from chain.signers import open_signer
from chain.transactions import GWEI, GasPolicy, TransactionSender
from flows.clear_rounds import Auctioneer
from flows.divide_fees import Treasurer
from flows.mint_energy import Keeper
from flows.standing_deposits import Depositor
from kit.database import Database
from kit.errors import NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts that we read and claim at."""

    deployment: Deployment
    oracle: OracleClient
    treasury: TreasuryClient
    token: EnergyTokenClient


class Chain:
    """One node of the chain and what stands on it. `close` it at the end."""

    def __init__(self, settings: DoorSettings, database: Database) -> None:
        """API and worker may share the key that pays for claims: they meet at a lock in the database."""
        self._settings = settings
        self._nonces = DatabaseNonceLock(database)
        self._opening = asyncio.Lock()
        self._contracts: Contracts | None = None
        self._signer: Signer | None = None
        self._sender: TransactionSender | None = None
        self._keeper: Keeper | None = None
        self._depositor: Depositor | None = None
        self._treasurer: Treasurer | None = None
        self._auctioneer: Auctioneer | None = None
        self.rpc = Rpc(settings.rpc_url)

    async def close(self) -> None:
        """Give the connections back."""
        if self._signer is not None:
            await self._signer.close()
        await self.rpc.close()

    @property
    def can_claim(self) -> bool:
        """True if a key was given that pays for claims."""
        return bool(self._settings.keeper_key.get_secret_value())

    def contracts(self) -> Contracts:
        """The deployed contracts. Raises Unavailable as long as there is no deployment file."""
        if self._contracts is None:
            try:
                deployment = Deployment.load(self._settings.deployment)
                self._contracts = Contracts(
                    deployment,
                    OracleClient(self.rpc, deployment),
                    TreasuryClient(self.rpc, deployment),
                    EnergyTokenClient(self.rpc, deployment),
                )
            except NotFound as error:
                raise Unavailable(error.code, "the contracts are not deployed yet") from error
        return self._contracts

    async def open_signer(self) -> Signer:
        """The key that pays for claims. Raises Unavailable without one, and what `chain.signer` raises for a wrong one."""
        if self._signer is None:
            if not self.can_claim:
                raise Unavailable("mint.no_keeper", "this process has no key for claims; set GREENCORE_KEEPER_KEY")
            password_file = self._settings.keeper_password
            password = "" if password_file is None else password_file.read_text().split("\n", 1)[0]
            self._signer = await open_signer(self._settings.keeper_key.get_secret_value(), password=password)
        return self._signer

    async def keeper(self) -> Keeper:
        """Who claims. Raises what `open_signer` does, and Unavailable as long as there are no contracts."""
        async with self._opening:
            if self._keeper is None:
                contracts, sender = self.contracts(), await self._open_sender()
                self._keeper = Keeper(contracts.oracle, contracts.treasury, sender)
            return self._keeper

    async def depositor(self, least: int) -> Depositor:
        """Who carries out standing orders, when a register is `least` ahead. Raises what `keeper` does, and Unavailable as
        long as there is no index: it may be deployed after the rest.
        """
        async with self._opening:
            if self._depositor is None:
                treasury = self.contracts().treasury
                try:
                    gcm = Contract(self.rpc, Deployment.load(self._settings.deployment), "GCM")
                except NotFound as error:
                    raise Unavailable(error.code, "the index is not deployed yet") from error
                self._depositor = Depositor(gcm, treasury, await self._open_sender(), least=least)
            return self._depositor

    async def treasurer(self) -> Treasurer | None:
        """Who collects fees and has them divided; None as long as there are no Funds. Raises what `keeper` does."""
        async with self._opening:
            if self._treasurer is None:
                sender = await self._open_sender()
                deployment = Deployment.load(self._settings.deployment)
                if "Funds" not in deployment.contracts:
                    return None
                self._treasurer = Treasurer(self.rpc, deployment, sender)
            return self._treasurer

    async def auctioneer(self) -> Auctioneer | None:
        """Who brings the results of rounds; None as long as there is no Round. Raises what `keeper` does."""
        async with self._opening:
            if self._auctioneer is None:
                sender = await self._open_sender()
                deployment = Deployment.load(self._settings.deployment)
                if "Round" not in deployment.contracts:
                    return None
                self._auctioneer = Auctioneer(self.rpc, deployment, sender)
            return self._auctioneer

    async def _open_sender(self) -> TransactionSender:
        if self._sender is None:
            signer, contracts = await self.open_signer(), self.contracts()
            gas = GasPolicy(fee_wei_max=self._settings.keeper_fee_gwei_max * GWEI)
            self._sender = TransactionSender(
                self.rpc, signer, chain_id=contracts.deployment.chain_id, gas=gas, lock=self._nonces
            )
        return self._sender
