# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Bring a network to what a configuration says, and write down where the contracts stand.

ape run deploy --network http://127.0.0.1:8545 --config scripts/development.yaml --out deployments/local.json

Run again it sends only what is missing: after an interruption, after a change of the configuration, after new contracts.
The key comes from --account (an account of Ape) or GREENCORE_DEPLOYER_KEY; on a development chain (31337) the first account
of the usual mnemonic is taken without either. GREENCORE_DEPLOY_CONFIG and GREENCORE_DEPLOYMENT stand in for --config and --out.
"""

import os
from pathlib import Path

import click
from ape import accounts, networks
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand
from ape_accounts.accounts import ApeSigner

from scripts._chain import DEVELOPMENT, Chain, Sender
from scripts._config import Config
from scripts._house import default_path
from scripts._run import Deploying, Journal

# Account 0 of the mnemonic that every development chain uses: worthless anywhere else.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def _account(chain: Chain, alias: str | None) -> AccountAPI:
    """The deployer. Raises ClickException if nobody says who it is and the chain is a real one."""
    if alias is not None:
        return accounts.load(alias)
    key = os.environ.get("GREENCORE_DEPLOYER_KEY") or (DEVELOPMENT_KEY if chain.id == DEVELOPMENT else None)
    if key is None:
        raise click.ClickException(
            f"chain {chain.id} is no development chain: name --account, or set GREENCORE_DEPLOYER_KEY"
        )
    return ApeSigner(private_key=key)


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    envvar="GREENCORE_DEPLOY_CONFIG",
    default=Path(__file__).resolve().parent / "development.yaml",
    help="YAML or JSON; scripts/development.yaml shows every field.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), envvar="GREENCORE_DEPLOYMENT", help="The deployment file to write."
)
@click.option("--account", "alias", help="An account of Ape (`ape accounts import`) that deploys.")
@click.option("--dry-run", is_flag=True, help="Only say what is missing.")
@click.option("--force", is_flag=True, help="Forget what the file describes, even if it still stands.")
def cli(config_path: Path, out: Path | None, alias: str | None, dry_run: bool, force: bool) -> None:
    """Deploy, or go on deploying, and write a deployment file."""
    config = Config.load(config_path)
    chain = Chain(networks.provider)
    journal = Journal(out or default_path(chain), chain, forget=force)
    sender = Sender(chain, _account(chain, alias), journal.signed)
    deploying = Deploying(chain, sender, config, journal)
    if dry_run:
        deploying.say_what_is_missing()
    else:
        deploying.run()
        click.echo(f"written to {journal.path}")
