# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Deploy the house to a network and write down where it stands.

ape run deploy --network http://127.0.0.1:8545 --config scripts/development.yaml --out deployments/development.json

The key comes from GREENCORE_DEPLOYER_KEY; on a development chain (31337) the first account of the usual mnemonic is
taken without it. GREENCORE_DEPLOY_CONFIG and GREENCORE_DEPLOYMENT stand in for --config and --out.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from ape import networks
from ape.api import ReceiptAPI
from ape.cli import ConnectedProviderCommand
from ape.contracts import ContractInstance
from ape_accounts.accounts import ApeSigner
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from scripts._house import MODES, ORDER, OWNED, Config, container, default_path, read_deployment

DEVELOPMENT_CHAIN = 31337
# Account 0 of the mnemonic that every development chain uses: worthless anywhere else.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


class Deployment:
    """Sends the transactions of one deployment and records them."""

    def __init__(self, account: ApeSigner, config: Config) -> None:
        self.account = account
        self.config = config
        self.contracts: dict[str, ContractInstance] = {}
        self.record: dict[str, Any] = {}

    def run(self) -> None:
        """Deploy and wire everything, then hand it over if the configuration names an owner."""
        treasury = self._predict_treasury()
        guard = self._deploy("Guard")
        registry = self._deploy("Registry", self.config.live)
        oracle = self._deploy("Oracle", registry, treasury, guard)
        token = self._deploy("EnergyToken", treasury, guard, self.config.base_uri)
        made = self._deploy(
            "Treasury", registry, oracle, token, guard, self.config.reserve_bps, self.config.beneficiary
        )
        if made != treasury:
            raise click.ClickException(
                f"the Treasury stands at {made}, not at {treasury}: somebody used the key meanwhile"
            )
        self._deploy("HomePolicy")
        self._configure()
        if self.config.owner is not None and self.config.owner != self.account.address:
            for name in OWNED:
                self._send(name, "transfer_ownership", self.config.owner)
            click.echo(
                f"{self.config.owner} must call accept_ownership on {len(OWNED)} contracts to take the house over"
            )

    def _predict_treasury(self) -> str:
        """Compute where the last contract will stand: the Oracle and the token are made for its address."""
        nonce = self.account.nonce + ORDER.index("Treasury")
        sender = bytes.fromhex(self.account.address[2:])
        return str(to_checksum_address(keccak(_rlp(sender, nonce))[12:]))

    def _deploy(self, name: str, *arguments: object) -> str:
        contract = self.account.deploy(container(name), *arguments)
        receipt = contract.creation_metadata.receipt
        self.contracts[name] = contract
        code = contract.provider.get_code(contract.address)
        self.record[name] = {
            "address": contract.address,
            "block": receipt.block_number,
            "tx": receipt.txn_hash,
            "args": list(arguments),
            "codeHash": "0x" + keccak(bytes(code)).hex(),
        }
        click.echo(f"{name:<12} {contract.address}  block {receipt.block_number}  gas {receipt.gas_used:,}")
        return str(contract.address)

    def _configure(self) -> None:
        config = self.config
        self._send("Oracle", "rotate", list(config.signers), config.k, config.faulty, 0, 0)
        for code, mode in sorted(config.utilities.items()):
            self._send("Oracle", "open_utility", code, MODES[mode])
        for code, pair in sorted(config.rates.items()):
            self._send("Oracle", "set_rate", code, *pair["grid"])
            self._send("Treasury", "set_rate", code, *pair["station"])
        if config.challenge_delay:
            self._send("Oracle", "set_challenge_delay", config.challenge_delay)
        for code, coefficient in sorted(config.coefficients.items()):
            self._send("HomePolicy", "set_coefficient", code, coefficient)
        for registrar in config.registrars:
            self._send("Registry", "set_registrar", registrar, True)
        for guardian in config.guardians:
            self._send("Guard", "set_guardian", guardian, True)

    def _send(self, name: str, method: str, *arguments: object) -> ReceiptAPI:
        receipt: ReceiptAPI = getattr(self.contracts[name], method)(*arguments, sender=self.account)
        click.echo(f"{name:<12} {method}  block {receipt.block_number}")
        return receipt


def _rlp(sender: bytes, nonce: int) -> bytes:
    """Encode [sender, nonce], the preimage of an address that CREATE makes. Both are short, so lengths fit one byte."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    tail = number if nonce and number[0] < 0x80 and len(number) == 1 else bytes([0x80 + len(number)]) + number
    body = bytes([0x80 + len(sender)]) + sender + tail
    return bytes([0xC0 + len(body)]) + body


def _account(chain_id: int) -> ApeSigner:
    """Take the deployer's key from the environment. Raises ClickException if there is none and the chain is a real one."""
    key = os.environ.get("GREENCORE_DEPLOYER_KEY") or (DEVELOPMENT_KEY if chain_id == DEVELOPMENT_CHAIN else None)
    if key is None:
        raise click.ClickException(f"chain {chain_id} is no development chain: set GREENCORE_DEPLOYER_KEY")
    return ApeSigner(private_key=key)


def _refuse_to_overwrite(path: Path, chain_id: int) -> None:
    """Refuse to forget contracts that stand: on this chain with code, or on another chain where nobody can look."""
    if not path.exists():
        return
    old = read_deployment(path)
    provider = networks.provider
    standing = old.get("chainId") != chain_id or any(
        provider.get_code(entry["address"]) for entry in old.get("contracts", {}).values()
    )
    if standing:
        raise click.ClickException(
            f"{path} describes a standing deployment on chain {old.get('chainId')}; --force forgets it"
        )


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
@click.option("--force", is_flag=True, help="Overwrite the file even if what it describes still stands.")
def cli(config_path: Path, out: Path | None, force: bool) -> None:
    """Deploy the contracts and write a deployment file."""
    config = Config.load(config_path)
    chain_id = networks.provider.chain_id
    path = out or default_path(chain_id)
    if not force:
        _refuse_to_overwrite(path, chain_id)
    deployment = Deployment(_account(chain_id), config)
    deployment.run()
    text = json.dumps(
        {
            "chainId": chain_id,
            "deployer": deployment.account.address,
            "vyper": version("vyper"),
            "contracts": deployment.record,
            "config": config.public(),
        },
        indent=1,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text + "\n")
    part.replace(path)
    click.echo(f"written to {path}")
