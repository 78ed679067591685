# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The deployment's configuration: what the contracts would refuse is refused before gas is spent, with the field's name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts._config import BadConfig, Config

DEVELOPMENT = Path(__file__).parents[4] / "scripts" / "development.yaml"


def test_load__development() -> None:
    """The example is valid, and its signers come out in the order that the Oracle wants."""
    config = Config.load(DEVELOPMENT)

    assert config.k == 3
    assert [int(signer, 16) for signer in config.signers] == sorted(int(signer, 16) for signer in config.signers)
    assert config.utilities == {1: "claimed"}
    assert config.public()["utilities"] == {"1": "claimed"}
    assert (config.challenge_delay, config.rates, config.coefficients) == (0, {}, {1: 1_000_000})


def test_load__all_nine__rates_and_coefficients(tmp_path: Path) -> None:
    """What a deployment of every utility says; what is left out is what it was before there was such a field."""
    made = yaml.safe_load(DEVELOPMENT.read_text())
    made |= {"utilities": dict.fromkeys(range(1, 10), "claimed"), "challenge_delay": 3_600}
    made |= {"rates": {"3": {"grid": [8_000, 0], "station": [800, 5]}}, "coefficients": {2: "0.25", 8: 3}}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(made))

    config = Config.load(path)
    assert config.challenge_delay == 3_600
    assert config.rates == {3: {"grid": (8_000, 0), "station": (800, 5)}}
    assert config.coefficients == {2: 250_000, 8: 3_000_000}

    for field in ("challenge_delay", "rates", "coefficients"):
        del made[field]
    path.write_text(yaml.safe_dump(made))
    assert Config.load(path).challenge_delay == 0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("live", "no", "live"),
        ("reserve_bps", 99, "reserve_bps"),
        ("k", 2, "k: more than"),
        ("k", 5, "k: more than"),
        ("faulty", 2, "k: more than"),
        ("signers", [], "signers"),
        ("signers", ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"] * 4, "stands twice"),
        ("signers", ["0x" + "0" * 40], "not an address"),
        ("beneficiary", "0x1234", "beneficiary"),
        ("utilities", {10: "claimed"}, "codes are 1 to 9"),
        ("utilities", {1: "given away"}, "modes are"),
        ("base_uri", "x" * 81, "base_uri"),
        ("surprise", 1, "surprise"),
        ("challenge_delay", 901, "challenge_delay"),
        ("challenge_delay", 87_300, "challenge_delay"),
        ("rates", {1: {"grid": [1, 0], "station": [1, 0]}}, "rates: codes"),
        ("rates", {2: {"grid": [1, 0]}}, "grid and station"),
        ("rates", {2: {"grid": [1, 0], "station": [10**12 + 1, 0]}}, "rates: at most"),
        ("coefficients", {4: "1"}, "coefficients: codes"),
        ("coefficients", {1: "0.0000001"}, "six places"),
        ("coefficients", {1: "1001"}, "coefficients: 0 to"),
    ],
)
def test_load__bad_field__is_named(tmp_path: Path, field: str, value: Any, message: str) -> None:
    """One wrong field, one message."""
    made = yaml.safe_load(DEVELOPMENT.read_text())
    made[field] = value
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(made))

    with pytest.raises(BadConfig, match=message):
        Config.load(path)


