# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What an operator sets: environment variables GREENCORE_EDGE_*, or a station file, or both."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from edge.delivery.settings import DeliverySettings

PREFIX = "GREENCORE_EDGE_"
CONFIG = f"{PREFIX}CONFIG"
MeterId = Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e][\x20-\x7e]*$")]
PublicKeyHex = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class SettingsError(ValueError):
    """Settings that are missing or wrong; the message names each by its variable, or by file and key."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tcp(_Part):
    """A meter or gateway that speaks Modbus TCP, or a serial server that passes RTU frames as they are."""

    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    frames: Literal["tcp", "rtu"] = "tcp"


class Rtu(_Part):
    """A serial line that speaks Modbus RTU, eight data bits."""

    device: str = Field(min_length=1)
    baud: int = Field(default=9600, ge=300, le=1_000_000)
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    echo: bool = False


class Http(_Part):
    """A meter that answers HTTP with JSON; the map names the documents below this address."""

    url: str = Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")
    user: str = ""
    password: SecretStr = SecretStr("")
    digest: bool = False


class MeterSettings(_Part):
    """One meter of the station: where it is, and how to read it. Exactly one of `tcp`, `rtu`, `http`.

    The pauses are the map's where they are left out; `roles` says what registers of the map mean at this place.
    """

    id: MeterId = "main"
    map: str = Field(min_length=1)
    unit: int = Field(default=1, ge=0, le=255)
    tcp: Tcp | None = None
    rtu: Rtu | None = None
    http: Http | None = None
    roles: dict[str, str | None] = {}
    pause_ms: int | None = Field(default=None, ge=0, le=60_000)
    connect_pause_ms: int | None = Field(default=None, ge=0, le=60_000)
    close_after_read: bool | None = None
    rated_w: int | None = Field(default=None, gt=0)
    load_w: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        if sum(door is not None for door in (self.tcp, self.rtu, self.http)) != 1:
            raise ValueError("name one of tcp, rtu and http")
        serial = self.rtu is not None or (self.tcp is not None and self.tcp.frames == "rtu")
        if serial and not 1 <= self.unit <= 247:
            raise ValueError("unit is 1 to 247 on a serial line")
        return self

    @property
    def door(self) -> Tcp | Rtu | Http:
        """Where it is."""
        found = self.tcp or self.rtu or self.http
        assert found is not None  # _one_door
        return found


class EdgeSettings(DeliverySettings):
    """One agent reads the meters of one station. Durations end in `_s`; those of the network are wall time.

    A station file names the meters; without one the variables METER_ID to MAP describe the only one.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True)

    config: Path | None = Field(default=None, description="station file, YAML; docs/edge.md")
    station: UUID = Field(description="UUID of the station, as registered")
    meters: tuple[MeterSettings, ...] = Field(default=(), description="the station's meters; from the station file")
    meter_id: MeterId = Field(default="main", description="which meter of the station")
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
    modbus_device: str = Field(default="", description="serial line of the meter, such as /dev/ttyUSB0; empty: TCP")
    modbus_baud: int = Field(default=9600, ge=300, le=1_000_000)
    modbus_parity: Literal["none", "even", "odd"] = "none"
    modbus_stop_bits: int = Field(default=1, ge=1, le=2)
    modbus_timeout_s: float = Field(
        default=3.0, gt=0, description="wait for an answer, wall time; 1 on a serial line unless set"
    )
    modbus_late_s: float = Field(
        default=2.0, ge=0, description="a serial answer may come so long after its time-out, wall time"
    )
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
    def from_environment(cls, config: Path | None = None) -> Self:
        """The settings of the environment and of the station file that it or `config` names. Raises SettingsError.

        A variable overrules the file, so that a password need not stand in it.
        """
        path = config or (Path(os.environ[CONFIG]) if os.environ.get(CONFIG) else None)
        told = {} if path is None else _told(path)
        try:
            return cls(**{"config": path} | told)
        except ValidationError as error:
            lines = "\n".join(f"  {line}" for line in _lines(error, path, told))
            raise SettingsError(f"settings that are missing or wrong:\n{lines}") from error

    @model_validator(mode="after")
    def _meters_agree(self) -> Self:
        seen: dict[str, Rtu] = {}
        frames: dict[tuple[str, int], str] = {}
        units: set[tuple[Tcp | Rtu | Http, int, str]] = set()
        ids = [meter.id for meter in self.all_meters]
        if len(set(ids)) != len(ids):
            raise ValueError(f"meters: every id stands once, not {', '.join(ids)}")
        for meter in self.all_meters:
            if meter.rtu is not None and seen.setdefault(meter.rtu.device, meter.rtu) != meter.rtu:
                raise ValueError(
                    f"meters: {meter.rtu.device} has one baud rate, parity and number of stop bits for all"
                )
            if (
                meter.tcp is not None
                and frames.setdefault((meter.tcp.host, meter.tcp.port), meter.tcp.frames) != meter.tcp.frames
            ):
                raise ValueError(f"meters: {meter.tcp.host}:{meter.tcp.port} has one kind of frames for all")
            if (place := (meter.door, meter.unit, meter.map)) in units:
                raise ValueError(
                    f"meters: {meter.id} is another meter's unit and map again; its energy would count twice"
                )
            units.add(place)
        return self

    @property
    def all_meters(self) -> tuple[MeterSettings, ...]:
        """The meters of the station file, or the one that the variables describe."""
        if self.meters:
            return self.meters
        door: dict[str, Any] = {"tcp": Tcp(host=self.modbus_host, port=self.modbus_port)}
        if self.modbus_device:
            stop_bits: Literal[1, 2] = 2 if self.modbus_stop_bits == 2 else 1
            line = Rtu(device=self.modbus_device, baud=self.modbus_baud, parity=self.modbus_parity, stop_bits=stop_bits)
            door = {"rtu": line}
        return (
            MeterSettings(
                id=self.meter_id,
                map=self.map,
                unit=self.modbus_unit,
                rated_w=self.rated_w,
                load_w=self.load_w,
                **door,
            ),
        )

    @property
    def receipt_key_bytes(self) -> bytes:
        """The server's public key, 32 bytes."""
        return bytes.fromhex(self.receipt_key)


