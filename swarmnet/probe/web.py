"""Ask web servers who they are, by plain HTTP/1.0, and tell from which local address."""

from __future__ import annotations

import socket
import threading
import time

from swarmnet.probe import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMIT = 2.0
"""Seconds for one request."""
LARGEST = 64 * 1024
SHOWN = 500
"""Bytes of the body that are reported."""
THREADS = 64
PAUSE = 0.2


def get(target: str, path: str, named: str | None = None, limit: float = LIMIT) -> dict[str, object]:
    """Send one GET; return ``ok`` for any answer below 400, with status, start of the body, local address.

    ``named`` is what the request calls the server, where that is not the target; ``limit`` is in seconds.
    """
    begun = time.monotonic()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:  # a resolver would need codecs not packed
            stream.settimeout(limit)
            stream.connect(wire.endpoint(target))
            local = "{}:{}".format(*stream.getsockname()[:2])
            head = (
                f"GET {path} HTTP/1.0\r\nHost: {named or target}\r\nUser-Agent: swarmnet\r\nConnection: close\r\n\r\n"
            )
            stream.sendall(head.encode("ascii"))
            answer = _all(stream, begun + limit)
    except (OSError, UnicodeEncodeError) as error:
        why = "no answer" if isinstance(error, socket.timeout) else getattr(error, "strerror", None) or str(error)
        return {"ok": False, "why": why}
    top, _, body = answer.partition(b"\r\n\r\n")
    words = top.split(b" ", 2)
    if not top.startswith(b"HTTP/") or len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004 - version and status
        return {"ok": False, "why": "no HTTP answer", "local": local}
    return {
        "ok": int(words[1]) < 400,  # noqa: PLR2004 - the first status of errors
        "status": int(words[1]),
        "body": body[:SHOWN].decode(errors="replace"),
        "local": local,
        "ms": round((time.monotonic() - begun) * 1000, 3),
    }


def _all(stream: socket.socket, until: float) -> bytes:
    data = b""
    while len(data) < LARGEST and (not data or time.monotonic() < until):  # this program may have had no turn
        part = stream.recv(LARGEST)
        if not part:
            break
        data += part
    return data


def ask_all(task: dict[str, Any], until: float) -> dict[str, object]:
    """Ask every labelled ``host:port`` of ``targets`` for ``path``, ``times`` times, each over a connection of its own.

    Returns:
        Label to ``{"ok": all were, "tries": n, "bodies": {body: count}, "why": {reason: count}, "local": address}``.
        The first request is repeated until it is answered or the time is over; later ones are not.
    """
    path, times = str(task.get("path", "/")), int(task.get("times", 1))
    outcomes: dict[str, object] = {}
    slots = threading.BoundedSemaphore(THREADS)

    def one(label: str, target: str) -> None:
        with slots:
            outcomes[label] = _many(target, path, times, until)

    threads = [threading.Thread(target=one, args=(label, str(target))) for label, target in task["targets"].items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _many(target: str, path: str, times: int, until: float) -> dict[str, object]:
    bodies: dict[str, int] = {}
    reasons: dict[str, int] = {}
    last = get(target, path)
    while not last["ok"] and time.monotonic() + PAUSE < until:
        time.sleep(PAUSE)
        last = get(target, path)
    tries = 0
    while True:
        tries += 1
        if last["ok"]:
            body = str(last["body"])
            bodies[body] = bodies.get(body, 0) + 1
        else:
            why = str(last.get("why") or f"HTTP status {last.get('status')}")
            reasons[why] = reasons.get(why, 0) + 1
        if tries >= times or time.monotonic() >= until:
            break
        last = get(target, path)
    local = str(last.get("local", ""))
    return {"ok": not reasons and tries >= times, "tries": tries, "bodies": bodies, "why": reasons, "local": local}
