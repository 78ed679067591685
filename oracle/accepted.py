# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Reports as the chain accepted them: what a log of the Oracle says, without any database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chain.rpc import bytes_of
from oracle.rules import Content


@dataclass(frozen=True, slots=True)
class AcceptedReport:
    """A report as the chain accepted it, and where."""

    content: Content
    epoch: int
    block_number: int
    block_hash: bytes
    tx_hash: bytes


def accepted_report(arguments: Mapping[str, Any], log: Mapping[str, Any]) -> AcceptedReport:
    """A report from the arguments of `ReportAccepted` and the log as the chain's node wrote it."""
    content = Content(
        utility=arguments["utility"],
        slot=arguments["slot"],
        prev=arguments["prev"],
        root=arguments["root"],
        increase=arguments["increase"],
        total=arguments["total"],
        stations=arguments["stations"],
        data_hash=arguments["data_hash"],
        valid_from=arguments["valid_from"],
    )
    return AcceptedReport(
        content,
        arguments["epoch"],
        int(log["blockNumber"], 16),
        bytes_of(log["blockHash"]),
        bytes_of(log["transactionHash"]),
    )
