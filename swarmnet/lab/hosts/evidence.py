"""Read what a host of any kind shows: its sockets, its listeners, the ends of its logs."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LISTENS_ON_22 = re.compile(r"\s*\d+: [0-9A-F]{8}:0016 [0-9A-F]{8}:0000 0A ")
"""A line of proc_net_tcp(5): local address with port 22 (0x16), no peer, state LISTEN (0x0A)."""
_PING = b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n"


def listens_on_22(proc_net_tcp: str) -> bool:
    """Return whether the text of ``/proc/net/tcp`` has a listener on port 22."""
    return any(_LISTENS_ON_22.match(line) for line in proc_net_tcp.splitlines())


def engine_pongs(path: Path, *, limit: float = 1.0) -> bool:
    """Ping the engine behind a Unix socket; it has ``limit`` seconds. The path may be of any length."""
    try:
        directory = os.open(path.parent, os.O_PATH)
    except OSError:
        # The host went away meanwhile.
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(limit)
            # Names of sockets have at most 107 bytes; this one is short whatever the directory is.
            client.connect(f"/proc/self/fd/{directory}/{path.name}")
            client.sendall(_PING)
            return b" 200 " in client.recv(64)
    except OSError:
        # Not there yet, or not answering yet.
        return False
    finally:
        os.close(directory)


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a log; empty where there is none."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
