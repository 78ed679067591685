# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""One run of the deployment: plan, make, set, hand over. Every step is written down before it is taken."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from eth_hash.auto import keccak

from scripts._chain import DEVELOPMENT, Call, Chain, Sender, SendFailed, Sent
from scripts._config import BadConfig, Config
from scripts._house import House, read_deployment, write
from scripts._markets import BOOK, ROUND, markets
from scripts._plan import Made, Plan, PlanError, create_address, plan, refs
from scripts._source import creation
from scripts._specs import specs
from scripts._steps import Step, acceptances, awaited, links, ownerships, parameters


class Journal:
    """The deployment file and, until a run is through, the file of its progress beside it."""

    def __init__(self, path: Path, chain: Chain, *, forget: bool = False) -> None:
        """Raises ClickException if the file is of another chain, or if what it describes has gone from a real one."""
        self.path = path
        self.chain = chain
        self.progress = path.with_suffix(".progress.json")
        found = next((read_deployment(one) for one in (self.progress, path) if one.exists()), None)
        if forget or found is None:
            found = {"chainId": chain.id, "contracts": {}}
        if found["chainId"] != chain.id:
            raise click.ClickException(f"{path} describes a deployment on chain {found['chainId']}; --force forgets it")
        self.entries: dict[str, dict[str, Any]] = found["contracts"]
        self._forget_what_is_gone()

    def _forget_what_is_gone(self) -> None:
        gone = [name for name, entry in self.entries.items() if not self.chain.code(entry["address"])]
        mined = [name for name in gone if "codeHash" in self.entries[name]]
        if mined and self.chain.id != DEVELOPMENT:
            raise click.ClickException(
                f"{', '.join(mined)}: no code at the recorded addresses; a node that lags, or another chain. --force forgets them"
            )
        for name in gone:
            del self.entries[name]

    def intend(self, made: Sequence[Made]) -> None:
        """Write down what is going to be made, before the first transaction."""
        for one in made:
            self.entries[one.spec.name] = {
                "source": one.spec.source,
                "address": one.address,
                "nonce": one.nonce,
                "args": list(one.arguments),
                "refs": refs(one.spec),
            }
        self._save()

    def signed(self, sent: Sent) -> None:
        """Write down a transaction that makes a contract, before it goes out."""
        for entry in self.entries.values():
            if sent.call.to is None and entry.get("nonce") == sent.nonce:
                entry["tx"] = sent.hash
                self._save()

    def confirm(self, name: str) -> None:
        """Write down that a contract stands, and since when."""
        entry = self.entries[name]
        receipt = self.chain.mined(entry["tx"]) if "tx" in entry else None
        if receipt is None:
            raise SendFailed(
                f"{name} stands at {entry['address']}, but the node does not know {entry.get('tx', 'its transaction')}"
            )
        entry["block"] = int(receipt["blockNumber"], 16)
        entry["codeHash"] = "0x" + keccak(self.chain.code(entry["address"])).hex()
        entry.pop("nonce", None)
        self._save()

    def finish(self, made: dict[str, Any]) -> None:
        """The deployment file itself; the progress is no longer needed."""
        order = [*made.pop("order"), *self.entries]  # what the configuration no longer names stands at the end
        write(self.path, {"chainId": self.chain.id, **made, "contracts": {name: self.entries[name] for name in order}})
        self.progress.unlink(missing_ok=True)

    def _save(self) -> None:
        write(self.progress, {"chainId": self.chain.id, "contracts": self.entries})


class Deploying:
    """Brings one network to what one configuration says."""

    def __init__(self, chain: Chain, sender: Sender, config: Config, journal: Journal) -> None:
        self.chain = chain
        self.sender = sender
        self.config = config
        self.journal = journal
        self.specs = specs(config)
        self.house = House(chain, journal.entries)

    def run(self) -> None:
        """Make what is missing, set what differs, offer what has another owner, take over what the Governor is offered.

        Raises BadConfig if the configuration contradicts what is fixed for ever, SendFailed if the network does not take it.
        """
        self._make(self._plan())
        self._set(parameters(self.house, self.config))
        self._set(links(self.house, self.config))
        self._send(ownerships(self.house, self.config, self.sender.address))
        self._send(acceptances(self.house))
        for name, owner in awaited(self.house).items():
            click.echo(f"{name}: {owner} must call accept_ownership to take it over")
        self.journal.finish(
            {
                "deployer": self.sender.address,
                "vyper": version("vyper"),
                "markets": markets(self.house, BOOK),
                "rounds": markets(self.house, ROUND),
                "config": self.config.public(),
                "order": [spec.name for spec in self.specs],
            }
        )

    def say_what_is_missing(self) -> None:
        """Print what a run would do first. What depends on contracts that do not stand yet is not known."""
        made = self._plan()
        for one in made.making:
            click.echo(f"make {one.spec.name} at {one.address}")
        if not made.making:
            for step in parameters(self.house, self.config):
                click.echo(f"set {self.house.named(str(step))}")
            for step in ownerships(self.house, self.config, self.sender.address):
                click.echo(f"offer {self.house.named(str(step))}")

    def _plan(self) -> Plan:
        standing = {name: entry for name, entry in self.journal.entries.items() if self.chain.code(entry["address"])}
        try:
            made = plan(self.specs, standing, self._address_at, self.sender.nonce)
        except PlanError as error:
            raise BadConfig(str(error)) from error
        for name in standing:
            if name not in made.orphans and "codeHash" not in standing[name]:
                self.journal.confirm(name)
        for name in made.orphans:
            click.echo(
                f"{name} at {standing[name]['address']} was made for a contract that never came to stand; making it anew"
            )
        return made

    def _address_at(self, nonce: int) -> str:
        return create_address(self.sender.address, nonce)

    def _make(self, made: Plan) -> None:
        self.journal.intend(made.making)
        for wave in sorted({one.wave for one in made.making}):
            part = [one for one in made.making if one.wave == wave]
            for one, sent in zip(part, self.sender.send([_creation(one) for one in part]), strict=True):
                if sent.nonce != one.nonce:
                    raise SendFailed(f"{one.spec.name}: somebody uses the deployer's key; run again when nobody does")
                self.journal.confirm(one.spec.name)
                click.echo(f"{one.spec.name:<14} {one.address}  block {sent.block}  gas {sent.gas:,}")

    def _set(self, steps: Iterable[Step]) -> None:
        """Send what the deployer may; say what only another owner can do."""
        wanted = list(steps)
        owners = {name: str(self.house.read(name, "owner")) for name in {step.name for step in wanted}}
        for step in wanted:
            if owners[step.name] != self.sender.address:
                owner = self.house.name_of(owners[step.name])
                click.echo(f"{self.house.named(str(step))}: differs from the configuration; up to its owner {owner}")
        self._send([step for step in wanted if owners[step.name] == self.sender.address])

    def _send(self, steps: Sequence[Step]) -> None:
        for step, sent in zip(steps, self.sender.send([step.call(self.house) for step in steps]), strict=True):
            click.echo(f"{self.house.named(str(step))}  block {sent.block}")


def _creation(made: Made) -> Call:
    return Call(None, creation(made.spec.source, made.arguments), f"making {made.spec.name}")
