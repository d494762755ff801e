"""Free ports."""

from __future__ import annotations

import socket

from city.errors import StackError

LOOPBACK = "127.0.0.1"
#: How many ports above the wanted one are tried.
ATTEMPTS = 200
LAST_PORT = 65535


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(wanted: int, address: str = LOOPBACK, count: int = 1) -> int:
    """The first port from `wanted` on where `count` ports in a row are free; StackError where none is."""
    last = min(wanted + ATTEMPTS, LAST_PORT - count + 1)
    for port in range(wanted, last + 1):
        if all(is_free(port + k, address) for k in range(count)):
            return port
    raise StackError(f"no port from {wanted} to {last} is free on {address}")
