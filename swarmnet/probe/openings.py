"""Open ports as a program in this network namespace would, and say how far it came: name, route, port, answer."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time

from swarmnet.probe import names, reach, web, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

THREADS = 256
"""Targets that are tried side by side: most of those that must not answer stay silent."""
ATTEMPT = 3.2
"""Seconds for one connection: a lost SYN is sent again after 1 s, and once more after 3 s."""
SHORTEST = 0.3
PAUSE = 0.3
COUNTED = 1.3
"""Seconds for a datagram that is counted where it arrives, so that no answer is needed: it is sent three times."""
LEAST = 2
"""Datagrams that are always sent."""
RESEND = 0.5
"""Seconds after which a datagram is sent again."""
OPEN, UNRESOLVABLE, REFUSED, UNREACHABLE, SILENT, WRONG = (
    "open",
    "unresolvable",
    "refused",
    "unreachable",
    "silent",
    "wrong",
)
"""How an attempt ends; wrong: the port is open, and what it says is not what was asked for."""
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)
_HELLO = bytes.fromhex("0303") + bytes(32)
"""Version 1.2 and a random value of a ClientHello."""
_SUITES = bytes.fromhex("13011302130300ffc02bc02fc02cc030009c009d002f0035")
_EXTENSIONS = bytes.fromhex(
    "000a00080006001d00170018"  # groups
    "000b00020100"  # point formats
    "000d0012001004030804040105030805050108060601"  # signatures
    "002b00050403040303"  # versions 1.3 and 1.2
)
_HANDSHAKE, _ALERT = 22, 21


def ask_all(task: dict[str, Any], until: float, server: tuple[str, int] | None = None) -> dict[str, object]:
    """Try each labelled target of ``targets``; return its outcome under the same label.

    A target has ``name`` (or an address), ``port``, ``protocol``, and ``say`` where the open port must answer, too:
    ``{"http": path, "named": host, "status": n}``, ``{"tls": true}`` or ``{"dns": name}``, each ``within`` seconds.
    One that is ``patient`` is tried until it answers or the time is over; others are tried once. One that is open is
    tried ``times`` times in all, while there is time: each backend of a balancer must have its turn.

    Returns:
        ``seen`` is one of the words above; ``why`` is for people; ``addresses`` is what the name led to; ``address`` is
        the one that the outcome is about, ``local`` the own one; ``ms`` is the time of the last attempt.
    """
    targets = list(task["targets"].items())
    outcomes: dict[str, object] = {}
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not targets:
                    return
                label, target = targets.pop()
            outcomes[label] = _until_open(target, until, server)

    threads = [threading.Thread(target=work) for _ in range(min(len(targets), THREADS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _until_open(target: dict[str, Any], until: float, server: tuple[str, int] | None) -> dict[str, object]:
    """Try once, or while patience lasts. What was begun has all of its time: a cut-short try would prove nothing."""
    last = until if target.get("patient") else None
    tries = 0
    while True:
        tries += 1
        begun = time.monotonic()
        outcome = _attempt(target, last, server)
        outcome.update(tries=tries, ms=round((time.monotonic() - begun) * 1000, 3))
        if last is None or outcome["seen"] == OPEN or time.monotonic() + PAUSE >= last:
            return _in_turn(target, outcome, until, server)
        time.sleep(PAUSE)


def _in_turn(
    target: dict[str, Any], first: dict[str, object], until: float, server: tuple[str, int] | None
) -> dict[str, object]:
    """Return how the first of further connections failed, and how many did; without one, what came of the first."""
    tries, lost = 1, []
    # A datagram says nothing of the next one: answers to some may be lost without a fault.
    often = 1 if target.get("protocol") == "udp" else int(target.get("times", 1))
    while first["seen"] == OPEN and tries < often and time.monotonic() + ATTEMPT < until:
        tries += 1
        again = _attempt(target, None, server)
        lost += [again] if again["seen"] != OPEN else []
    return {**first, **lost[0], "why": f"{len(lost)} of {tries} connections: {lost[0]['why']}"} if lost else first


def _deadline(last: float | None) -> float:
    soon = time.monotonic() + ATTEMPT
    return soon if last is None else max(time.monotonic() + SHORTEST, min(soon, last))


def _attempt(target: dict[str, Any], last: float | None, server: tuple[str, int] | None) -> dict[str, object]:
    """Try all addresses of the name until one is open; return the outcome of the last one."""
    try:
        found = reach.addresses(str(target["name"]), _deadline(last), server)
    except (OSError, ValueError) as error:
        why = "no answer" if isinstance(error, socket.timeout) else str(error)
        return {"seen": UNRESOLVABLE, "why": why, "addresses": []}
    outcome: dict[str, object] = {}
    for address in found:
        outcome = _one(address, target, _deadline(last))
        if outcome["seen"] == OPEN:
            break
    return {**outcome, "addresses": found}


def _one(address: str, target: dict[str, Any], until: float) -> dict[str, object]:
    known: dict[str, object] = {"address": address}
    try:
        if target.get("protocol") == "udp":
            return {**known, **_datagram(address, target, until)}
        with socket.socket(wire.family(address), socket.SOCK_STREAM) as stream:
            stream.settimeout(max(SHORTEST, until - time.monotonic()))
            stream.connect((address, int(target["port"])))
            known["local"] = stream.getsockname()[0]
            say = target.get("say") or {}
            if "tls" in say:
                return {**known, **_tls(stream, float(say["within"]))}
    except OSError as error:
        return {**known, "seen": kind_of(error), "why": words_of(error)}
    # Closed by now: a server that serves one client after the other would wait for this one.
    said = _http(address, int(target["port"]), say) if "http" in say else {"seen": OPEN, "why": ""}
    return {**known, **said}


def kind_of(error: OSError) -> str:
    """Return how an attempt ended that an error ended."""
    if error.errno == errno.ECONNREFUSED:
        return REFUSED
    return UNREACHABLE if error.errno in _NO_WAY else SILENT


def words_of(error: OSError) -> str:
    """Return an error in a few words."""
    return "no answer" if isinstance(error, socket.timeout) else error.strerror or str(error)


def _http(address: str, port: int, say: dict[str, Any]) -> dict[str, object]:
    said = web.get(f"{address}:{port}", str(say["http"]), named=str(say["named"]), limit=float(say["within"]))
    status, wanted = said.get("status"), int(say.get("status") or 0)
    if status is None:
        return {"seen": WRONG, "why": f"HTTP: {said.get('why')}"}
    if not (status == wanted if wanted else said["ok"]):
        return {"seen": WRONG, "why": f"HTTP status {status}", "status": status}
    return {"seen": OPEN, "why": "", "status": status}


def hello() -> bytes:
    """Return a ClientHello (RFC 5246, 8446) that any server answers, if only by an alert."""
    body = _HELLO + b"\0" + len(_SUITES).to_bytes(2, "big") + _SUITES + b"\x01\0"
    body += len(_EXTENSIONS).to_bytes(2, "big") + _EXTENSIONS
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytes([_HANDSHAKE, 3, 1]) + len(message).to_bytes(2, "big") + message


def _tls(stream: socket.socket, within: float) -> dict[str, object]:
    stream.settimeout(within)
    try:
        stream.sendall(hello())
        first = stream.recv(5)
    except OSError as error:
        return {"seen": WRONG, "why": f"TLS: {words_of(error)}"}
    if first[:2] in (bytes([_HANDSHAKE, 3]), bytes([_ALERT, 3])):
        return {"seen": OPEN, "why": ""}
    return {"seen": WRONG, "why": "TLS: the port is open, and answers something else"}


def _datagram(address: str, target: dict[str, Any], until: float) -> dict[str, object]:
    """Send datagrams until one is answered or refused; one that stays silent proves nothing here.

    Each is the target's ``marker`` (hex digits), so that it can be seen where it arrives.
    """
    asked, say = bytes.fromhex(str(target.get("marker", ""))) or os.urandom(8), target.get("say") or {}
    if "marker" in target:
        until = min(until, time.monotonic() + COUNTED)
    if "dns" in say:
        asked = names.question(1, str(say["dns"]))
        until = min(until, time.monotonic() + float(say["within"]))
    with socket.socket(wire.family(address), socket.SOCK_DGRAM) as link:
        link.connect((address, int(target["port"])))
        local = link.getsockname()[0]
        sent = 0
        while sent < LEAST or time.monotonic() < until:  # this program may have no turn until the time is over
            link.send(asked)
            sent += 1
            if select.select([link], [], [], max(0.0, min(RESEND, until - time.monotonic())))[0]:
                came = link.recv(65535)
                return {"local": local, **(_name(came) if "dns" in say else {"seen": OPEN, "why": ""})}
    return {"local": local, "seen": SILENT, "why": "no answer"}


def _name(came: bytes) -> dict[str, object]:
    try:
        _, code, found = names.answer(came)
    except ValueError as error:
        return {"seen": WRONG, "why": f"DNS: {error}"}
    return {"seen": OPEN, "why": ""} if found else {"seen": WRONG, "why": f"DNS: {code}"}
