# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Environment variables that every role reads. A package adds its own class on the same base with its own prefix."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.clock import Clock, clock_from


class Mode(StrEnum):
    """Whether a deployment takes real stations or simulated ones; never both."""

    DEMO = "demo"
    LIVE = "live"


class Settings(BaseSettings):
    """Shared settings. Unknown variables are ignored, wrong values are refused with their name."""

    model_config = SettingsConfigDict(env_prefix="GREENCORE_", extra="ignore", frozen=True)

    mode: Mode = Field(default=Mode.LIVE, description="demo takes simulated stations only, live takes real ones only")
    database_url: SecretStr = Field(
        default=SecretStr("postgresql+asyncpg://greencore@localhost/greencore"),
        description="PostgreSQL, SQLAlchemy form",
    )
    nats_url: SecretStr = Field(default=SecretStr("nats://localhost:4222"), description="NATS with JetStream")
    rpc_url: str = Field(default="http://localhost:8545", description="JSON-RPC of the chain")
    deployment: Path = Field(
        default=Path("deployments/local.json"), description="addresses and blocks, written by the deploy script"
    )
    clock: str = Field(default="", description="empty, or <simulated>@<wall>x<speed> for an accelerated deployment")
    log_level: str = Field(default="info", description="debug, info, warning or error")
    log_json: bool = Field(default=False, description="one JSON object a line instead of text for people")
    metrics_port: int = Field(default=0, description="port of the Prometheus metrics of this process; 0 for none")

    def make_clock(self) -> Clock:
        """The deployment's clock."""
        return clock_from(self.clock)
