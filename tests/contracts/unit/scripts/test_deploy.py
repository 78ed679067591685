# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The deployment of everything on a real chain: whole, interrupted, repeated, changed, and handed over to the votes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ape import networks
from ape.api import AccountAPI

from chain.deployment import Deployment
from scripts._chain import Call, Chain, Sender, Sent
from scripts._config import BadConfig, Config
from scripts._house import House, container, read_deployment
from scripts._run import Deploying, Journal
from scripts._source import deployables
from scripts.show import listed, offices, owners, parameters
from scripts.verify import (
    code_differences,
    config_differences,
    creation_differences,
    market_differences,
    told_differences,
    wiring_differences,
)

DEVELOPMENT = Path(__file__).parents[4] / "scripts" / "development.yaml"


class Cut(Exception):
    """The power went."""


class Frail(Sender):
    """A sender whose machine goes down just before its transaction number `last`."""

    last = 0

    def _send(self, call: Call, gas: int, fees: Any) -> Sent:
        if self.last == 0:
            raise Cut
        self.last -= 1
        return super()._send(call, gas, fees)


@pytest.fixture
def deployer(accounts: list[AccountAPI]) -> AccountAPI:
    """Somebody who has deployed nothing yet."""
    return accounts[9]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the deployment file shall stand."""
    return tmp_path / "house.json"


@pytest.fixture
def chain() -> Chain:
    """The chain under test."""
    return Chain(networks.provider)


@pytest.fixture
def deploy(chain: Chain, deployer: AccountAPI, path: Path) -> Callable[..., Sender]:
    """Runs the deployment, up to some transaction if one is given."""

    def run(config: Config | None = None, *, cut_at: int | None = None) -> Sender:
        journal = Journal(path, chain)
        kind = Sender if cut_at is None else Frail
        sender = kind(chain, deployer, journal.signed)
        if isinstance(sender, Frail):
            sender.last = cut_at or 0
        Deploying(chain, sender, config or Config.load(DEVELOPMENT), journal).run()
        return sender

    return run


def wait_until_mined(chain: Chain, account: AccountAPI, nonce: int) -> None:
    """What an account has sent is in blocks, and it has sent no more: the node makes them when it likes, however busy it is."""
    while (found := chain.nonce(account.address)) < nonce:
        chain.pause()
    assert found == nonce


def differences(chain: Chain, path: Path) -> list[str]:
    """All that verify would print."""
    deployment = read_deployment(path)
    house = House(chain, deployment["contracts"])
    known: list[str] = []
    found = [
        *code_differences(house),
        *creation_differences(house, known),
        *wiring_differences(house),
        *told_differences(house),
        *config_differences(house, deployment["config"]),
        *market_differences(house, deployment),
    ]
    assert known == list(house)
    return found


def test_deploy__everything__then_nothing_more(
    chain: Chain, path: Path, deploy: Callable[..., Sender], deployer: AccountAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    """All contracts of the house stand and know each other; a second run sends nothing; a changed fee is one transaction."""
    deploy()
    made = read_deployment(path)
    sources = {entry.get("source", name) for name, entry in made["contracts"].items()}
    assert sources == set(deployables())
    assert differences(chain, path) == []

    before, text = deployer.nonce, path.read_text()
    deploy()
    assert (deployer.nonce, path.read_text()) == (before, text)

    config = Config.load(DEVELOPMENT)
    assert config.market is not None
    shop = config.market.marketplace.model_copy(update={"fee_bps": 75})
    capsys.readouterr()
    deploy(replace(config, market=config.market.model_copy(update={"marketplace": shop})))
    assert deployer.nonce == before + 1
    assert "Marketplace.set_fee(75)" in capsys.readouterr().out
    house = House(chain, made["contracts"])
    assert house.read("Marketplace", "fee_bps") == 75

    with pytest.raises(BadConfig, match=r"Registry.*live"):
        deploy(replace(config, live=True))


def test_verify__guard_tells_nobody__is_found(
    chain: Chain, path: Path, deploy: Callable[..., Sender], deployer: AccountAPI
) -> None:
    """The one wiring that can be undone: freezes would no longer reach the book. The next run mends it."""
    deploy()
    house = House(chain, read_deployment(path)["contracts"])
    container("Guard").at(house.address("Guard")).set_followers([], sender=deployer)
    assert list(told_differences(house)) == ["Guard.followers: the OrderBook is not told of freezes"]

    deploy()
    assert list(told_differences(house)) == []


def test_deploy__file__is_what_other_parts_read(path: Path, deploy: Callable[..., Sender]) -> None:
    """Addresses by name, ABIs by source, markets by pair."""
    deploy()
    deployment = Deployment.load(path)

    assert deployment.contract("Pool E/GCM").source == "Pool"
    assert deployment.contract("xINR").source == "SettlementToken"
    assert deployment.contract("OrderBook").source == "OrderBook"
    assert [market.pair for market in deployment.markets][:2] == ["E/GCM", "H/GCM"]
    market = deployment.market("E/GCM")
    assert (market.number, market.lot_exp, market.tick_exp, market.base_price) == (1, 6, 2, 1)
    assert deployment.rounds[0].gate == 900
    assert json.loads(path.read_text())["config"]["market"]["governor"]["quorum_bps"] == 400


def test_show__tells_owners_offices_and_markets(chain: Chain, path: Path, deploy: Callable[..., Sender]) -> None:
    """What an operator sees: every contract, every officer of the configuration, every market."""
    deploy()
    house = House(chain, read_deployment(path)["contracts"])
    config = Config.load(DEVELOPMENT)
    assert config.market is not None

    assert [line.split("  ")[0].strip() for line in owners(house)] == list(house)
    told = dict(line.split(" ", 1) for line in offices(house))
    assert all(guardian in told["Guard"] for guardian in config.guardians)
    assert all(registrar in told["Registry"] for registrar in config.registrars)
    assert config.market.certificates.validators[0] in told["Certificates"]
    assert "Certificates" in told["Marketplace"]
    values = "\n".join(parameters(house))
    assert "reserve_bps 200" in values
    assert "beneficiary Funds" in values
    assert sum("E/GCM" in line for line in listed(house)) == 2, "in the book and in the rounds"


@pytest.mark.parametrize("cut_at", [0, 4, 18, 60])
def test_deploy__interrupted__goes_on(
    chain: Chain, path: Path, deploy: Callable[..., Sender], deployer: AccountAPI, cut_at: int
) -> None:
    """After a power cut between any two transactions nothing is made twice and nothing is left out."""
    first = deployer.nonce
    with pytest.raises(Cut):
        deploy(cut_at=cut_at)
    assert not path.exists()
    wait_until_mined(chain, deployer, first + cut_at)

    deploy()
    assert differences(chain, path) == []
    made = read_deployment(path)["contracts"]
    nonces = [int(chain.ask("eth_getTransactionByHash", entry["tx"])["nonce"], 16) for entry in made.values()]
    assert sorted(nonces) == list(range(first, first + len(made)))
    assert not path.with_suffix(".progress.json").exists()


def test_deploy__key_used_meanwhile__orphans_are_made_anew(
    chain: Chain, path: Path, deploy: Callable[..., Sender], deployer: AccountAPI, accounts: list[AccountAPI]
) -> None:
    """Interrupted when the token was made for a Treasury to come, whose nonce then went into something else."""
    first = deployer.nonce
    with pytest.raises(Cut):
        deploy(cut_at=5)
    wait_until_mined(chain, deployer, first + 5)
    orphans = json.loads(path.with_suffix(".progress.json").read_text())["contracts"]
    deployer.transfer(accounts[8], 1)

    deploy()
    assert differences(chain, path) == []
    made = read_deployment(path)["contracts"]
    assert made["Guard"]["address"] == orphans["Guard"]["address"]
    assert made["Oracle"]["address"] != orphans["Oracle"]["address"]


def test_deploy__owner_governor__owns_every_parameter(
    chain: Chain, path: Path, deploy: Callable[..., Sender], deployer: AccountAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example for production, given to the votes: who deployed keeps nothing, and what the file says later is up to them."""
    config = replace(Config.load(DEVELOPMENT.with_name("production.example.yaml")), owner="Governor")
    deploy(config)
    assert differences(chain, path) == []
    house = House(chain, read_deployment(path)["contracts"])
    assert house.read("Treasury", "beneficiary") == house.address("Funds")
    governor = house.address("Governor")
    assert {house.read(name, "owner") for name in house.owned()} == {governor}
    assert {name for name in house if name not in house.owned()} >= {"EnergyToken", "Vault", "Governor", "VotingLock"}

    before = deployer.nonce
    capsys.readouterr()
    deploy(replace(config, reserve_bps=250))
    assert deployer.nonce == before
    assert "set_reserve_bps(250): differs from the configuration; up to its owner Governor" in capsys.readouterr().out


def test_journal__another_chain__is_refused(chain: Chain, path: Path) -> None:
    """A file of another network is not overwritten, unless that is asked for."""
    path.write_text(json.dumps({"chainId": 1, "contracts": {"Guard": {"address": "0x" + "1" * 40}}}))
    with pytest.raises(Exception, match="chain 1; --force"):
        Journal(path, chain)
    assert Journal(path, chain, forget=True).entries == {}
