"""Try whether a name answers at a port, by TCP or by HTTP, as a program on the same network would."""

from __future__ import annotations

import socket
import time

from swarmnet.probe import names, web, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMIT = 2.0
"""Seconds for one connection."""
PAUSE = 0.3


def ask(task: dict[str, Any], until: float, server: tuple[str, int] | None = None) -> dict[str, object]:
    """Try until it answers or the time is over; return ``ok``, and ``why`` not, of the last attempt.

    The task has ``name`` and ``port``; with a ``path`` it wants an answer of HTTP, of this ``status`` or, where that is
    0, any below 400. ``server`` None asks the container's own resolver.
    """
    while True:
        outcome = _attempt(task, until, server)
        if outcome["ok"] or time.monotonic() + PAUSE >= until:
            return outcome
        time.sleep(PAUSE)


def _attempt(task: dict[str, Any], until: float, server: tuple[str, int] | None) -> dict[str, object]:
    name, port = str(task["name"]), int(task["port"])
    try:
        found = addresses(name, until, server)
    except (OSError, ValueError) as error:
        return {"ok": False, "why": f"the name has no answer: {_words(error)}"}
    outcome: dict[str, object] = {"ok": False, "why": "the name leads to no address"}
    for address in found:
        outcome = _http(address, task) if "path" in task else _tcp(address, port)
        if outcome["ok"]:
            break
    return outcome


def addresses(name: str, until: float, server: tuple[str, int] | None = None) -> list[str]:
    """Return the IPv4 addresses of a name, and an address itself; raises ``OSError`` and ``ValueError``."""
    kind = wire.family(name)
    try:
        return [socket.inet_ntop(kind, socket.inet_pton(kind, name))]
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(server or (names.resolver(), 53))
        link.settimeout(min(LIMIT, max(0.05, until - time.monotonic())))
        link.send(names.question(1, name))
        _, code, found = names.answer(link.recv(65535))
    if not found:
        raise ValueError(code)
    return found


def _tcp(address: str, port: int) -> dict[str, object]:
    try:
        with socket.socket(wire.family(address), socket.SOCK_STREAM) as stream:
            stream.settimeout(LIMIT)
            stream.connect((address, port))
    except OSError as error:
        return {"ok": False, "why": f"{address}:{port}: {_words(error)}"}
    return {"ok": True, "why": "", "address": address}


def _http(address: str, task: dict[str, Any]) -> dict[str, object]:
    target, wanted = "{}:{}".format(address, task["port"]), int(task.get("status", 0))
    said = web.get(target, str(task["path"]), named="{}:{}".format(task["name"], task["port"]))
    status = said.get("status")
    if status is None:
        return {"ok": False, "why": f"{target}: {said.get('why')}"}
    good = status == wanted if wanted else bool(said["ok"])
    return {"ok": good, "why": "" if good else f"{target}: HTTP status {status}", "address": address, "status": status}


def _words(error: Exception) -> str:
    """Return what went wrong, briefly."""
    return "no answer" if isinstance(error, socket.timeout) else getattr(error, "strerror", None) or str(error)