@pytest.mark.parametrize(
    ("way", "value", "message"),
    [
        (("markets", 0, "base"), "GCM", "market.markets.0: .*base"),
        (("markets", 0, "quote"), "E", "market.markets.0: .*quote"),
        (("markets", 0, "lot"), "0.002", "power of ten"),
        (("markets", 0, "tick"), "0.0003", "power of ten"),
        (("markets", 0, "tick"), 0.0001, "in quotes"),
        (("markets", 0, "lowest"), "0.00015", "whole number of ticks"),
        (("markets", 0, "least"), "0.0005", "whole number of lots"),
        (("markets", 0, "taker_bps"), 101, "market.markets.0.taker_bps"),
        (("markets", 1, "base"), "E", "markets: one stands twice"),
        (("pools", 0, "treasury_bps"), 21, "treasury_bps"),
        (("coin", "total_limit"), "-1", "market.coin.total_limit"),
        (("coin", "rate"), "0", "market.coin.rate"),
        (("certificates", "lifetime_days"), 29, "lifetime_days"),
        (("marketplace", "collections"), ["Vault"], "collections"),
        (("escrow", "tier_min"), 0, "tier_min"),
        (("escrow", "arbiter"), "0x12", "market.escrow.arbiter"),
        (("currencies", 0, "code"), "rupees", "market.currencies.0.code"),
        (("currencies", 1, "code"), "INR", "currencies: one stands twice"),
        (("clearing", "k"), 2, "k: more than"),
        (("governor", "threshold"), "0", "market.governor.threshold"),
        (("governor", "delay_hours"), 0, "market.governor.delay_hours"),
        (("surprise",), 1, "market.surprise"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_load__bad_market__is_named(tmp_path: Path, way: tuple[Any, ...], value: Any, message: str) -> None:
    """One wrong field of the market, one message that tells where it stands."""
    made = yaml.safe_load(DEVELOPMENT.read_text())
    *path, last = ("market", *way)
    place = made
    for step in path:
        place = place[step]
    place[last] = value
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(made))

    with pytest.raises(BadConfig, match=message):
        Config.load(file)


def test_load__market__in_the_contracts_numbers() -> None:
    """Prices and amounts are written in whole tokens; the contracts are told exponents and units."""
    market = Config.load(DEVELOPMENT).market
    assert market is not None
    first = market.markets[0]

    assert (first.pair, first.terms) == ("E/GCM", (6, 2, 1, 5, 10, 10))
    assert (10**9 // 10**6) * 10**2 == 10**9 // 10_000, "a tick is 0.0001 GCM a kWh"
    assert market.coin.rate == 100 * 10**6
    assert market.coin.limits[1] == 1_000 * 10**9
    assert market.weights[1].weight == 10**6
    assert market.governor.rules == (100 * 10**9, 1_000 * 10**9, 400, 60, 3_600)


def test_load__production_example() -> None:
    """What the documentation tells people to begin with is a valid configuration, and a careful one."""
    config = Config.load(DEVELOPMENT.with_name("production.example.yaml"))
    assert config.live
    assert config.beneficiary == "Funds"
    assert not set(config.registrars) & set(config.signers)
    assert config.market is not None
    assert config.market.governor.rules[3:] == (86_400, 5 * 86_400)


@pytest.mark.parametrize("owner", ["Governor", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", None])
def test_load__owner(tmp_path: Path, owner: str | None) -> None:
    """An account, the votes, or whoever deploys; votes need a market to vote with."""
    made = yaml.safe_load(DEVELOPMENT.read_text()) | {"owner": owner}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(made))
    assert Config.load(path).owner == owner

    path.write_text(yaml.safe_dump(made | {"owner": "Nobody"}))
    with pytest.raises(BadConfig, match="owner"):
        Config.load(path)
    path.write_text(yaml.safe_dump(made | {"owner": "Governor", "market": None}))
    with pytest.raises(BadConfig, match="no Governor without a market"):
        Config.load(path)


def test_load__missing__is_named(tmp_path: Path) -> None:
    """No file, a missing field, and something that is no mapping."""
    with pytest.raises(BadConfig):
        Config.load(tmp_path / "none.yaml")
    path = tmp_path / "config.yaml"
    made = yaml.safe_load(DEVELOPMENT.read_text())
    del made["guardians"]
    path.write_text(yaml.safe_dump(made))
    with pytest.raises(BadConfig, match="guardians"):
        Config.load(path)
    path.write_text("[]")
    with pytest.raises(BadConfig):
        Config.load(path)
