# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Stations and device keys entered into the Registry. What is there already is left alone, so everything may be repeated."""

from dataclasses import dataclass
from uuid import UUID

from chain.client import RegistryClient
from chain.transactions import TransactionSender
from kit.errors import Conflict
from kit.ids import address_bytes, station_number

BOUNDARY_METER = 1


@dataclass(frozen=True, slots=True)
class Registrar:
    """One who may enter stations: the Registry and a sender with a registrar's key."""

    registry: RegistryClient
    sender: TransactionSender

    async def enter_station(self, station: UUID, owner: str, *, rated_w: int, kind: int, demo: bool) -> bool:
        """Enter a station with its first owner; rated power in W. Returns False if it was entered before.

        Raises Conflict if it belongs to somebody else, Reverted if the Registry refuses, Unavailable without a chain.
        """
        number, holder = station_number(station), address_bytes(owner)
        known = await self.registry.station_of(number)
        if known is not None:
            if known.owner != holder:
                raise Conflict("registry.other_owner", f"station {station} belongs to 0x{known.owner.hex()}")
            return False
        call = self.registry.abi.encode_call("register_station", number, holder, rated_w, kind, demo)
        await self.sender.send(self.registry.address, call)
        return True

    async def enter_meter(self, station: UUID, key: bytes, *, role: int = BOUNDARY_METER) -> bool:
        """Bind a device's Ed25519 public key (32 bytes) to a station. Returns False if it was bound to it before.

        Raises Conflict for a key of another station or a retired one, Reverted if the Registry refuses.
        """
        known = await self.registry.read("meter_of", key)
        if known["since"]:
            if known["station"] != station_number(station) or known["until"]:
                raise Conflict("registry.key_taken", "this key is another station's, or it was retired")
            return False
        call = self.registry.abi.encode_call("register_meter", station_number(station), key, role)
        await self.sender.send(self.registry.address, call)
        return True
