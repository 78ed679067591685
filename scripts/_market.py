# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The market's part of a configuration. People write whole tokens and prices; what is kept are the contracts' own numbers."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Self

from eth_utils.address import is_address, to_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

DECIMALS = 9  # of utility tokens, GCM and GCC
UTILITIES = {"E": 1, "H": 2, "W": 3, "AGR": 4, "SRV": 5, "CRB": 6, "DATA": 7, "EFF": 8, "DEV": 9}
COINS = ("GCM", "GCC")
_HOUR = 3_600


def _units(places: int) -> Any:
    def read(value: object) -> int:
        if isinstance(value, float):
            raise ValueError("write amounts in quotes")
        try:
            exact = Decimal(str(value)).scaleb(places)
        except InvalidOperation as error:
            raise ValueError(f"{value} is no number") from error
        if exact != int(exact) or exact < 0:
            raise ValueError(f"{value}: not below zero, at most {places} places")
        return int(exact)

    return BeforeValidator(read)


def _address(value: object) -> str:
    text = f"0x{value:040x}" if isinstance(value, int) else str(value)
    if not is_address(text) or int(text, 16) == 0:
        raise ValueError(f"{text} is not an address")
    return str(to_checksum_address(text))


def _distinct(value: list[str]) -> list[str]:
    found = [_address(one) for one in value]
    if len(set(found)) != len(found):
        raise ValueError("an address stands twice")
    return found


def _exact(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError("write prices in quotes")
    try:
        made = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value} is no number") from error
    if not (made.is_finite() and made > 0):
        raise ValueError(f"{value}: above zero")
    return made


