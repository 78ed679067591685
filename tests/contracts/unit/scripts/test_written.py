# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What is generated from the contracts is what they say now: the ABIs, and the list of who may call what."""

import pytest

from scripts import export_abi, roles
from scripts._source import deployables


def test_abis__are_the_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scripts.export_abi` mends it."""
    assert export_abi.main(["--check"]) == 0, capsys.readouterr().out


def test_roles__are_the_contracts() -> None:
    """`python -m scripts.roles` mends it."""
    text = roles.PAGE.read_text()
    assert roles.page(text) == text, "docs/contracts.md is not what the contracts say"


@pytest.mark.parametrize(
    ("contract", "who", "function"),
    [
        ("Oracle", "owner", "rotate"),
        ("Oracle", "anybody, with the signatures of a quorum", "report"),
        ("Treasury", "anybody", "claim"),
        ("EnergyToken", "Treasury", "mint"),
        ("Registry", "registrars", "register_station"),
        ("Guard", "guardians, owner", "pause"),
        ("Guard", "owner", "unpause"),
        ("OrderBook", "guardians, owner", "halt"),
        ("OrderBook", "Guard", "set_paused"),
        ("Vault", "OrderBook", "pay"),
        ("OrderBook", "Vault", "adjust"),
        ("VotingLock", "Governor", "use"),
        ("Governor", "a proposal that won", "set_rules"),
        ("Certificates", "validators", "revoke"),
        ("FiatEscrow", "arbiter", "decide"),
        ("FiatEscrow", "anybody, with a signature of the attesters", "attest"),
        ("SettlementToken", "issuers", "mint"),
        ("NetSettlement", "anybody, with the signatures of a quorum", "settle"),
        ("Pool", "pending owner", "accept_ownership"),
    ],
)
def test_roles__read_from_the_source(contract: str, who: str, function: str) -> None:
    """Every kind of check is understood, also where it stands in a function that is called."""
    assert function in roles.roles(contract)[who]


def test_roles__nobody_sets_what_is_everybodys() -> None:
    """What is called set_… belongs to an office, or concerns only who calls."""
    own = {"set_standing", "set_mandate"}
    for contract in deployables():
        loose = [name for name in roles.roles(contract).get(roles.ANYBODY, []) if name.startswith("set_")]
        assert set(loose) <= own, contract


def test_page__without_its_marks__raises() -> None:
    """A page that lost its marks is not silently left alone."""
    with pytest.raises(ValueError, match="has no"):
        roles.page("# The contracts\n")
