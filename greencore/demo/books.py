# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's verdict: what agents sent, what the quorum signed, what the chain holds. The chain's side is read from the chain."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from eth_hash.auto import keccak

from chain.client import EnergyTokenClient, OracleClient, TreasuryClient
from chain.deployment import Deployment
from chain.rpc import Rpc
from greencore.demo.observe import View, status_of
from greencore.demo.stations import Station
from greencore.demo.trading.books import MarketSide, read_market
from greencore.stack import Stack
from kit.errors import Unavailable
from kit.ids import address_bytes, station_number
from kit.units import Utility
from oracle.rules import Leaf, Tree, parse_leaves

_E = int(Utility.E)
_NOBODY = bytes(20)


@dataclass(frozen=True, slots=True)
class ChainSide:
    """Everything that the chain says, and the leaves that hash to what it says. Energies in µWh; keys are station numbers."""

    slot: int
    total_uwh: int
    leaves: Mapping[int, Leaf]
    settled: Mapping[int, int]
    minted: Mapping[int, int]
    to_owner: Mapping[int, int]
    given: Mapping[int, int]  # what the token's own log says was minted to the station's owner
    supply_uwh: int
    issued_uwh: int
    burned_uwh: int
    market: MarketSide | None = None


async def read_chain(stations: Sequence[Station], stack: Stack) -> ChainSide:
    """Read the chain by JSON-RPC, and the newest report's leaves from whichever node has them right. Raises Unavailable."""
    deployment = Deployment.load(stack.deployment)
    async with Rpc(stack.anvil.url) as rpc:
        oracle, treasury = OracleClient(rpc, deployment), TreasuryClient(rpc, deployment)
        token = EnergyTokenClient(rpc, deployment)
        block = await rpc.block_number()
        head = await oracle.head(_E, block=block)
        leaves = await _leaves(stack, rpc, oracle, head.slot) if head.reports else []
        minted: dict[int, int] = defaultdict(int)
        to_owner: dict[int, int] = defaultdict(int)
        logs = await rpc.logs(
            addresses=[treasury.address], topics=[treasury.abi.topic("Minted")], from_block=treasury.deployed.block
        )
        for log in logs:
            decoded = treasury.abi.decode_log(log)
            if decoded is not None and decoded[1]["utility"] == _E and int(log["blockNumber"], 16) <= block:
                arguments = decoded[1]
                minted[arguments["station"]] += arguments["to_register"] - arguments["from_register"]
                to_owner[arguments["station"]] += arguments["to_owner"]
        numbers = [station_number(station.id) for station in stations]
        settled = await treasury.settled_many(_E, [(number, 1) for number in numbers], block=block)
        born, burned = await _born_and_burned(rpc, token, block)
        return ChainSide(
            slot=head.slot,
            total_uwh=head.total,
            leaves={leaf.station: leaf for leaf in leaves},
            settled={number: state.register for number, state in zip(numbers, settled, strict=True)},
            minted=minted,
            to_owner=to_owner,
            given={number: born[address_bytes(s.owner)] for number, s in zip(numbers, stations, strict=True)},
            supply_uwh=await token.total_supply(_E, block=block),
            issued_uwh=await treasury.issued(_E, block=block),
            burned_uwh=burned,
            market=await read_market(rpc, deployment) if "Vault" in deployment.contracts else None,
        )


async def _born_and_burned(rpc: Rpc, token: EnergyTokenClient, block: int) -> tuple[Counter[bytes], int]:
    """From the token's transfers alone: class tokens of E minted to each address, and burned by anybody."""
    born: Counter[bytes] = Counter()
    burned = 0
    logs = await rpc.logs(
        addresses=[token.address],
        topics=[token.abi.topic("TransferSingle")],
        from_block=token.deployed.block,
        to_block=block,
    )
    for _, values in filter(None, map(token.abi.decode_log, logs)):
        if values["_id"] == _E and values["_from"] == _NOBODY:
            born[values["_to"]] += values["_value"]
        elif values["_id"] == _E and values["_to"] == _NOBODY:
            burned += values["_value"]
    return born, burned