Tokens = Annotated[int, _units(DECIMALS)]
"""Whole tokens as written, units of 10⁻⁹ as kept."""
Millionths = Annotated[int, _units(6)]
Address = Annotated[str, BeforeValidator(_address)]
Addresses = Annotated[list[str], BeforeValidator(_distinct)]
Price = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(str)]
Bps = Annotated[int, Field(ge=0, le=100)]
Code = Annotated[int, Field(ge=1, le=9)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weight(_Part):
    """What a whole token of a utility is worth in the index, and the most that the basket takes; None for no bound."""

    weight: Annotated[int, _units(6), Field(le=10**9)]
    cap: Tokens | None = None


class Coin(_Part):
    """GCC: its rate, who may pass it on, and how much may be converted in a day, by tier and altogether."""

    rate: Annotated[int, _units(6), Field(gt=0, lt=2**64)]
    transfer_tier: Annotated[int, Field(ge=0, le=255)]
    total_limit: Tokens
    limits: dict[Annotated[int, Field(ge=0, le=255)], Tokens]


class _Ladder(_Part):
    """A pair and its prices, which are the quote's whole tokens per whole token of the base."""

    base: str
    quote: str
    lot: Price
    tick: Price
    lowest: Price
    least: Price

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.base not in UTILITIES:
            raise ValueError(f"base: one of {', '.join(UTILITIES)}")
        if self.quote not in (*UTILITIES, *COINS) or self.quote == self.base:
            raise ValueError("quote: GCM, GCC or another utility")
        for name, value in (("lot", self.lot), ("tick × lot", self.tick * self.lot)):
            if _power(value.scaleb(DECIMALS)) is None:
                raise ValueError(f"{name}: a power of ten, 10⁻⁹ to 10⁹")
        if self.lowest % self.tick or not 0 < self.lowest / self.tick < 2**40:
            raise ValueError("lowest: a whole number of ticks")
        if self.least % self.lot or not 0 < self.least / self.lot < 2**32:
            raise ValueError("least: a whole number of lots")
        return self

    @property
    def pair(self) -> str:
        """As E/GCM."""
        return f"{self.base}/{self.quote}"

    @property
    def scale(self) -> tuple[int, int, int]:
        """As the contracts take it: lot_exp, tick_exp, base_price."""
        exponents = [_power(value.scaleb(DECIMALS)) for value in (self.lot, self.tick * self.lot)]
        lot_exp, tick_exp = (exponent for exponent in exponents if exponent is not None)
        return lot_exp, tick_exp, int(self.lowest / self.tick)

    @property
    def min_lots(self) -> int:
        """The least order in lots."""
        return int(self.least / self.lot)


class Listing(_Ladder):
    """A market of the book."""

    maker_bps: Bps
    taker_bps: Bps

    @property
    def terms(self) -> tuple[int, int, int, int, int, int]:
        """As OrderBook.open_market takes them: lot_exp, tick_exp, base_price, maker_bps, taker_bps, min_lots."""
        return *self.scale, self.maker_bps, self.taker_bps, self.min_lots


class RoundPart(_Ladder):
    """A market of call auctions: until when orders come before a slot, and how long a result is accepted after that."""

    fee_bps: Bps
    gate_seconds: Annotated[int, Field(ge=1, le=86_400)]
    window_seconds: Annotated[int, Field(ge=1, le=43_200)]
    tier: Annotated[int, Field(ge=0, le=255)] = 0

    @property
    def terms(self) -> tuple[int, int, int, int, int, int, int, int]:
        """As Round.open_market takes them, but for `halted`."""
        return *self.scale, self.fee_bps, self.min_lots, self.gate_seconds, self.window_seconds, self.tier


class PoolPart(_Part):
    """A pool of a utility against a coin."""

    base: str
    quote: str = "GCM"
    lp_bps: Bps
    treasury_bps: Bps
    tier: Annotated[int, Field(ge=0, le=255)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.base not in UTILITIES or self.quote not in COINS:
            raise ValueError("a pool is of a utility against GCM or GCC")
        if self.treasury_bps > self.lp_bps or self.lp_bps + self.treasury_bps > 100:
            raise ValueError("treasury_bps: at most lp_bps, both together at most 100")
        return self

    @property
    def pair(self) -> str:
        """As E/GCM."""
        return f"{self.base}/{self.quote}"


class CertificatesPart(_Part):
    """How long certificates live, which kinds of plant may be certified, and who validates."""

    lifetime_days: Annotated[int, Field(ge=30, le=3_650)]
    technologies: dict[Annotated[int, Field(ge=1, le=2)], dict[Annotated[int, Field(ge=0, le=255)], str]]
    validators: Addresses


class MarketplacePart(_Part):
    """The fee of sales, and our own contracts whose tokens may be sold."""

    fee_bps: Annotated[int, Field(ge=0, le=500)]
    collections: list[str]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if set(self.collections) - {"EnergyToken", "Certificates", "Assets"}:
            raise ValueError("collections: EnergyToken, Certificates, Assets")
        return self


class EscrowPart(_Part):
    """Who may use the escrow, how long things take there, who attests payments and who decides disputes."""

    arbiter: Address
    tier_min: Annotated[int, Field(ge=1, le=255)]
    grace_hours: Annotated[int, Field(ge=0, le=168)]
    dispute_days: Annotated[int, Field(ge=1, le=60)]
    attesters: Addresses


class Quorum(_Part):
    """Signers of whom `k` must sign, of whom `faulty` may be faulty without harm."""

    signers: Addresses
    k: int
    faulty: int

    @model_validator(mode="after")
    def _check(self) -> Self:
        n = len(self.signers)
        if not (1 <= n <= 32 and 0 <= self.faulty < n and self.k <= n and 2 * self.k > n + self.faulty):
            raise ValueError("k: more than (signers + faulty) / 2, with 1 to 32 signers")
        return self

    @property
    def ordered(self) -> list[str]:
        """As the contracts want them."""
        return sorted(self.signers, key=lambda address: int(address, 16))


class Currency(_Part):
    """A settlement token. Caps are in minor units."""

    code: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    decimals: Annotated[int, Field(ge=0, le=4)]
    supply_cap: Annotated[int, Field(ge=0, lt=2**63)]
    day_cap: Annotated[int, Field(ge=0, lt=2**63)]
    issuers: Addresses
    attesters: Quorum


class GovernorPart(_Part):
    """The rules of votes. Amounts are GCM."""

    delay_hours: Annotated[int, Field(ge=1, le=720)]
    threshold: Annotated[int, _units(DECIMALS), Field(gt=0)]
    quorum_floor: Annotated[int, _units(DECIMALS), Field(gt=0)]
    quorum_bps: Annotated[int, Field(ge=0, le=5_000)]
    voting_delay_minutes: Annotated[int, Field(ge=1, le=43_200)]
    voting_period_hours: Annotated[int, Field(ge=1, le=1_440)]

    @property
    def rules(self) -> tuple[int, int, int, int, int]:
        """As the Governor takes them."""
        times = (self.voting_delay_minutes * 60, self.voting_period_hours * _HOUR)
        return self.threshold, self.quorum_floor, self.quorum_bps, *times


class EarningsPart(_Part):
    """How long a period is, and how fees are divided: hundredths of a per cent for `GCM` (its lockers) and for pools (whose shares
    are locked). The rest is kept by Funds.
    """

    period_hours: Annotated[int, Field(ge=1, le=672)]
    shares: dict[str, Annotated[int, Field(ge=1, le=10_000)]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(self.shares.values()) > 10_000:
            raise ValueError("shares: together at most 10000")
        return self


class Market(_Part):
    """All that stands beside energy. `beneficiary` of fees is an address or a contract's name."""

    beneficiary: str = "Funds"
    weights: dict[Code, Weight] = Field(default_factory=dict)
    coin: Coin
    markets: list[Listing]
    rounds: list[RoundPart] = Field(default_factory=list)
    pools: list[PoolPart]
    earnings: EarningsPart
    certificates: CertificatesPart
    marketplace: MarketplacePart
    escrow: EscrowPart
    providers: Addresses
    currencies: list[Currency]
    clearing: Quorum | None
    governor: GovernorPart

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, listed in (
            ("markets", [(one.pair, one.terms) for one in self.markets]),
            ("rounds", [(one.pair, one.terms) for one in self.rounds]),
            ("pools", [one.pair for one in self.pools]),
            ("currencies", [one.code for one in self.currencies]),
        ):
            if len(set(listed)) != len(listed):
                raise ValueError(f"{name}: one stands twice")
        if strange := self.earnings.shares.keys() - {"GCM"} - {one.pair for one in self.pools}:
            raise ValueError(f"earnings.shares: {', '.join(sorted(strange))}: GCM or a pool's pair")
        if not (is_address(self.beneficiary) or self.beneficiary == "Funds"):
            raise ValueError("beneficiary: an address or Funds")
        return self

    @property
    def earned(self) -> list[str]:
        """What fees can come in: every side of every market."""
        places: list[_Ladder | PoolPart] = [*self.markets, *self.rounds, *self.pools]
        return list(dict.fromkeys(["GCM", *(side for one in places for side in (one.base, one.quote))]))


def _power(value: Decimal) -> int | None:
    """The exponent if a value is 10 to the power of 0 to 18."""
    for exponent in range(19):
        if value == 10**exponent:
            return exponent
    return None
