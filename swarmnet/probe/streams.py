"""Ask many peers by TCP at once: 1 MiB with its checksum, or only who answers."""

from __future__ import annotations

import hashlib
import socket
import threading
import time

from swarmnet.probe import wire

THREADS = 256
"""Targets asked side by side: those that stay silent must not keep the others from being asked."""
CONNECT_LIMIT = 2.0
"""Seconds for one attempt to connect: one lost SYN (1 s) is survived."""
PAUSE = 0.2
PATIENCE = 5.0
"""Seconds for what was sent and is not heard yet."""


class Streams:
    """TCP questions of one run; the payload and its checksum are made once for all targets."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._payload = wire.payload(run)
        self._sha256 = hashlib.sha256(self._payload).hexdigest()

    def megabyte(self, address: str, until: float) -> dict[str, object]:
        """Send 1 MiB and compare the checksum that comes back."""
        begun = time.monotonic()
        answer = self._exchange(address, {"run": self._run, "op": "sum"}, until)
        if answer.get("sha256") == self._sha256:
            return {"ok": True, "id": str(answer.get("id")), "ms": round((time.monotonic() - begun) * 1000, 3)}
        if "why" in answer:
            return dict(answer, ok=False)
        return {"ok": False, "stage": "checksum", "why": f"{answer.get('bytes')} bytes arrived damaged"}

    def who(self, address: str, until: float) -> dict[str, object]:
        """Connect; return who answers, from which ``local`` address, and which one the other end had ``seen``."""
        begun = time.monotonic()
        answer = self._exchange(address, {"run": self._run, "op": "who"}, until)
        if "why" in answer:
            return dict(answer, ok=False)
        return {
            "ok": True,
            "id": str(answer.get("id")),
            "seen": str(answer.get("seen", "")),
            "local": str(answer["local"]),
            "ms": round((time.monotonic() - begun) * 1000, 3),
        }

    def heard(self, until: float, wanted: dict[str, list[str]]) -> dict[str, object]:
        """Return what this host's own server heard, once it heard all that is wanted: labels with senders.

        At most ``PATIENCE`` seconds are waited: a busy host, or what is between, lets packets lie for a second or more.
        """
        patience = min(until, time.monotonic() + PATIENCE)
        while True:
            answer = self._exchange("127.0.0.1", {"run": self._run, "op": "heard"}, until)
            found = answer.get("heard")
            rows = found if isinstance(found, dict) else {}
            if time.monotonic() >= patience or all(
                set(who) <= set(rows.get(label, ())) for label, who in wanted.items()
            ):
                return answer
            time.sleep(PAUSE)

    def _exchange(self, address: str, question: dict[str, object], until: float) -> dict[str, object]:
        stage = "connect"
        try:
            limit = min(CONNECT_LIMIT, max(0.05, until - time.monotonic()))
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
                stream.settimeout(limit)
                stream.connect(wire.endpoint(address))
                local = "{}:{}".format(*stream.getsockname()[:2])
                stage = "transfer"
                stream.settimeout(max(0.05, until - time.monotonic()))
                stream.sendall(wire.encode(question) + b"\n")
                if question["op"] == "sum":
                    stream.sendall(self._payload)
                answer = wire.decode(_whole_line(stream))
        except OSError as error:
            return {"stage": stage, "why": _reason(error), "errno": error.errno or 0}
        if answer is None:
            return {"stage": stage, "why": "the connection was closed without an answer"}
        return {**answer, "local": local}


def _whole_line(stream: socket.socket) -> bytes:
    with stream.makefile("rb") as lines:
        return lines.readline(1024 * 1024)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "no answer"
    return error.strerror or str(error)


def ask_all(ask: str, streams: Streams, addresses: list[str], until: float) -> list[dict[str, object]]:
    """Ask every address, each until it answered or until the time; return one outcome for each, in order."""
    outcomes: list[dict[str, object]] = [{"ok": False, "why": "was not asked", "tries": 0} for _ in addresses]
    queue = list(range(len(addresses)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not queue:
                    return
                index = queue.pop()
            outcomes[index] = _until_good(ask, streams, addresses[index], until)

    threads = [threading.Thread(target=work) for _ in range(min(len(addresses), THREADS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _until_good(ask: str, streams: Streams, address: str, until: float) -> dict[str, object]:
    tries = 0
    while True:
        tries += 1
        outcome = streams.who(address, until) if ask == "who" else streams.megabyte(address, until)
        outcome["tries"] = tries
        if outcome["ok"] or time.monotonic() + PAUSE >= until:
            return outcome
        time.sleep(PAUSE)
