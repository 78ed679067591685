# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a deployment is meant to be: one file, checked before gas is spent, with the field's name in every refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import click
import yaml
from eth_utils.address import is_address, to_checksum_address
from pydantic import ValidationError

from scripts._market import Market

OPTIONAL = frozenset({"challenge_delay", "rates", "coefficients", "market"})
INCOME = frozenset({1, 2, 3, 5, 7, 8})  # utilities that count towards a home's income
MODES = {"claimed": 1, "direct": 2, "pooled": 3}
GOVERNOR, FUNDS = "Governor", "Funds"
SIGNERS_MAX = 32


class BadConfig(click.ClickException):
    """A configuration that cannot be deployed; the message names the field."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a deployment is meant to be. Addresses have checksums; `utilities` maps a code to a mode's name.

    `owner` is an address, `Governor`, or None for the deployer. `beneficiary` is an address or a contract's name.
    `rates` maps a code to what replaces the rated power, for the "grid" and for a "station": (base W, share in ppm).
    `coefficients` maps a code to millionths of a GCM per whole token. Without `market` only energy is deployed.
    """

    live: bool
    owner: str | None
    reserve_bps: int
    beneficiary: str
    base_uri: str
    faulty: int
    k: int
    signers: tuple[str, ...]
    utilities: Mapping[int, str]
    registrars: tuple[str, ...]
    guardians: tuple[str, ...]
    challenge_delay: int = 0
    rates: Mapping[int, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    coefficients: Mapping[int, int] = field(default_factory=dict)
    market: Market | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML or JSON file. Raises BadConfig for anything that the contracts would refuse, before gas is spent."""
        try:
            made = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise BadConfig(f"{path}: {error}") from error
        if not isinstance(made, dict):
            raise BadConfig(f"{path}: not a mapping of fields")
        if odd := (set(made) ^ set(cls.__slots__)) - (OPTIONAL - set(made)):
            raise BadConfig(f"{path}: fields missing or unknown: {', '.join(sorted(map(str, odd)))}")
        try:
            config = cls(
                live=_flag(made["live"], "live"),
                owner=None if made["owner"] is None else _account(made["owner"], "owner"),
                reserve_bps=int(made["reserve_bps"]),
                beneficiary=_account(made["beneficiary"], "beneficiary"),
                base_uri=str(made["base_uri"]),
                faulty=int(made["faulty"]),
                k=int(made["k"]),
                signers=ascending(_addresses(made["signers"], "signers")),
                utilities={int(code): str(mode) for code, mode in made["utilities"].items()},
                registrars=_addresses(made["registrars"], "registrars"),
                guardians=_addresses(made["guardians"], "guardians"),
                challenge_delay=int(made.get("challenge_delay", 0)),
                rates=_rates(made.get("rates") or {}),
                coefficients={
                    int(code): _millionths(value) for code, value in (made.get("coefficients") or {}).items()
                },
                market=None if made.get("market") is None else Market.model_validate(made["market"]),
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("market", *first["loc"])))
            raise BadConfig(f"{path}: {where}: {first['msg']}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise BadConfig(f"{path}: {error}") from error
        config._check(path)
        return config

    def _check(self, path: Path) -> None:
        n = len(self.signers)
        rules = (
            (100 <= self.reserve_bps <= 300, "reserve_bps: 100 to 300"),
            (1 <= n <= SIGNERS_MAX, f"signers: 1 to {SIGNERS_MAX}"),
            (
                0 <= self.faulty < n and self.k <= n and 2 * self.k > n + self.faulty,
                "k: more than (signers + faulty) / 2",
            ),
            (all(1 <= code <= 9 for code in self.utilities), "utilities: codes are 1 to 9"),
            (all(mode in MODES for mode in self.utilities.values()), f"utilities: modes are {', '.join(MODES)}"),
            (
                0 <= self.challenge_delay <= 86_400 and self.challenge_delay % 900 == 0,
                "challenge_delay: whole slots of 900 s, at most 86400",
            ),
            (all(2 <= code <= 9 for code in self.rates), "rates: codes are 2 to 9, E has none"),
            (
                all(0 <= w <= 10**12 and 0 <= ppm < 2**32 for pair in self.rates.values() for w, ppm in pair.values()),
                "rates: at most 1 TW and 32 bits of ppm",
            ),
            (set(self.coefficients) <= INCOME, "coefficients: codes are 1, 2, 3, 5, 7 and 8"),
            (all(0 <= c <= 10**9 for c in self.coefficients.values()), "coefficients: 0 to 1000 GCM"),
            (len(self.base_uri) <= 80, "base_uri: at most 80 characters"),
            (
                self.owner is None or is_address(self.owner) or self.owner == GOVERNOR,
                "owner: an address, Governor or null",
            ),
            (self.owner != GOVERNOR or self.market is not None, "owner: there is no Governor without a market"),
            (
                is_address(self.beneficiary) or (self.beneficiary == FUNDS and self.market is not None),
                "beneficiary: an address, or Funds where there is a market",
            ),
        )
        for holds, message in rules:
            if not holds:
                raise BadConfig(f"{path}: {message}")

    def public(self) -> dict[str, Any]:
        """The configuration as the deployment file records it."""
        held = {name: getattr(self, name) for name in self.__slots__ if name != "market"}
        by_code = {name: {str(code): value for code, value in held[name].items()} for name in _BY_CODE}
        market = None if self.market is None else self.market.model_dump(mode="json")
        return {**held, **by_code, "market": market}


_BY_CODE = ("utilities", "rates", "coefficients")


def ascending(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """In the order that the contracts want signers in."""
    return tuple(sorted(addresses, key=lambda address: int(address, 16)))


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{field}: true or false")
    return value


def _rates(made: Mapping[Any, Any]) -> dict[int, dict[str, tuple[int, int]]]:
    rates = {}
    for code, pair in made.items():
        if set(pair) != {"grid", "station"}:
            raise ValueError(f"rates: {code}: grid and station, each [base W, share in ppm]")
        rates[int(code)] = {name: (int(w), int(ppm)) for name, (w, ppm) in pair.items()}
    return rates


def _millionths(value: object) -> int:
    exact = Decimal(str(value)) * 1_000_000
    if exact != int(exact):
        raise ValueError(f"coefficients: {value} has more than six places")
    return int(exact)


def _account(value: object, field: str) -> str:
    return value if isinstance(value, str) and value.isalpha() else _address(value, field)


def _address(value: object, field: str) -> str:
    # YAML reads an address without quotes as a number.
    text = f"0x{value:040x}" if isinstance(value, int) else str(value)
    if not is_address(text) or int(text, 16) == 0:
        raise ValueError(f"{field}: {text} is not an address")
    return str(to_checksum_address(text))


def _addresses(values: object, field: str) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{field}: a list")
    found = tuple(_address(value, field) for value in values)
    if len(set(found)) != len(found):
        raise ValueError(f"{field}: an address stands twice")
    return found
