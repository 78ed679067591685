# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A paid row of a direct utility as the mints that it stands for. Pure."""

from collections.abc import Sequence

import msgspec

from chain.direct import RowError, row_mints
from indexer.errors import NodeUnavailable
from indexer.projection import DecodedLog

_MODE_DIRECT = 3


def spread(logs: Sequence[DecodedLog]) -> list[DecodedLog]:
    """The logs with every `RowMinted` replaced by one `Minted` an owner. The first takes the row's own index, the others those
    of the transfers that follow it, which are as many: no other mint can stand there.

    Raises NodeUnavailable if the transfers are not there.
    """
    found: list[DecodedLog] = []
    for i, log in enumerate(logs):
        if (log.contract, log.event) != ("Treasury", "RowMinted"):
            found.append(log)
            continue
        utility, terms, row = log.args["utility"], log.args["terms"], log.args["row"]
        paid = [one for one in logs[i + 1 : i + 1 + len(row)] if one.event == "TransferSingle"]
        credited: list[bytes] = []
        for one in reversed(logs[:i]):
            if one.event != "PendingCredited" or one.tx_hash != log.tx_hash:
                break
            credited.insert(0, one.args["owner"])
        try:
            mints = row_mints(
                terms, row, [(one.args["_to"], one.args["_value"]) for one in paid], credited, log.address
            )
        except RowError as error:
            raise NodeUnavailable("indexer.logs_left_out", f"transaction 0x{log.tx_hash.hex()}: {error}") from error
        for offset, mint in enumerate(mints):
            args = {
                "utility": utility,
                "station": mint.station,
                "owner": mint.owner,
                "tenure": mint.tenure,
                "slot": terms >> 16,
                "from_register": mint.from_register,
                "to_register": mint.to_register,
                "to_owner": mint.to_owner,
                "reserve": mint.reserve,
                "token_id": utility,
                "mode": _MODE_DIRECT,
            }
            found.append(msgspec.structs.replace(log, event="Minted", args=args, log_index=log.log_index + offset))
    return sorted(found, key=lambda one: (one.block_number, one.log_index))
