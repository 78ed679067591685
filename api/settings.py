# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator sets for the API and the worker: environment variables GREENCORE_*."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from energy.ingest.verify import default_processes
from energy.retention import Retention
from kit.settings import Settings

OPERATOR_TOKEN_MIN = 16


class DoorSettings(Settings):
    """Shared by both: the receipt key and the oracle nodes. Lists are written with commas."""

    receipt_key: Path = Field(
        default=Path("receipt.key"), description="Ed25519 key that signs receipts, PEM; made on first start, mode 0600"
    )
    oracle_nodes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="base URLs of the oracle nodes, separated by commas"
    )
    node_timeout_s: float = Field(default=10.0, gt=0, description="wait for one oracle node, wall time")
    keeper_key: SecretStr = Field(
        default=SecretStr(""),
        description="who pays for claims: path of a keystore, URL of a remote signer, or a 0x key",
    )
    keeper_fee_gwei_max: int = Field(default=500, ge=1, description="the most that a gas of a claim may cost, gwei")
    verify_processes: int = Field(
        default_factory=default_processes,
        ge=0,
        description="processes that check device signatures, started with the first large batch; 0: in the role's own",
    )
    keeper_password: Path | None = Field(default=None, description="file with the keystore's password")

    @field_validator("oracle_nodes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value


class ApiSettings(DoorSettings):
    """The API's own."""

    api_host: str = Field(default="127.0.0.1", description="address to listen on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    operator_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token of operators, 16 characters or more; empty closes their doors"
    )
    oracle_operator_token: SecretStr = Field(
        default=SecretStr(""), description="the oracle nodes' operator token; empty: the same as ours"
    )
    propose_timeout_s: float = Field(
        default=60.0, gt=0, description="wait for a node to bring a report that an operator asked for, wall time"
    )
    body_bytes_max: int = Field(default=4 << 20, gt=0, description="longest request body")
    telemetry_rate: float = Field(
        default=200.0, gt=0, description="intervals a second that one station may send, on average"
    )
    telemetry_burst: int = Field(default=20_000, ge=1_000, description="intervals that one station may send at once")
    page_max: int = Field(default=1_000, ge=1, description="most rows of one page")
    graphql_depth_max: int = Field(default=10, ge=3, description="deepest query")
    graphql_cost_max: int = Field(default=20_000, ge=100, description="most objects that a query may ask for")

    @property
    def node_token(self) -> str:
        """What the nodes are asked with."""
        return (self.oracle_operator_token or self.operator_token).get_secret_value()

    @field_validator("operator_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < OPERATOR_TOKEN_MIN:
            raise ValueError(f"an operator token has at least {OPERATOR_TOKEN_MIN} characters")
        return value


class WorkerSettings(DoorSettings):
    """The worker's own."""

    mqtt_host: str = Field(default="127.0.0.1", description="broker on which receipts are published")
    mqtt_port: int = Field(default=1883, ge=1, le=65535)
    mqtt_user: str | None = None
    mqtt_password: SecretStr | None = None
    keeper_every: int = Field(
        default=4, ge=1, description="claim when a report is so many slots past the last claimed one"
    )
    standing_least_uwh: int = Field(
        default=1, ge=1, description="carry out a standing order when so much was minted since the last time, µWh"
    )
    keep_reading_years: int = Field(
        default=0, ge=0, description="detach readings' months after so many years; 0: never, else 2 or more"
    )
    keep_rejection_days: int = Field(default=90, ge=0, description="forget refused readings after so long; 0: never")
    keep_conflict_days: int = Field(default=400, ge=0, description="forget contradicting bytes after so long; 0: never")
    keep_notice_days: int = Field(
        default=400, ge=0, description="forget notices about envelopes after so long; 0: never"
    )
    jobs_concurrency: int = Field(default=4, ge=1, description="jobs at once")

    @property
    def retention(self) -> Retention:
        """The rules of energy.retention."""
        return Retention(
            self.keep_reading_years, self.keep_rejection_days, self.keep_conflict_days, self.keep_notice_days
        )

    @field_validator("keep_reading_years")
    @classmethod
    def _not_too_short(cls, value: int) -> int:
        Retention(reading_years=value)  # raises ValueError
        return value
