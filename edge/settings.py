# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator sets: environment variables GREENCORE_EDGE_*."""

from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PublicKeyHex = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class EdgeSettings(BaseSettings):
    """One agent reads one meter of one station. Durations end in `_s`; those of the network are wall time."""

    model_config = SettingsConfigDict(env_prefix="GREENCORE_EDGE_", extra="ignore", populate_by_name=True)

    station: UUID = Field(description="UUID of the station, as registered")
    meter_id: str = Field(default="main", max_length=64, description="which meter of the station")
    data_dir: Path = Field(default=Path("edge-data"), description="key, buffer and status live here")
    source: Literal["edge", "demo"] = Field(
        default="edge", description="demo data can never be minted on a live deployment"
    )
    rated_w: int | None = Field(
        None, gt=0, description="most power the station can deliver, W; tells a jump from energy"
    )
    load_w: int | None = Field(default=None, gt=0, description="most power the station can draw, W")

    modbus_host: str = "127.0.0.1"
    modbus_port: int = Field(default=502, ge=1, le=65535)
    modbus_unit: int = Field(default=1, ge=0, le=255)
    modbus_timeout_s: float = Field(default=3.0, gt=0, description="wait for an answer, wall time")
    modbus_retry_max_s: float = Field(
        15.0, gt=0, description="longest pause between attempts to reach the meter, wall time"
    )
    map: str = Field(default="sunspec-203", description="name of a map in edge/maps, or a path to a YAML file")

    poll_s: float = Field(default=10.0, gt=0, description="time between reads")
    boundary_lead_s: float = Field(
        default=45.0, ge=0, le=300, description="reads get dense so long before a quarter hour"
    )
    boundary_step_s: float = Field(default=5.0, gt=0, le=30, description="time between these dense reads")
    persist_s: float = Field(default=60.0, ge=0, description="the last read is written to disk at most this often")

    transport: Literal["rest", "mqtt"] = "rest"
    api_url: str = Field(default="http://127.0.0.1:8000", description="base URL of the API")
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = Field(default=1883, ge=1, le=65535)
    mqtt_user: str | None = None
    mqtt_password: SecretStr | None = None
    receipt_key: PublicKeyHex = Field(
        description="the server's Ed25519 public key; receipts not signed by it are ignored"
    )
    batch: int = Field(default=96, ge=1, le=1000, description="intervals in one delivery")
    delivery_timeout_s: float = Field(default=30.0, gt=0, description="wait for a receipt, wall time")
    retry_base_s: float = Field(default=5.0, gt=0, description="first pause after a failed delivery, wall time")
    retry_max_s: float = Field(default=300.0, gt=0, description="longest pause between deliveries, wall time")
    retention_s: float = Field(default=48 * 3600, ge=0, description="a receipted interval stays in the buffer so long")

    clock: str = Field(
        default="", validation_alias=AliasChoices("clock", "GREENCORE_CLOCK"), description="empty: system clock"
    )

    @classmethod
    def from_environment(cls) -> Self:
        """The settings as the environment gives them. Raises pydantic's ValidationError."""
        return cls()  # type: ignore[call-arg]  # the required ones come from the environment

    @property
    def receipt_key_bytes(self) -> bytes:
        """The server's public key, 32 bytes."""
        return bytes.fromhex(self.receipt_key)
