"""Become a server that dies with the test run: `python child.py OPTIONS… -- COMMAND…`.

A script of its own, since code between fork and exec is unsafe where threads run, and since the kernel forgets the
death signal when a process changes its user: so first the root, then the user, then the signal, then the command.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys

#: prctl(2), from linux/prctl.h.
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Change root and user as told, tie this process to its parent, and become the command."""
    cut = arguments.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--root")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    options = parser.parse_args(arguments[:cut])
    _change(options.root, options.uid, options.gid)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, options.signal)
    if os.getppid() != options.parent:  # it died before we asked to be told
        sys.exit(1)
    command = arguments[cut + 1 :]
    os.execvp(command[0], command)


def _change(root: str | None, uid: int | None, gid: int | None) -> None:
    if root is not None:
        os.chroot(root)
        os.chdir("/")
    if gid is not None:
        os.setgroups([])
        os.setgid(gid)
    if uid is not None:
        os.setuid(uid)


if __name__ == "__main__":
    main(sys.argv[1:])