async def _leaves(stack: Stack, rpc: Rpc, oracle: OracleClient, slot: int) -> list[Leaf]:
    """The published leaves of a report, believed only with the hash and the root that the chain's event has."""
    topics = [
        oracle.abi.topic("ReportAccepted"),
        "0x" + _E.to_bytes(32, "big").hex(),
        "0x" + slot.to_bytes(32, "big").hex(),
    ]
    logs = await rpc.logs(addresses=[oracle.address], topics=topics, from_block=oracle.deployed.block)
    decoded = oracle.abi.decode_log(logs[-1]) if logs else None
    if decoded is None:
        raise Unavailable("demo.no_report", f"the chain has no event of the report of slot {slot}")
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        for url in stack.node_urls:
            try:
                answer = await http.get(f"{url}/leaves/{_E}/{slot}")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200 and keccak(answer.content) == decoded[1]["data_hash"]:
                leaves = parse_leaves(answer.content)
                if Tree([leaf.hash() for leaf in leaves]).root == decoded[1]["root"]:
                    return leaves
    raise Unavailable("demo.no_leaves", f"no node has the leaves of slot {slot}")


def verdict(
    stations: Sequence[Station], stack: Stack, view: View, chain: ChainSide, *, last_slot: int
) -> dict[str, Any]:
    """The whole comparison, ready for JSON. `reconciled` is true only if every sum agrees on both sides.

    `last_slot` is the newest slot that an agent recorded: as long as no report has reached it, something is still on its way.
    """
    lines = [_line(station, stack, view, chain) for station in stations]
    checks = {
        "every_recorded_slot_is_reported": chain.slot >= last_slot,
        "signed_total_is_the_sum_of_leaves": chain.total_uwh == sum(leaf.mintable for leaf in chain.leaves.values()),
        "minted_is_not_more_than_signed": sum(chain.minted.values()) <= chain.total_uwh,
        "tokens_in_circulation_are_those_issued_less_those_consumed": chain.supply_uwh
        == chain.issued_uwh - chain.burned_uwh,
        "nobody_else_was_minted_for": set(chain.minted) <= {station_number(station.id) for station in stations},
        **(chain.market.checks if chain.market is not None else {}),
    }
    return {
        "reconciled": all(checks.values()) and all(line["reconciled"] for line in lines),
        "checks": checks,
        "slot": chain.slot,
        "reports": view.grid.reports,
        "report_gas": view.grid.report_gas,
        "stations": lines,
        "market": None if chain.market is None else chain.market.told(),
    }


def _line(station: Station, stack: Stack, view: View, chain: ChainSide) -> dict[str, Any]:
    number, row, agent = station_number(station.id), view.rows[station.name], status_of(station, stack)
    leaf = chain.leaves.get(number)
    signed = leaf.mintable if leaf is not None else 0
    findings = {
        "every interval has a receipt": agent.get("pending") == 0,
        "what was receipted as accepted is stored": row.accepted == row.delivered,
        "what the quorum signed was settled": chain.settled[number] == signed,
        "what was settled was minted": chain.minted.get(number, 0) == chain.settled[number],
        "the owner was given the tokens": chain.given[number] == chain.to_owner.get(number, 0),
    }
    return {
        "name": station.name,
        "station": str(station.id),
        "owner": station.owner,
        "transport": station.transport,
        "sent": row.built,
        "accepted": row.accepted,
        "estimated": row.estimated,
        "rejected": row.rejected,
        "conflicting": row.conflicting,
        "qa_marks": row.marks,
        "meter_events": row.events,
        "oracle_uwh": str(signed),
        "chain_uwh": str(chain.minted.get(number, 0)),
        "given_uwh": str(chain.given[number]),
        "gas": row.gas,
        "reconciled": all(findings.values()),
        "findings": [text for text, holds in findings.items() if not holds],
    }
