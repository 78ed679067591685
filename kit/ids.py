# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Names of things as text off chain and as integers on chain."""

from uuid import UUID


def station_number(station: UUID) -> int:
    """A station's 128-bit integer, as contracts and leaves carry it."""
    return station.int


def station_uuid(number: int) -> UUID:
    """The UUID of a contract's station. Raises ValueError outside 128 bits."""
    return UUID(int=number)


def address_bytes(address: str) -> bytes:
    """The 20 bytes of a hexadecimal address. Raises ValueError if it is not one."""
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{address!r} is not an address of 20 bytes")
    return raw
