"""How many connections this process may have open."""

from __future__ import annotations

import resource

from city.errors import SettingsError

#: Files that a process of ours has open besides.
_OTHERS = 100


def allow(connections: int) -> None:
    """Raise the limit of open files to what so many connections take; SettingsError where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingsError(
            f"{connections} connections need {needed} open files, and this system allows {hard}; "
            f"raise its hard limit (`ulimit -Hn {needed}` as root, or LimitNOFILE= of the service), or take fewer"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def allow_most() -> None:
    """Raise the limit as far as the system allows, for servers that are started from here and inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
