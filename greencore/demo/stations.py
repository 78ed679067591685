# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's stations: which measurements each replays, what is wrong with its meter, and how its agent is set up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from edge import keys
from edge.status import STATUS_FILE
from greencore.accounts import FIRST_OWNER, STATIONS_MAX, account
from greencore.embedded.ports import HOST
from greencore.embedded.program import Program
from greencore.folder import Folder
from greencore.profiles import load
from greencore.stack import Stack, answers_on
from simulator.profile import ProfileError

HOUR, DAY = 3600, 86_400
PV, PROSUMER, OTHER = 1, 2, 3
_UWH_PER_WH = 1_000_000
_HEADROOM_PERCENT = 20
_RATED_W_MIN = 1_000
# What goes wrong with the third station's meter, seconds after its first midnight; all but the rollover again every third day.
_FAULTS = (
    {"kind": "rollover", "at_s": 10 * HOUR + 400},
    {"kind": "gap", "at_s": 8 * HOUR + 600, "duration_s": 2400, "every_s": 3 * DAY},
    {"kind": "spike", "at_s": 9 * HOUR + 300, "wh": 500_000, "every_s": 3 * DAY},
    {"kind": "frozen", "at_s": 11 * HOUR + 100, "duration_s": 5400, "every_s": 3 * DAY},
)


@dataclass(frozen=True, slots=True)
class Station:
    """One station. `profile` is a built-in series or a file; powers in W; `index` is its place among the owners' accounts."""

    name: str
    profile: str
    kind: int
    transport: Literal["rest", "mqtt"]
    rated_w: int
    load_w: int
    index: int
    faults: Sequence[dict[str, Any]] = ()
    timezone: str | None = None
    step: int | None = None

    @property
    def id(self) -> UUID:
        """The station's UUID: the same for the same name, so that a restart finds it."""
        return uuid5(NAMESPACE_URL, f"greencore-demo:{self.name}")

    @property
    def owner(self) -> str:
        """The address that its tokens go to."""
        return str(account(FIRST_OWNER + self.index).address)


@dataclass(frozen=True, slots=True)
class Own:
    """A person's own file. `timezone` and `step` (seconds) are for CSV that does not tell."""

    path: Path
    timezone: str | None = None
    step: int | None = None


def plan(files: Sequence[Own]) -> list[Station]:
    """The three built-in stations and one for each file. Raises ProfileError for a file that can't be understood."""
    stations = [
        _station("pv-plant", "pv", PV, "rest", 0),
        _station("household", "household", PROSUMER, "mqtt", 1),
        _station("faulty-meter", "pv", PV, "mqtt", 2, faults=_FAULTS),
    ]
    for own in files:
        stem, number = own.path.stem[:40], 2
        name = stem
        while name in {station.name for station in stations}:
            name, number = f"{stem}-{number}", number + 1
        place = len(stations)
        if place >= STATIONS_MAX:
            raise ProfileError(str(own.path), 0, 0, f"the demo has accounts for {STATIONS_MAX} stations")
        profile = str(own.path.absolute())
        stations.append(_station(name, profile, OTHER, "mqtt", place, timezone=own.timezone, step=own.step))
    return stations


def keep(files: Sequence[Own], folder: Folder) -> list[Own]:
    """Copy files into the folder, unless they are there; returns those of this start and of all before, oldest first.

    A station that was registered once goes on at every start, also when the file has gone or was edited meanwhile.
    """
    known = [Own(Path(kept["path"]), kept["timezone"], kept["step"]) for kept in folder.recall("profiles", [])]
    for own in files:
        data = own.path.read_bytes()
        copy = folder.root / "profiles" / sha256(data).hexdigest()[:12] / own.path.name
        if copy not in {one.path for one in known}:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
            known.append(Own(copy, own.timezone, own.step))
    folder.remember("profiles", [{"path": str(one.path), "timezone": one.timezone, "step": one.step} for one in known])
    return known


