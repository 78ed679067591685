# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: a live table in a terminal, a line now and then elsewhere, and in the end where to look."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chain.deployment import Deployment
from greencore.accounts import FIRST_OWNER, private_key
from greencore.demo.observe import View
from greencore.embedded.anvil import CHAIN_ID
from greencore.stack import Stack
from greencore.supervisor import State, Supervisor

_UWH_PER_WH = 1_000_000
_STYLES = {State.UP: "green", State.STARTING: "yellow", State.RESTARTING: "bold red", State.STOPPED: "dim"}
_LINE_SECONDS = 5.0


class Screen:
    """Output of the demo. In a terminal the table is redrawn in place; elsewhere plain lines are printed."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._live: Live | None = None
        self._next_line = 0.0
        self._below: Text = Text()

    def say(self, text: str) -> None:
        """One line of progress."""
        self.console.print(f"· {text}", markup=False, soft_wrap=True)

    @contextmanager
    def table(self) -> Iterator[None]:
        """The live table, for the length of a block."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, transient=False) as self._live:
            try:
                yield
            finally:
                self._live = None

    def below(self, text: str) -> None:
        """What stands under the table from now on; elsewhere it is printed once."""
        self._below = Text(text)
        if not self.console.is_terminal:
            self.console.print(text, markup=False, soft_wrap=True)

    def update(self, view: View, supervisor: Supervisor, now: datetime, *, wall: float) -> None:
        """Show the present state. `wall` is seconds since the start."""
        if self._live is not None:
            self._live.update(
                Group(_head(view, now), _stations(view), *_market(view), _processes(supervisor), self._below)
            )
        elif wall >= self._next_line:
            self._next_line = wall + _LINE_SECONDS
            self.console.print(_line(view, supervisor, now, wall), markup=False, soft_wrap=True)


def wh(uwh: int) -> str:
    """µWh as Wh with one decimal, cut off: no more is shown than there is."""
    return f"{uwh // _UWH_PER_WH:,}.{uwh % _UWH_PER_WH * 10 // _UWH_PER_WH}"


def _head(view: View, now: datetime) -> Text:
    note = "  (the database does not answer; figures are the last known)" if view.stale else ""
    return Text(
        f"simulated {now:%Y-%m-%d %H:%M} UTC   reports {view.grid.reports}"
        f"   newest slot {_slot(view.grid.slot)}   gas of reports {view.grid.report_gas:,}{note}",
        style="bold",
    )


def _slot(slot: int) -> str:
    return f"{datetime.fromtimestamp(slot * 900, UTC):%m-%d %H:%M}" if slot else "–"


def _stations(view: View) -> Table:
    table = Table(expand=False, pad_edge=False)
    table.add_column("station")
    for title in (
        "intervals",
        "delivered",
        "waiting",
        "valid",
        "raw",
        "estim.",
        "rejected",
        "Wh signed",
        "Wh minted",
        "gas",
    ):
        table.add_column(title, justify="right")
    table.add_column("QA marks; events at the meter")
    for row in view.rows.values():
        marks = "; ".join(part for part in (row.marks, row.events) if part)
        numbers = (row.built, row.delivered, row.pending, row.validated, row.raw, row.estimated, row.rejected)
        table.add_row(
            row.name, *(f"{n:,}" for n in numbers), wh(row.signed_uwh), wh(row.minted_uwh), f"{row.gas:,}", marks
        )
    return table


