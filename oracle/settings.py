# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator may set of a node, as GREENCORE_ORACLE_*."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kit.units import Utility


class OracleSettings(BaseSettings):
    """One node. Delays named `close_delay` are seconds of the deployment's clock, all others seconds of the wall's."""

    model_config = SettingsConfigDict(env_prefix="GREENCORE_ORACLE_", extra="ignore", frozen=True)

    index: int = Field(default=0, ge=0, le=31, description="which of the peers this node is; for names and logs only")
    peers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="URLs of all nodes, separated by commas; this node's own may be among them"
    )
    host: str = Field(default="127.0.0.1", description="address that the node's server listens on")
    port: int = Field(default=8600, ge=0, le=65535, description="port of the node's server")
    keystore: str = Field(
        default="",
        description="path of the encrypted key, or https://host:port#0xaddress of a remote signer; 0x and the key itself in "
        "development only",
    )
    keystore_password: SecretStr = Field(default=SecretStr(""), description="the keystore's password")
    keystore_password_file: Path | None = Field(default=None, description="file whose first line is the password")
    signer_timeout_seconds: float = Field(default=5.0, gt=0, le=60, description="how long a remote signer may take")
    fee_gwei_max: int = Field(default=500, ge=1, le=1_000_000, description="the most that a gas of a report may cost")
    tip_gwei: int = Field(default=1, ge=0, le=10_000, description="what a gas of a report offers the block's proposer")
    stuck_seconds: float = Field(default=30.0, gt=0, le=3_600, description="when an unmined report's fee is raised")
    close_delay: int = Field(default=900, ge=0, le=7 * 86_400, description="how long after its end a slot closes")
    patience: float = Field(default=5.0, gt=0, le=600, description="how long each next node waits to propose a slot")
    collect_seconds: float = Field(default=10.0, gt=0, le=600, description="how long a proposer asks for signatures")
    poll_seconds: float = Field(default=1.0, gt=0, le=60, description="pause between two looks at chain and clock")
    peer_timeout_seconds: float = Field(default=10.0, gt=0, le=600, description="how long a peer may take to answer")
    deadline_hours: int = Field(default=48, ge=48, le=720, description="how long a signed report can be brought")
    confirmations: int = Field(default=0, ge=0, le=1_000, description="blocks on top of what counts as accepted")
    utilities: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(1,), description="codes, by commas; closed ones wait"
    )
    valid_from: int = Field(default=0, ge=0, lt=1 << 32, description="slot before which reports die; never lowers it")
    sign_from: int = Field(
        default=0,
        ge=0,
        lt=1 << 32,
        description="first slot to sign; set it ahead after a database was lost or restored",
    )
    operator_token: SecretStr = Field(default=SecretStr(""), description="bearer token of the operator's doors")
    undo_reports: int = Field(default=256, ge=8, le=100_000, description="reports that a reorganisation may take back")

    @field_validator("peers", mode="before")
    @classmethod
    def _urls(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("utilities", mode="before")
    @classmethod
    def _codes(cls, value: object) -> object:
        return tuple(int(part) for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("utilities")
    @classmethod
    def _computed(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) != len(value) or not set(value) <= set(Utility):
            raise ValueError("utility codes are 1 (E) to 9 (DEV), each named once")
        return tuple(sorted(value))

    def password(self) -> str:
        """The keystore's password, from its file where one is named. Raises OSError if that can't be read."""
        if self.keystore_password_file is not None:
            return self.keystore_password_file.read_text().split("\n", 1)[0]
        return self.keystore_password.get_secret_value()
