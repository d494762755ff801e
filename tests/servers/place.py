"""A folder for servers of one test run, swept by a later run when this one was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "sdot-test-"


class Place:
    """A new folder below `base`, locked for as long as this process lives; other users may enter it."""

    def __init__(self, base: Path) -> None:
        with _alone(base):
            _sweep(base)
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            self._lock = _open(self.path / "lock")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path.chmod(0o755)  # as root, PostgreSQL runs as another user and has to get in

    def folder(self, name: str) -> Path:
        """A new folder in the place."""
        path = self.path / name
        path.mkdir()
        return path

    def remove(self) -> None:
        """Remove the place with all in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    lock = _open(base / f"{PREFIX}{os.getuid()}.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _sweep(base: Path) -> None:
    for path in base.glob(f"{PREFIX}*/"):
        with suppress(FileNotFoundError):  # whoever had it removes it at this very moment
            if path.stat().st_uid == os.getuid() and _abandoned(path):
                shutil.rmtree(path, ignore_errors=True)


def _abandoned(path: Path) -> bool:
    lock = _open(path / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(lock)
