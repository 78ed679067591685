# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who holds the offices of a contract: registrars, guardians, validators, issuers. Contracts answer for one account at a time;
the list is in their logs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from eth_utils.address import to_checksum_address

from chain.contract import Event
from scripts._chain import abi
from scripts._house import House

_BLOCKS_AT_ONCE = 10_000
_FLAGS = ("new", "allowed")


def holders(house: House, name: str) -> Iterator[tuple[str, list[str]]]:
    """Each office of a contract with those who hold it now."""
    events = {event.topic: event for event in abi(house.source(name)).events.values() if is_office(event)}
    if not events:
        return
    made = abi(house.source(name))
    held: dict[str, dict[str, bool]] = {office(event): {} for event in events.values()}
    for log in _logs(house, name, list(events)):
        decoded = made.decode_log(log)
        assert decoded is not None
        event, arguments = decoded
        account = to_checksum_address(arguments[made.events[event].inputs[0]["name"]])
        held[office(made.events[event])][account] = next(bool(arguments[flag]) for flag in _FLAGS if flag in arguments)
    for what, accounts in sorted(held.items()):
        yield what, sorted(account for account, active in accounts.items() if active)


def is_office(event: Event) -> bool:
    """Whether an event tells that an account was appointed or dismissed."""
    kinds = {item["name"]: item["type"] for item in event.inputs}
    first = event.inputs[0]["type"] if event.inputs else ""
    return first == "address" and event.name.endswith("Changed") and any(kinds.get(flag) == "bool" for flag in _FLAGS)


def office(event: Event) -> str:
    """What those are called whom an event appoints: RegistrarChanged tells of registrars."""
    word = event.name.removesuffix("Changed")
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return plural.lower()


def _logs(house: House, name: str, topics: list[bytes]) -> Iterator[Mapping[str, Any]]:
    last = int(house.chain.ask("eth_blockNumber"), 16)
    for first in range(int(house.entries[name]["block"]), last + 1, _BLOCKS_AT_ONCE):
        wanted = {
            "address": house.address(name),
            "topics": [["0x" + topic.hex() for topic in topics]],
            "fromBlock": hex(first),
            "toBlock": hex(min(last, first + _BLOCKS_AT_ONCE - 1)),
        }
        yield from house.chain.ask("eth_getLogs", wanted)
