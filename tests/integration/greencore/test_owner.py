# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The owner's command on a real chain, and what it says when something is wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from chain.client import HomePolicyClient, OracleClient, TreasuryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from greencore.accounts import private_key
from greencore.cli import main
from kit.units import Utility
from tests.conftest import Deployed

T = TypeVar("T")


@pytest.fixture
def owner(deployment: Deployed, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("GREENCORE_RPC_URL", deployment.rpc_url)
    monkeypatch.setenv("GREENCORE_DEPLOYMENT", str(deployment.path))
    monkeypatch.setenv("GREENCORE_OWNER_KEY", private_key(0))
    return lambda *words: CliRunner().invoke(main, ["owner", *words])


def chain(deployed: Deployed, question: Callable[[Rpc, Deployment], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with Rpc(deployed.rpc_url) as rpc:
            return await question(rpc, Deployment.load(deployed.path))

    return asyncio.run(ask())


def test_owner__opens_a_utility_with_its_rates(deployment: Deployed, owner: Callable[..., Result]) -> None:
    assert owner("open", "w", "--stations", "10").output == "W is open from this slot on\n"
    assert owner("open", "W", "--stations", "20").output == "W was open before; its rates are set\n"

    async def seen(rpc: Rpc, at: Deployment) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        oracle, treasury = OracleClient(rpc, at), TreasuryClient(rpc, at)
        return (
            await oracle.mode_of(Utility.W),
            tuple(await oracle.read("rate_of", Utility.W)),
            tuple(await treasury.read("rate_of", Utility.W)),
        )

    assert chain(deployment, seen) == (1, (True, 1_600_000, 0), (True, 80_000, 0))


def test_owner__sets_delay_and_coefficient(deployment: Deployed, owner: Callable[..., Result]) -> None:
    assert owner("delay", "3600").exit_code == 0
    assert owner("coefficient", "EFF", "0.25").output == "EFF: 0.25 GCM a token, from this block on\n"
    assert chain(deployment, lambda rpc, at: OracleClient(rpc, at).challenge_delay()) == 3_600
    assert chain(deployment, lambda rpc, at: HomePolicyClient(rpc, at).coefficients())[Utility.EFF] == 250_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("delay", "901"), "delay is not whole slots"),
        (("coefficient", "CRB", "1"), "not part of a home's income"),
        (("coefficient", "E", "0.0000001"), "at most six places"),
        (("coefficient", "E", "much"), "is no amount"),
        (("rate", "E", "--base-w", "1", "--stations", "1"), "rated power"),
        (("open", "X", "--stations", "1"), "Invalid value"),
    ],
)
def test_owner__wrong__is_said_in_words(owner: Callable[..., Result], words: tuple[str, ...], said: str) -> None:
    answer = owner(*words)
    assert answer.exit_code != 0
    assert said in answer.output


def test_owner__another_key__is_refused(owner: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENCORE_OWNER_KEY", private_key(5))
    answer = owner("delay", "900")
    assert answer.exit_code != 0
    assert "caller is not the owner" in answer.output
