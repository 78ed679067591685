# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The whole check, in order, and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chain.deployment import Deployment
from chain.rpc import Rpc
from kit.errors import Unavailable
from oracle.verify.delay.rules import Open, check_delay, still_open
from oracle.verify.facts import Facts, Finding, MintSeen
from oracle.verify.reader import read_facts
from oracle.verify.reports.rules import LeavesCheck, check_chain, check_signatures, name_of, needs_leaves
from oracle.verify.source import Source
from oracle.verify.tokens.rules import check_mints, check_supply

CLEAN, TAMPERED, UNCHECKED = 0, 1, 2
_AWAY_MAX = 3
CHECKS = ("code", "chain", "signatures", "leaves", "mints", "delay", "supply")


@dataclass(frozen=True, slots=True)
class Sums:
    """One utility in figures, µWh."""

    utility: int
    reports: int
    slot: int
    stations: int
    signed: int
    minted: int
    reserve: int
    supply: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. `stations` has, by (utility, station, tenure), the newest signed and the settled register, µWh; `open`
    are the reports that nobody can claim against yet.
    """

    chain_id: int
    block: int
    reports: int
    mints: int
    sums: tuple[Sums, ...]
    stations: dict[tuple[int, int, int], tuple[int, int]]
    findings: tuple[Finding, ...]
    open: tuple[Open, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if all is right, 1 if something was tampered with, 2 if something could not be checked and nothing else is wrong."""
        if any(finding.severity == "tampering" for finding in self.findings):
            return TAMPERED
        return UNCHECKED if self.findings else CLEAN

    def to_json(self) -> dict[str, Any]:
        """For programs; amounts are decimal text in µWh."""
        return {
            "verdict": ("clean", "tampered", "unchecked")[self.exit_code],
            "chainId": self.chain_id,
            "block": self.block,
            "reports": self.reports,
            "mints": self.mints,
            "utilities": [
                {
                    "utility": s.utility,
                    "reports": s.reports,
                    "newestSlot": s.slot,
                    "stations": s.stations,
                    "signedUwh": str(s.signed),
                    "mintedUwh": str(s.minted),
                    "reserveUwh": str(s.reserve),
                    "supplyUwh": str(s.supply),
                }
                for s in self.sums
            ],
            "stations": [
                {
                    "utility": utility,
                    "station": str(UUID(int=station)),
                    "tenure": tenure,
                    "signedUwh": str(signed),
                    "settledUwh": str(settled),
                }
                for (utility, station, tenure), (signed, settled) in sorted(self.stations.items())
            ],
            "challengeable": [{"utility": o.utility, "slot": o.slot, "until": o.until} for o in self.open],
            "findings": [
                {"severity": f.severity, "check": f.check, "where": f.where, "what": f.what} for f in self.findings
            ],
        }


async def check(
    rpc: Rpc, deployment: Deployment, source: Source, *, told: Callable[[str], None] = lambda _: None
) -> Verdict:
    """Read everything and check everything. Raises Unavailable if the chain can't be read, Malformed for another chain."""
    facts = await read_facts(rpc, deployment, told=told)
    return await check_facts(facts, source, told=told)


async def check_facts(facts: Facts, source: Source, *, told: Callable[[str], None] = lambda _: None) -> Verdict:
    """Check what was read. The source is asked for the leaves of every report."""
    findings = [
        Finding("tampering", "code", name, "the code at its address is not the code that was deployed")
        for name, same in facts.codes.items()
        if not same
    ]
    told("checking the chain of reports and their signatures")
    findings += check_chain(facts)
    findings += check_signatures(facts)
    told(f"checking the leaves of {len(facts.reports)} reports")
    leaves = LeavesCheck({(mint.utility, mint.slot) for mint in facts.mints}, facts.modes)
    findings += await _check_leaves(facts, source, leaves)
    told("checking what became tokens")
    findings += check_mints(facts, leaves.rows)
    findings += check_delay(facts)
    findings += check_supply(facts)
    return Verdict(
        chain_id=facts.chain_id,
        block=facts.block,
        reports=len(facts.reports),
        mints=len(facts.mints),
        sums=tuple(_sums(facts, utility) for utility in sorted(facts.modes)),
        stations=_stations(facts, leaves),
        findings=tuple(findings),
        open=tuple(still_open(facts)),
    )


async def _check_leaves(facts: Facts, source: Source, leaves: LeavesCheck) -> list[Finding]:
    findings: list[Finding] = []
    away = 0
    wanted = [report for report in facts.reports if needs_leaves(facts, report)]
    for number, report in enumerate(wanted):
        try:
            data = await source.leaves(report.content)
            away = 0
        except Unavailable as error:
            away += 1
            findings.append(Finding("unchecked", "leaves", name_of(report.content), str(error)))
            if away == _AWAY_MAX:
                rest = [name_of(other.content) for other in wanted[number + 1 :]]
                if rest:
                    where = f"{rest[0]} to {rest[-1]}"
                    findings.append(Finding("unchecked", "leaves", where, f"{len(rest)} more files were not asked for"))
                break
            continue
        findings += leaves.take(report, data)
    return findings


def _sums(facts: Facts, utility: int) -> Sums:
    reports = [report.content for report in facts.reports if report.content.utility == utility]
    newest = reports[-1] if reports else None
    books = facts.books.get(utility)
    return Sums(
        utility=utility,
        reports=len(reports),
        slot=0 if newest is None else newest.slot,
        stations=0 if newest is None else newest.stations,
        signed=0 if newest is None else newest.total,
        minted=0 if books is None else books.minted,
        reserve=0 if books is None else books.reserve,
        supply=sum(held for token_id, held in facts.supplies.items() if _class_of(token_id) == utility),
    )


def _stations(facts: Facts, leaves: LeavesCheck) -> dict[tuple[int, int, int], tuple[int, int]]:
    settled: dict[tuple[int, int, int], int] = {}
    for mint in facts.mints:
        settled[_key(mint)] = mint.to_register
    keys = set(leaves.newest) | {key for key in settled if key[1]}
    return {key: (leaves.newest[key].mintable if key in leaves.newest else 0, settled.get(key, 0)) for key in keys}


def _key(mint: MintSeen) -> tuple[int, int, int]:
    return mint.utility, mint.station, mint.tenure


def _class_of(token_id: int) -> int:
    return token_id >> 32 & 0xFF if token_id >> 255 else token_id
