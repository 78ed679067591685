# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator may set, as GREENCORE_INDEXER_*."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IndexerSettings(BaseSettings):
    """Defaults suit a node on the same machine and a chain that is final within the window."""

    model_config = SettingsConfigDict(env_prefix="GREENCORE_INDEXER_", extra="ignore", frozen=True)

    window: int = Field(
        default=512, ge=1, le=100_000, description="blocks whose hashes are kept: the deepest reorg that is followed"
    )
    margin: int = Field(
        default=64, ge=1, le=1_000, description="blocks below the head that are read one by one and bound to their hash"
    )
    poll_seconds: float = Field(default=0.15, gt=0, le=60, description="wall seconds between two looks at the head")
    events_per_batch: int = Field(
        default=10_000, ge=1, le=100_000, description="events that a range of blocks should bring"
    )
    in_flight: int = Field(default=4, ge=1, le=16, description="ranges asked for at the same time")
    timeout_seconds: float = Field(
        default=20, gt=0, le=300, description="wall seconds that one answer of the node may take"
    )