def _market(view: View) -> list[RenderableType]:
    """The book and who trades in it; nothing before the trading day has begun."""
    told = view.market
    if not told:
        return []
    head = Text(
        f"{told['pair']}   bid {_price(told['bid'])}   ask {_price(told['ask'])}   last {_price(told['last'])}"
        f"   trades {told['trades']:,}   volume {wh(told['volume'])} Wh, {wh(told['swapped'])} in the pool"
        f"   index {_whole(told['gcm_supply'])} GCM"
        f"   gas a trade {told['trade_gas'] // max(told['trades'], 1):,}",
        style="bold",
    )
    table = Table(expand=False, pad_edge=False)
    table.add_column("traders")
    for title in ("wallets", "orders", "trades", "E in the vault, Wh", "GCM in the vault", "consumed, Wh", "paid, RUB"):
        table.add_column(title, justify="right")
    for name, part in told["parts"].items():
        table.add_row(
            name,
            *(f"{part.get(key, 0):,}" for key in ("actors", "orders", "trades")),
            wh(part.get("e", 0)),
            _whole(part.get("gcm", 0)),
            wh(part.get("consumed", 0)),
            _money(part.get("paid_minor", 0)),
        )
    return [head, table]


def _price(price: int | None) -> str:
    return "–" if price is None else f"{price // 10**9}.{price % 10**9 // 10**5:04}"


def _whole(amount: int) -> str:
    return f"{amount // 10**9:,}.{amount % 10**9 // 10**6:03}"


def _money(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02}"


def _processes(supervisor: Supervisor) -> Text:
    text = Text()
    for member in supervisor.members.values():
        restarts = f" ↻{member.restarts}" if member.restarts else ""
        text.append(f"{member.name} {member.pid or '–'}{restarts}", style=_STYLES[member.state])
        text.append("  ")
    return text


def _line(view: View, supervisor: Supervisor, now: datetime, wall: float) -> str:
    rows = view.rows.values()
    built, delivered = sum(row.built for row in rows), sum(row.delivered for row in rows)
    signed, minted = sum(row.signed_uwh for row in rows), sum(row.minted_uwh for row in rows)
    down = [f"{m.name} {m.state.value}" for m in supervisor.members.values() if m.state is not State.UP]
    market = view.market
    traded = f"  trades {market['trades']:,}  last {_price(market['last'])}" if market else ""
    return (
        f"{wall:6.0f} s  simulated {now:%Y-%m-%d %H:%M}  intervals {built:,}  delivered {delivered:,}"
        f"  reports {view.grid.reports:,}  Wh signed {wh(signed)}  Wh minted {wh(minted)}{traded}"
        f"{'  ' + ', '.join(down) if down else ''}"
    )


def where_to_look(stack: Stack) -> str:
    """The addresses to open, and how a wallet finds the chain."""
    token = Deployment.load(stack.deployment).contract("EnergyToken").address
    return f"""
Look here
  API         {stack.api_url}/docs          GraphQL  {stack.api_url}/graphql
  stations    {stack.api_url}/api/stations  books    {stack.api_url}/api/reconciliation
  wallet      network RPC URL {stack.anvil.url}   chain id {CHAIN_ID}   symbol ETH
              token (ERC-1155) {token}  id 1 = E, 9 decimals: 1 E = 1 kWh
              first owner's key {private_key(FIRST_OWNER)} (worthless anywhere else)
  check       greencore verify --rpc {stack.anvil.url} --deployment {stack.deployment} --leaves {stack.node_urls[0]}
  logs        {stack.folder.logs}
Ctrl-C stops everything; the same command goes on from there; --fresh starts over.
"""


def told(result: dict[str, Any]) -> str:
    """The verdict for people."""
    lines = [""]
    for station in result["stations"]:
        agrees = "reconciled" if station["reconciled"] else "NOT RECONCILED: " + "; ".join(station["findings"])
        lines.append(
            f"{station['name']:<16} sent {station['sent']}  accepted {station['accepted']}  estimated {station['estimated']}"
            f"  rejected {station['rejected']}  conflicting {station['conflicting']}"
            f"  signed {wh(int(station['oracle_uwh']))} Wh  on chain {wh(int(station['chain_uwh']))} Wh  {agrees}"
        )
    wrong = [name.replace("_", " ") for name, holds in result["checks"].items() if not holds]
    lines.append("everything reconciles" if result["reconciled"] else f"IT DOES NOT RECONCILE {'; '.join(wrong)}")
    return "\n".join(lines)
