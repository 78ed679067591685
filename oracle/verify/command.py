# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore verify`: the independent check on the command line."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from chain.deployment import Deployment
from chain.rpc import Rpc
from kit.errors import GreenCoreError
from kit.units import slot_start, wh_text
from oracle.verify.check import CHECKS, CLEAN, TAMPERED, UNCHECKED, Verdict, check
from oracle.verify.source import open_source

_FINDINGS_SHOWN = 40
_STATIONS_SHOWN = 40


@click.command("verify", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--rpc",
    envvar="GREENCORE_RPC_URL",
    default="http://localhost:8545",
    show_default=True,
    help="The chain's JSON-RPC.",
)
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    envvar="GREENCORE_DEPLOYMENT",
    default="deployments/local.json",
    show_default=True,
    help="The file that the deploy script wrote.",
)
@click.option("--leaves", required=True, help="Where leaves are published: URL of a node or of the API, or a folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def main(rpc: str, deployment: Path, leaves: str, as_json: bool) -> None:
    """Check everything from the chain and the published leaves alone.

    Exit code 0: all is right. 1: something was tampered with. 2: something could not be checked.
    """
    console = Console(stderr=True, quiet=as_json)
    try:
        verdict = asyncio.run(_run(rpc, deployment, leaves, console))
    except GreenCoreError as error:
        if as_json:
            click.echo(orjson.dumps({"verdict": "unchecked", "code": error.code, "detail": str(error)}))
        else:
            console.print(f"[yellow]could not check:[/] {error}")
        sys.exit(UNCHECKED)
    if as_json:
        click.echo(orjson.dumps(verdict.to_json(), option=orjson.OPT_INDENT_2))
    else:
        show(verdict, Console())
    sys.exit(verdict.exit_code)


async def _run(rpc_url: str, path: Path, leaves: str, console: Console) -> Verdict:
    deployment = Deployment.load(path)
    source = open_source(leaves)
    try:
        async with Rpc(rpc_url, timeout_seconds=60) as rpc:
            with console.status("reading") as status:
                return await check(rpc, deployment, source, told=status.update)
    finally:
        await source.close()


def show(verdict: Verdict, console: Console) -> None:
    """Print the verdict for people."""
    console.print(f"chain {verdict.chain_id}, block {verdict.block}: {verdict.reports} reports, {verdict.mints} mints")
    table = Table("utility", "reports", "newest slot", "leaves", "signed Wh", "minted Wh", "reserve Wh", "tokens Wh")
    for s in verdict.sums:
        newest = slot_start(s.slot).strftime("%Y-%m-%d %H:%M") if s.slot else "–"
        amounts = (wh_text(amount) for amount in (s.signed, s.minted, s.reserve, s.supply))
        table.add_row(str(s.utility), str(s.reports), newest, str(s.stations), *amounts)
    console.print(table)
    _show_stations(verdict, console)
    for name in CHECKS:
        wrong = [f for f in verdict.findings if f.check == name]
        bad = any(f.severity == "tampering" for f in wrong)
        mark = "[red]TAMPERED[/]" if bad else "[yellow]unchecked[/]" if wrong else "[green]right[/]"
        console.print(f"  {name:<11} {mark}" + (f" ({len(wrong)})" if wrong else ""))
    for finding in verdict.findings[:_FINDINGS_SHOWN]:
        colour = "red" if finding.severity == "tampering" else "yellow"
        console.print(
            f"[{colour}]{finding.severity}[/] {finding.check}: {finding.where}: {finding.what}", soft_wrap=True
        )
    if len(verdict.findings) > _FINDINGS_SHOWN:
        console.print(f"… and {len(verdict.findings) - _FINDINGS_SHOWN} more; --json has all")
    if verdict.open:
        first, last = verdict.open[0], verdict.open[-1]
        console.print(
            f"{len(verdict.open)} reports can still be challenged: slot {first.slot} of utility {first.utility} until "
            f"{datetime.fromtimestamp(first.until, UTC):%Y-%m-%d %H:%M:%S} UTC, the last, slot {last.slot}, until "
            f"{datetime.fromtimestamp(last.until, UTC):%H:%M:%S}; docs/oracle.md says what to do",
            soft_wrap=True,
        )
    closing = {
        CLEAN: "[green]everything is right[/]: every token was signed for",
        TAMPERED: "[bold red]TAMPERED[/]: what the chain, the leaves and the tokens say does not fit together",
        UNCHECKED: "[yellow]not everything could be checked[/]; nothing that was looked at is wrong",
    }
    console.print(closing[verdict.exit_code])
    if not verdict.reports:
        console.print("[yellow]there is no report yet[/]: only the code was compared, and nobody was asked for leaves")


def _show_stations(verdict: Verdict, console: Console) -> None:
    if not verdict.stations or len(verdict.stations) > _STATIONS_SHOWN:
        return
    table = Table("utility", "station", "tenure", "signed Wh", "minted Wh")
    listed = verdict.to_json()["stations"]
    for row in listed:
        signed, settled = wh_text(int(row["signedUwh"])), wh_text(int(row["settledUwh"]))
        table.add_row(str(row["utility"]), row["station"], str(row["tenure"]), signed, settled)
    console.print(table)
