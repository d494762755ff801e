"""The data folder of `sdot up`: where it is, what is in it, and that only one uses it at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path

from city.errors import StackError
from city.folder import default_data
from sdot.account import Account

#: The names whose passwords are made at the first start.
PASSWORDS = ("postgres", "sdot", "sdot_ingest", "sdot_dashboard")
#: Bytes of randomness in a password (OWASP asks for 16 and more of a machine's secret).
PASSWORD_BYTES = 24


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write `text` so that only we, or `account`, can read it, and nobody ever sees half of it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        if account is not None:
            os.fchown(file.fileno(), account.uid, account.gid)
        file.write(text)
    part.replace(path)


class DataFolder:
    """The folder and the places in it; nothing is made until `prepare`."""

    def __init__(self, path: Path | None) -> None:
        self.path = (path or default_data()).expanduser().resolve()
        self._lock = -1

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.path / "postgres"

    @property
    def sockets(self) -> Path:
        """Where PostgreSQL's socket is."""
        return self.path / "run"

    @property
    def broker(self) -> Path:
        """The broker's settings and what it keeps between runs."""
        return self.path / "broker"

    @property
    def logs(self) -> Path:
        """One log a program."""
        return self.path / "logs"

    @property
    def running(self) -> Path:
        """What other commands read to find the running stack."""
        return self.path / "running.json"

    def prepare(self) -> None:
        """Make the folder where it is missing and lock it; StackError where that cannot be."""
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                # Root's servers run as another account, which has to pass through, not to list.
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self._take_lock()
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"the data folder {self.path} cannot be used: {error.strerror}; give another with --data"
            ) from None

    def _take_lock(self) -> None:
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode().strip() or "unknown"
            raise StackError(
                f"another `sdot up` (process {holder}) uses {self.path}; stop it, or give another folder with --data"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of the lock (the end of the process does so, too)."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def admit(self, account: Account | None) -> None:
        """StackError unless `account` can pass through to this folder."""
        if account is None or account.may("-x", self.path):
            return
        blocked = next(p for p in [*reversed(self.path.parents), self.path] if not account.may("-x", p))
        raise StackError(
            f"the account {account.name}, which PostgreSQL runs as, cannot enter {blocked}; "
            f"allow it (chmod o+x {blocked}) or give a folder elsewhere with --data"
        )

    def passwords(self) -> dict[str, str]:
        """Role → password; made once."""
        path = self.path / "passwords.json"
        if not path.exists():
            made = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in PASSWORDS}
            write_private(path, json.dumps(made, indent=1))
        known: dict[str, str] = json.loads(path.read_text())
        return known

    def make(self, path: Path, account: Account | None) -> Path:
        """A folder inside, closed to all but the account that uses it."""
        path.mkdir(mode=0o700, exist_ok=True)
        if account is not None:
            os.chown(path, account.uid, account.gid)
        return path
