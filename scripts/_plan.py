# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Which contracts are still to be made, where they will stand, and in which order: without a chain, so that it can be tested.

Contracts are made for each other's addresses, some before the other stands. An address follows from the deployer's key and
nonce, so all of them are known before the first transaction. A run that was interrupted goes on: what stands is kept, unless
it was made for an address at which nothing can come to stand any more, because the key was used for something else meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address


class PlanError(ValueError):
    """What stands contradicts the configuration in something that is fixed for ever; the message names it."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of another contract of the deployment, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Initial:
    """A value, or a Ref, that the contract's owner may change later: what stands is not compared with it."""

    value: Any


@dataclass(frozen=True, slots=True)
class Spec:
    """A contract: its name in the deployment, the source it is made of, its constructor's arguments by parameter."""

    name: str
    source: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A contract that is to be made: in which wave, at which nonce, so at which address, with which arguments."""

    spec: Spec
    wave: int
    nonce: int
    address: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is kept, and what is to be made in the order of nonces. Everything of a wave needs only the waves before."""

    addresses: Mapping[str, str]
    making: Sequence[Made]
    orphans: Sequence[str]


def plan(
    specs: Sequence[Spec],
    standing: Mapping[str, Mapping[str, Any]],
    nonce_of: Callable[[int], str],
    first_nonce: int,
) -> Plan:
    """Plan a deployment. `standing` holds the entries of a deployment file at whose addresses there is code; `nonce_of` tells
    the address that the deployer's nonce makes.

    Raises PlanError if a contract that stands was made with fixed arguments that the configuration no longer says.
    """
    kept = {spec.name for spec in specs if spec.name in standing}
    orphans: list[str] = []
    # Waves over all of them, so that a run which goes on uses its nonces in the order of the run before.
    ordered = _in_waves(specs)
    while True:
        missing = [(wave, spec) for wave, spec in ordered if spec.name not in kept]
        at = {spec.name: nonce_of(first_nonce + i) for i, (_, spec) in enumerate(missing)}
        addresses = {name: at.get(name) or str(standing[name]["address"]) for name in (spec.name for spec in specs)}
        lost = [spec for spec in specs if spec.name in kept and _differing(spec, standing[spec.name], addresses)]
        if not lost:
            break
        for spec in lost:
            fixed = [name for name in _differing(spec, standing[spec.name], addresses) if not _moved(spec, name, kept)]
            if fixed:
                raise PlanError(
                    f"{spec.name} was made with another {', '.join(name.strip('_') for name in fixed)}, which is fixed for ever"
                )
            kept.remove(spec.name)
            orphans.append(spec.name)
    making = [
        Made(spec, wave, first_nonce + i, at[spec.name], resolve(spec, addresses))
        for i, (wave, spec) in enumerate(missing)
    ]
    return Plan(addresses, making, orphans)


def resolve(spec: Spec, addresses: Mapping[str, str]) -> tuple[Any, ...]:
    """A contract's arguments with addresses in place of names."""
    return tuple(_value(argument, addresses) for argument in spec.arguments.values())


def refs(spec: Spec) -> dict[str, str]:
    """The contracts that a contract is made for, by parameter."""
    plain = {name: one.value if isinstance(one, Initial) else one for name, one in spec.arguments.items()}
    return {name: one.name for name, one in plain.items() if isinstance(one, Ref)}


def create_address(deployer: str, nonce: int) -> str:
    """Where a contract stands that an account makes by CREATE at this nonce: the hash of RLP [sender, nonce]."""
    sender = bytes.fromhex(deployer[2:])
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    tail = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = bytes([0x80 + len(sender)]) + sender + tail
    return str(to_checksum_address(keccak(bytes([0xC0 + len(body)]) + body)[12:]))


def _in_waves(specs: Sequence[Spec]) -> list[tuple[int, Spec]]:
    """A contract waits for those before it that it is made for: its constructor may call them. One for which others were made
    ahead may check where it stands, and a node can only try that for the very next nonce: it has a wave of its own.
    """
    depth: dict[str, int] = {}
    ahead: set[str] = set()
    for spec in specs:
        named = set(refs(spec).values())
        ahead |= named - depth.keys()
        depth[spec.name] = max((depth[one] + 1 for one in named & depth.keys()), default=0)
    ordered: list[tuple[int, Spec]] = []
    last: tuple[int, str] | None = None
    for spec in sorted(specs, key=lambda spec: (depth[spec.name], spec.name in ahead)):
        group = (depth[spec.name], spec.name if spec.name in ahead else "")
        wave = ordered[-1][0] if ordered else 0
        ordered.append((wave if last in (None, group) else wave + 1, spec))
        last = group
    return ordered


def _value(argument: Any, addresses: Mapping[str, str]) -> Any:
    if isinstance(argument, Initial):
        return _value(argument.value, addresses)
    return addresses[argument.name] if isinstance(argument, Ref) else argument


def _differing(spec: Spec, entry: Mapping[str, Any], addresses: Mapping[str, str]) -> list[str]:
    """The fixed parameters whose recorded argument is not the one that it would be made with now."""
    recorded = entry["args"]
    if len(recorded) != len(spec.arguments):
        return list(spec.arguments)
    return [
        name
        for (name, argument), old in zip(spec.arguments.items(), recorded, strict=True)
        if not isinstance(argument, Initial) and _plain(_value(argument, addresses)) != _plain(old)
    ]


def _moved(spec: Spec, name: str, kept: set[str]) -> bool:
    argument = spec.arguments[name]
    return isinstance(argument, Ref) and argument.name not in kept


def _plain(value: Any) -> Any:
    """Tuples and lists alike: JSON knows only one of them."""
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
