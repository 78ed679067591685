# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Two recounts that share nothing with the product: what meters measured, and what the chain's logs say was signed and minted."""

import json
import re
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

ABI = Path(__file__).parents[3] / "chain" / "abi"
UTILITY = 1
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Meter:
    """What a meter measured, µWh by slot, written down when it was measured and never again."""

    measured: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Everything, consumption taken off."""
        return sum(self.measured.values())

    @property
    def delivered(self) -> int:
        """Only what went out: no register can ever be higher."""
        return sum(uwh for uwh in self.measured.values() if uwh > 0)


def signed_uwh(body: bytes) -> int:
    """The energy in the bytes that a device signed, by the page about the protocol and no code of ours."""
    (found,) = re.findall(rb"^meterWh=(-?\d+)$", body, re.MULTILINE)
    return int(found)


@dataclass(frozen=True)
class OnChain:
    """What the logs say: settled by station, of that the reserve that is counted and not made yet, what the token says it made,
    and the last accepted report.
    """

    minted: dict[int, int]
    reserve: int
    supply: int
    total: int
    reports: int
    data_hash: str


class Logs:
    """The chain's logs by plain JSON-RPC; the events' forms are those of the published ABIs."""

    def __init__(self, rpc_url: str, deployment: Path) -> None:
        self._url = rpc_url
        contracts = json.loads(deployment.read_text())["contracts"]
        self._addresses = {name: contracts[name]["address"] for name in ("Treasury", "Oracle", "EnergyToken")}
        self._events = {
            (contract, name): _event(contract, name)
            for contract, name in (
                ("Treasury", "Minted"),
                ("Treasury", "ReserveCollected"),
                ("Oracle", "ReportAccepted"),
                ("EnergyToken", "TransferSingle"),
            )
        }

    def read(self) -> OnChain:
        """Count everything from the first block on."""
        minted: dict[int, int] = defaultdict(int)
        reserve = -sum(log["amount"] for log in self._all("Treasury", "ReserveCollected") if log["utility"] == UTILITY)
        for log in self._all("Treasury", "Minted"):
            if log["utility"] == UTILITY:
                assert log["to_owner"] + log["reserve"] == log["to_register"] - log["from_register"]
                assert minted[log["station"]] == log["from_register"], "a claim begins where the last one ended"
                minted[log["station"]] += log["to_owner"] + log["reserve"]
                reserve += log["reserve"]
        moved = [log for log in self._all("EnergyToken", "TransferSingle") if log["_id"] == UTILITY]
        supply = sum(log["_value"] * ((log["_from"] == 0) - (log["_to"] == 0)) for log in moved)
        total, slot, last = 0, -1, ""
        reports = [log for log in self._all("Oracle", "ReportAccepted") if log["utility"] == UTILITY]
        for log in reports:
            assert log["total"] == total + log["increase"]
            assert log["slot"] > slot
            total, slot, last = log["total"], log["slot"], f"{log['data_hash']:064x}"
        return OnChain(dict(minted), reserve, supply, total, len(reports), last)

    def _all(self, contract: str, event: str) -> list[dict[str, int]]:
        topic, inputs = self._events[contract, event]
        question = {"fromBlock": "0x0", "toBlock": "latest", "address": self._addresses[contract], "topics": [topic]}
        return [_decoded(log, inputs) for log in self._rpc("eth_getLogs", question)]

    def _rpc(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with _DIRECT.open(request, timeout=60) as answer:
            return json.load(answer)["result"]


def mintable_of(leaves: bytes, data_hash: str) -> dict[int, int]:
    """By station what the last report's leaves let mint: the file that the signed hash is of, read by the protocol's page."""
    assert keccak(leaves).hex() == data_hash
    found: dict[int, int] = defaultdict(int)
    for line in leaves.decode().splitlines()[2:]:
        cells = line.split(",")
        found[int(cells[1].replace("-", ""), 16)] += int(cells[7])
    return dict(found)


def _event(contract: str, name: str) -> tuple[str, list[dict[str, Any]]]:
    entries = json.loads((ABI / f"{contract}.json").read_text())
    (inputs,) = (entry["inputs"] for entry in entries if entry["type"] == "event" and entry["name"] == name)
    signature = f"{name}({','.join(one['type'] for one in inputs)})"
    return "0x" + keccak(signature.encode()).hex(), inputs


def _decoded(log: dict[str, Any], inputs: list[dict[str, Any]]) -> dict[str, int]:
    topics = iter(log["topics"][1:])
    words = iter(re.findall("[0-9a-f]{64}", log["data"][2:]))
    return {one["name"]: int(next(topics if one["indexed"] else words), 16) for one in inputs}
