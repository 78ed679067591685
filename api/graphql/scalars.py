# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers beyond 32 bits as text, addresses and hashes as 0x-hexadecimal."""

import re
from collections.abc import Callable
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
Address = NewType("Address", bytes)
Bytes32 = NewType("Bytes32", bytes)

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,77})")


def _big(value: object) -> BigInt:
    if isinstance(value, int) and not isinstance(value, bool):
        return BigInt(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return BigInt(int(value))
    raise GraphQLError("a BigInt is an integer as text of at most 78 digits")


def _hex(width: int) -> Callable[[object], bytes]:
    form = re.compile(f"0x[0-9a-fA-F]{{{2 * width}}}")

    def parse(value: object) -> bytes:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise GraphQLError(f"0x and {2 * width} hexadecimal digits are needed")
        return bytes.fromhex(value[2:])

    return parse


def _shown(raw: bytes) -> str:
    return "0x" + raw.hex()


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt", description="An integer of up to 256 bits, as decimal text.", serialize=str, parse_value=_big
    ),
    Address: strawberry.scalar(
        name="Address", description="20 bytes, 0x and lower-case.", serialize=_shown, parse_value=_hex(20)
    ),
    Bytes32: strawberry.scalar(
        name="Bytes32", description="32 bytes, 0x and lower-case.", serialize=_shown, parse_value=_hex(32)
    ),
}
