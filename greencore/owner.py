# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the contracts' owner may change: utilities and their rates, the challenge delay, coefficients of a home's income."""

from collections.abc import Mapping
from dataclasses import dataclass

from chain.client import MODE_CLAIMED, MODE_CLOSED, Contract, HomePolicyClient, OracleClient, TreasuryClient
from chain.transactions import TransactionSender
from energy.utility.table import LINES
from kit.errors import Conflict, Refused
from kit.units import Utility

RATES: Mapping[Utility, tuple[int, int] | None] = {line.utility: line.rate for line in LINES}


@dataclass(frozen=True, slots=True)
class Owner:
    """One who holds the owner's key. Every method sends transactions and raises Reverted if a contract refuses."""

    oracle: OracleClient
    treasury: TreasuryClient
    homes: HomePolicyClient
    sender: TransactionSender

    async def open_utility(self, utility: Utility, *, stations: int) -> bool:
        """Set the rates of docs/utilities.md, the grid's for so many stations, then open the utility for claims, for ever.

        Returns False if it was open before. Raises Conflict if it is open in another mode.
        """
        mode = await self.oracle.mode_of(utility)
        if mode not in (MODE_CLOSED, MODE_CLAIMED):
            raise Conflict("owner.other_mode", f"{utility.name} is open in mode {mode}, and a mode is for ever")
        rate = RATES[utility]
        if rate is not None:
            await self.rate(utility, base_w=rate[0], share_ppm=rate[1], stations=stations)
        if mode == MODE_CLOSED:
            await self._send(self.oracle, "open_utility", utility, MODE_CLAIMED)
        return mode == MODE_CLOSED

    async def rate(self, utility: Utility, *, base_w: int, share_ppm: int, stations: int) -> None:
        """Set a station's rate, and the grid's to that of so many stations. Raises Refused for E."""
        if utility is Utility.E:
            raise Refused("owner.no_rate", "E is measured by the rated power, for ever")
        await self._send(self.treasury, "set_rate", utility, base_w, share_ppm)
        await self._send(self.oracle, "set_rate", utility, base_w * stations, share_ppm)

    async def challenge_delay(self, seconds: int) -> None:
        """Set how long nobody can claim against a report."""
        await self._send(self.oracle, "set_challenge_delay", seconds)

    async def coefficient(self, utility: Utility, millionths: int) -> None:
        """Set what a whole token adds to a home's income, millionths of a GCM."""
        await self._send(self.homes, "set_coefficient", utility, millionths)

    async def _send(self, contract: Contract, function: str, *arguments: int) -> None:
        await self.sender.send(contract.address, contract.abi.encode_call(function, *arguments))
