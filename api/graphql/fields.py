# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`strawberry.field` for resolvers, in a form whose types a checker can follow."""

from collections.abc import Callable
from typing import TypeVar, cast

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., object])


def field(*, description: str, name: str | None = None) -> Callable[[Resolver], Resolver]:
    """A field that a method resolves."""

    def made(resolver: Resolver) -> Resolver:
        return cast("Resolver", strawberry.field(resolver=resolver, description=description, name=name))

    return made
