"""Become another program that dies with the parent: `python -I -S launch.py SIGNAL PARENT UID:GID|- PROGRAM …`.

Run as a script of its own, between fork and exec, because Python code between the two is unsafe in a parent
with threads (numpy and paho start some). The order matters: Linux forgets a death signal when credentials
change (prctl(2), PR_SET_PDEATHSIG), so it is set after them and survives the exec.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _become(account: str) -> None:
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, signum: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
        sys.exit(f"cannot tie this process to its parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it ended before we were tied to it
        sys.exit("the parent has ended")


def main() -> None:
    """Read the arguments, give up privileges, tie the death signal, exec."""
    signum, parent, account, *program = sys.argv[1:]
    try:
        if account != "-":
            _become(account)
        _die_with(int(parent), int(signum))
        os.execv(program[0], program)  # noqa: S606 no shell is wanted
    except OSError as error:
        sys.exit(f"cannot start {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
