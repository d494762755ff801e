"""The unprivileged account that servers run as when we are root (PostgreSQL refuses to run as root)."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from city.errors import StackError

#: In this order: one an administrator made for us, PostgreSQL's own, and the one that every system has.
CANDIDATES = ("sdot", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A system account."""

    #: Login name, as people know it.
    name: str
    uid: int
    gid: int

    def may(self, test: str, path: Path) -> bool:
        """Whether this account passes `test -x`, `-r` … on `path`, asked as that account (ACLs count, too)."""
        done = subprocess.run(
            ["/bin/sh", "-c", f'test {test} "$0"', str(path)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return done.returncode == 0


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _known(names: Iterable[str]) -> Iterable[Account]:
    for name in names:
        try:
            yield _account(pwd.getpwnam(name))
        except KeyError:
            continue


def _owner(path: Path) -> Account | None:
    if not path.exists() or path.stat().st_uid == 0:
        return None
    uid, gid = path.stat().st_uid, path.stat().st_gid
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return Account(str(uid), uid, gid)


def service_account(owned: Path) -> Account | None:
    """Whom to run servers as: None (ourselves) unless we are root.

    The owner of `owned`, where it exists, comes first: a cluster keeps its account even when another
    candidate is installed later. StackError where no candidate exists.
    """
    if os.geteuid() != 0:
        return None
    found = _owner(owned) or next(iter(_known(CANDIDATES)), None)
    if found is None:
        raise StackError(
            "PostgreSQL does not run as root, and none of the accounts "
            f"{', '.join(CANDIDATES)} exists; create one: useradd --system sdot"
        )
    return found