def _told(path: Path) -> dict[str, Any]:
    """What a station file says and the environment does not say otherwise. Raises SettingsError."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: a station file is a list of `key: value`, such as `station: …`; docs/edge.md")
    strange = sorted(str(key) for key in found if key not in EdgeSettings.model_fields or key == "config")
    if strange:
        raise SettingsError(
            f"{path}: unknown keys: {', '.join(strange)}; they are the variables' names in small letters"
        )
    if "meters" in found and not found["meters"]:
        raise SettingsError(f"{path}: meters: name at least one")
    alone = sorted(_ONE_METER & found.keys()) if "meters" in found else []
    if alone:
        raise SettingsError(f"{path}: {', '.join(alone)}: belongs to each entry of meters")
    beside = path.resolve().parent
    for key, value in found.items():
        if isinstance(value, str) and Path in (kind := EdgeSettings.model_fields[key].annotation, *get_args(kind)):
            found[key] = beside / value
    for meter in found["meters"] if isinstance(found.get("meters"), list) else ():
        if isinstance(meter, dict) and str(meter.get("map")).endswith((".yaml", ".yml")):
            meter["map"] = str(beside / str(meter["map"]))
    return {
        key: value for key, value in found.items() if not {PREFIX + key.upper(), _ALIAS.get(key, "")} & {*os.environ}
    }


_ALIAS = {"clock": "GREENCORE_CLOCK"}
_ONE_METER = frozenset(
    ("meter_id", "map", "rated_w", "load_w", "modbus_host", "modbus_port", "modbus_unit", "modbus_device")
)


def _lines(error: ValidationError, path: Path | None, told: Mapping[str, Any]) -> Iterator[str]:
    """Every fault with its variable, or with its file and key."""
    for fault in error.errors():
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "there is no such setting; is it misspelled? docs/edge.md lists all"
        elif fault["loc"] == ("receipt_key",) and fault["type"] == "string_pattern_mismatch":
            message = "64 hexadecimal digits, as GET /api/telemetry/receipt-key tells them"
        place = fault["loc"]
        if place and place[0] not in told and place[0] != "meters":
            file = f" (or {place[0]} in {path})" if path is not None else ""
            yield f"{PREFIX}{'_'.join(map(str, place)).upper()}{file}: {message}"
            continue
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        yield f"{path or 'settings'}: {key}: {message}" if key else f"{path or 'settings'}: {message}"
