# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A paid row of a direct utility as the mints that it stands for. Pure."""

from collections.abc import Sequence

import msgspec

from chain.direct import RowError, minted_by
from indexer.errors import NodeUnavailable
from indexer.projection import DecodedLog


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
        try:
            mints = minted_by(logs, i, log.address, transaction=lambda one: one.tx_hash)
        except RowError as error:
            raise NodeUnavailable("indexer.logs_left_out", f"transaction 0x{log.tx_hash.hex()}: {error}") from error
        for offset, args in enumerate(mints):
            found.append(msgspec.structs.replace(log, event="Minted", args=args, log_index=log.log_index + offset))
    return sorted(found, key=lambda one: (one.block_number, one.log_index))
