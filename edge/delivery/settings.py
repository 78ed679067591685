# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator sets about delivery: how intervals travel, how long to wait, whom to trust."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class DeliverySettings(BaseSettings):
    """The part of the agent's settings that is about the server and the way there."""

    link: Literal["always", "metered"] = Field(
        default="always", description="metered: deliver only at the two flushes of the day, around 00:00 and 12:00 UTC"
    )
    envelope: int = Field(
        default=96, ge=0, le=1000, description="most intervals under one signature when several wait; 0: none"
    )
    upload_jitter_s: float | None = Field(
        default=None,
        ge=0,
        le=840,
        description="a delivery begins up to so long after the quarter hour; 300 by default, 0 for demo data",
    )
    fallback_s: float = Field(
        default=3600,
        ge=0,
        description="REST takes over from MQTT when no receipt came for so long, wall time; 0: never",
    )
    tls_ca: Path | None = Field(default=None, description="CA certificates (PEM) to trust instead of the system's")
    tls_cert: Path | None = Field(default=None, description="the client certificate (PEM) to show, with its chain")
    tls_key: Path | None = Field(default=None, description="the client certificate's private key (PEM)")
    mqtt_tls: bool = Field(default=False, description="MQTT over TLS; the port is 8883 at most brokers")
    reserve_mb: int = Field(
        default=16, ge=0, le=4096, description="disk space held back for intervals when everything else is full"
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(
                "tls_cert and tls_key: a client certificate needs its private key, and the other way round"
            )
        return self