def _station(
    name: str,
    profile: str,
    kind: int,
    transport: Literal["rest", "mqtt"],
    index: int,
    *,
    faults: Sequence[dict[str, Any]] = (),
    timezone: str | None = None,
    step: int | None = None,
) -> Station:
    """A station whose rated power is its greatest measured power and some headroom: what a registrar would enter."""
    measured = load(profile, timezone, step)
    rated, drawn = (
        max(max((value or 0 for value in series), default=0) * HOUR // (measured.step * _UWH_PER_WH), 1)
        for series in (measured.export_uwh, measured.import_uwh)
    )
    most = [max(power * (100 + _HEADROOM_PERCENT) // 100, _RATED_W_MIN) for power in (rated, drawn)]
    return Station(name, profile, kind, transport, most[0], most[1], index, faults, timezone, step)


def write_simulator(stations: Sequence[Station], stack: Stack, epoch: int) -> Path:
    """The simulator's configuration: one Modbus port a station, registers counted from `epoch`, unix seconds."""
    path = stack.folder.root / "simulator.json"
    described = [
        {
            "name": station.name,
            "port": modbus_port(station, stack),
            "profile": station.profile,
            "rated_w": station.rated_w,
            "timezone": station.timezone,
            "step": station.step,
            "faults": list(station.faults),
        }
        for station in stations
    ]
    path.write_text(json.dumps({"epoch": epoch, "clock": stack.clock, "stations": described}, indent=1))
    return path


def modbus_port(station: Station, stack: Stack) -> int:
    """Where the simulator serves a station's meter."""
    return stack.folder.port(f"meter-{station.name}")


def edge_folder(station: Station, stack: Stack) -> Path:
    """Where a station's agent keeps its key and its buffer."""
    return stack.folder.root / "edge" / station.name


def device_key(station: Station, stack: Stack) -> str:
    """The public key of a station's device, 64 hexadecimal digits; made now if the agent never ran."""
    return keys.public_hex(keys.load_or_create(edge_folder(station, stack), "demo"))


def simulator(stations: Sequence[Station], stack: Stack, config: Path) -> Program:
    """All meters as one process."""
    ports = [modbus_port(station, stack) for station in stations]
    program = stack.role("simulator", "--config", str(config))
    return Program(program.name, program.argv, answers_on(ports), program.environment)


def agent(station: Station, stack: Stack, *, receipt_key: str, speed: float) -> Program:
    """A station's agent, set up as an operator would: it is told a Modbus address and a server, nothing of a simulation."""
    environment = {
        "GREENCORE_EDGE_STATION": str(station.id),
        "GREENCORE_EDGE_DATA_DIR": str(edge_folder(station, stack)),
        "GREENCORE_EDGE_SOURCE": "demo",
        "GREENCORE_EDGE_RATED_W": str(station.rated_w),
        "GREENCORE_EDGE_LOAD_W": str(station.load_w),
        "GREENCORE_EDGE_MODBUS_HOST": HOST,
        "GREENCORE_EDGE_MODBUS_PORT": str(modbus_port(station, stack)),
        "GREENCORE_EDGE_MODBUS_TIMEOUT_S": "0.2",
        "GREENCORE_EDGE_MODBUS_RETRY_MAX_S": "0.5",
        "GREENCORE_EDGE_POLL_S": f"{max(10.0, speed / 10):g}",
        "GREENCORE_EDGE_TRANSPORT": station.transport,
        "GREENCORE_EDGE_API_URL": stack.api_url,
        "GREENCORE_EDGE_MQTT_HOST": HOST,
        "GREENCORE_EDGE_MQTT_PORT": str(stack.nats.mqtt_port),
        "GREENCORE_EDGE_MQTT_USER": str(station.id),
        "GREENCORE_EDGE_MQTT_PASSWORD": stack.nats.station_password(station.id),
        "GREENCORE_EDGE_RECEIPT_KEY": receipt_key,
        "GREENCORE_EDGE_RETRY_BASE_S": "0.5",
        "GREENCORE_EDGE_RETRY_MAX_S": "5",
        "GREENCORE_EDGE_DELIVERY_TIMEOUT_S": "5",
    }
    program = stack.role("edge", "run", name=f"edge-{station.name}", environment=environment)
    status = edge_folder(station, stack) / STATUS_FILE
    return Program(program.name, program.argv, lambda pid: _runs(status, pid), program.environment)


def _runs(status: Path, pid: int) -> bool:
    """Whether an agent's status file is that of a process."""
    return status.exists() and json.loads(status.read_text())["pid"] == pid
