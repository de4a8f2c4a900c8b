"""Ports of the loopback for servers that tests start, each for one owner."""

from __future__ import annotations

import socket
from contextlib import suppress

FIRST, LAST = 20000, 29999
"""Below the range that kernels give to sockets without a port (32768 on, ip(7)): no client takes one meanwhile."""

_KEPT: list[socket.socket] = []


def free_port() -> int:
    """Reserve a port that is free for TCP and UDP; no other process of any test run gets it while this one lives.

    A name in the kernel's abstract socket namespace is the reservation: one process at a time has it, and it ends
    with the process (unix(7)).

    Raises:
        OSError: every port of the range is taken.
    """
    for port in range(FIRST, LAST + 1):
        with suppress(OSError):
            _KEPT.append(_reserve(port))
            return port
    raise OSError(f"all ports from {FIRST} to {LAST} are taken: end other test runs on this machine")


def _reserve(port: int) -> socket.socket:
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        reservation.bind(f"\0swarmnet-test-port-{port}")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as trial:
                trial.bind(("", port))
    except OSError:
        reservation.close()
        raise
    return reservation
