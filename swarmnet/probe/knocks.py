"""Knock at one door many times, by a fresh connection each: who opens, how often, and how it sees who knocks."""

from __future__ import annotations

import os
import socket
import threading
import time

from swarmnet.probe import wire

ATTEMPT = 2.0
"""Seconds for one knock, if there are ten for all, else a fifth, but not less than ``SHORTEST``."""
SHORTEST = 1.5
"""Seconds that any knock is given: one lost SYN, which is sent again after 1 s, is survived."""
PATIENCE = 6.0
"""Seconds in which a knock may still be answered, while others go on: a busy host gives its programs no turn for a
second or more, and each of its answers takes several."""
RESEND = 0.6
"""Seconds after which a datagram counts as lost, and is sent again."""
PAUSE = 0.1
EAGER = 4
"""Knocks for each expected answerer without a pause between, before it is waited for."""
WARM = 0.6
"""Share of the time in which the expected may come up, before counting begins."""
ADDRESSES = 8
"""Different addresses that are reported."""


class Door:
    """An address with a port: ``tcp`` and ``udp`` ask who answers, ``open`` connects and says nothing."""

    def __init__(self, run: str, address: str, port: int, protocol: str) -> None:
        self._run = run
        self._to = (address, port or wire.PORT)
        self._family = wire.family(address)
        self.only_opens = protocol == "open"
        """Whether the kernel of the other end answers by itself."""
        self._knock = {"tcp": self._tcp, "udp": self._udp, "open": self._open}[protocol]

    def knock(self, until: float) -> dict[str, object]:
        """Return what was answered (``id``, ``peer``), the own address, and milliseconds; raises ``OSError``."""
        begun = time.monotonic()
        answer = self._knock(until)
        return dict(answer, ms=round((time.monotonic() - begun) * 1000, 3))

    def _open(self, until: float) -> dict[str, object]:
        with socket.socket(self._family, socket.SOCK_STREAM) as stream:
            stream.settimeout(_left(until))
            stream.connect(self._to)
            return {"id": "", "local": stream.getsockname()[0]}

    def _tcp(self, until: float) -> dict[str, object]:
        with socket.socket(self._family, socket.SOCK_STREAM) as stream:
            stream.settimeout(_left(until))
            stream.connect(self._to)
            stream.sendall(wire.encode({"run": self._run, "op": "who"}) + b"\n")
            message = wire.decode(wire.read_line(stream, until))
            if message is None:
                raise OSError(0, "the connection was closed without an answer of the probe")
            return {
                "id": str(message.get("id")),
                "peer": str(message.get("seen")).rpartition(":")[0],
                "local": stream.getsockname()[0],
            }

    def _udp(self, until: float) -> dict[str, object]:
        nonce = os.urandom(8).hex()
        question = wire.encode({"run": self._run, "nonce": nonce, "from": "", "network": ""})
        with socket.socket(self._family, socket.SOCK_DGRAM) as link:
            link.connect(self._to)
            while True:
                link.send(question)
                link.settimeout(min(_left(until), RESEND))
                try:
                    message = wire.decode(link.recv(65535))
                except socket.timeout:  # noqa: UP041 - no TimeoutError before Python 3.10
                    if time.monotonic() >= until:
                        raise
                    continue
                if message is not None and message.get("nonce") == nonce:
                    return {
                        "id": str(message.get("id")),
                        "peer": str(message.get("seen")).rpartition(":")[0],
                        "local": link.getsockname()[0],
                    }


class _Knock:
    """One knock that goes on for ``PATIENCE`` seconds, also after others have begun."""

    def __init__(self, door: Door, seconds: float) -> None:
        self._door = door
        self._begun = time.monotonic()
        self._until = self._begun + seconds
        self.answer: dict[str, object] | None = None
        self.error: OSError | None = None
        self.took = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._door.knock(self._until)
        except OSError as error:
            self.error = error
        self.took = time.monotonic() - self._begun

    def is_over(self, wait: float | None = None) -> bool:
        """Return whether it ended, within these seconds or, with None, until its own end."""
        self._thread.join(wait)
        return not self._thread.is_alive()


class Tally:
    """What came of all knocks at one door.

    Each that was begun is given all of its time, also beyond the end of all: one that is cut short would count as lost,
    and not to count it would hide a task that never answers. After ``attempt`` seconds the next one begins, and an
    answer counts that comes later.
    """

    def __init__(self, attempt: float, patience: float = PATIENCE) -> None:
        self._attempt = attempt
        self._patience = max(attempt, patience)
        self._late: list[_Knock] = []
        self.seen: dict[str, int] = {}
        self.lost = 0
        self.why = ""
        self.longest = 0.0
        self._times: list[float] = []
        self._peers: dict[str, None] = {}
        self._locals: dict[str, None] = {}

    def knock(self, door: Door) -> bool:
        """Knock once; return whether it was answered within an attempt."""
        one = _Knock(door, self._patience)
        if not one.is_over(self._attempt):
            self._late.append(one)
            self._take_late()
            return False
        self._count(one)
        return one.answer is not None

    def settle(self) -> None:
        """Wait for the end of all that was begun."""
        self._take_late(None)

    def _take_late(self, wait: float | None = 0.0) -> None:
        over = [one for one in self._late if one.is_over(wait)]
        self._late = [one for one in self._late if one not in over]
        for one in over:
            self._count(one)

    def _count(self, one: _Knock) -> None:
        if one.answer is None:
            self.lost += 1
            error = one.error or OSError(0, "no answer")
            is_silent = isinstance(error, socket.timeout)
            self.why = "no answer" if is_silent else error.strerror or str(error)
            if is_silent:
                self.longest = max(self.longest, one.took)
            return
        answer = one.answer
        self.seen[str(answer["id"])] = self.seen.get(str(answer["id"]), 0) + 1
        self._times.append(float(str(answer["ms"])))
        for found, key in ((self._peers, "peer"), (self._locals, "local")):
            if answer.get(key) and len(found) < ADDRESSES:
                found[str(answer[key])] = None

    def outcome(self, earlier: tuple[str, ...] = ()) -> dict[str, object]:
        """Return the count: ``ok`` when nothing was lost; ``reached``: who answered now, or ``earlier``."""
        times = sorted(self._times)
        return {
            "ok": bool(self.seen) and not self.lost,
            "seen": self.seen,
            "reached": sorted({*self.seen, *earlier}),
            "lost": self.lost,
            "tries": self.lost + sum(self.seen.values()),
            "why": self.why,
            "peers": list(self._peers),
            "locals": list(self._locals),
            "ms": times[len(times) // 2] if times else None,
            "longest": round(self.longest, 3),  # of those that nothing answered
        }


def at_door(door: Door, expected: list[str], times: int, until: float) -> dict[str, object]:
    """Wait until all expected have answered, then knock ``times`` times and count; return the count.

    No knock is begun after ``until``, so a busy host counts few: ``reached`` has all who answered, also before. Without
    a single answer, or time left to count, the count is that of the waiting.
    ``times`` 0 knocks once, and waits longer than an attempt only for a door that is merely opened.
    """
    attempt = max(SHORTEST, min(ATTEMPT, (until - time.monotonic()) / 5))
    if times == 0:
        once = Tally(attempt, PATIENCE if door.only_opens else attempt)
        once.knock(door)
        once.settle()
        return once.outcome()
    warm = Tally(attempt)
    patience = time.monotonic() + (until - time.monotonic()) * WARM
    tries = 0
    while time.monotonic() < patience and not (warm.seen and set(expected) <= set(warm.seen)):
        tries += 1
        if not warm.knock(door) or tries > EAGER * len(expected):
            time.sleep(PAUSE)
    if not warm.seen:
        warm.settle()
        return warm.outcome()
    count = Tally(attempt)
    for _ in range(times):
        if time.monotonic() >= until:
            break
        count.knock(door)
    count.settle()
    return count.outcome(tuple(warm.seen)) if count.seen or count.lost else warm.outcome()


def ask_all(doors: list[Door], expected: list[str], times: int, until: float) -> list[dict[str, object]]:
    """Knock at all doors side by side; return one outcome for each, in order."""
    outcomes: list[dict[str, object]] = [{"ok": False, "why": "was not asked", "tries": 0} for _ in doors]

    def work(index: int) -> None:
        outcomes[index] = at_door(doors[index], expected, times, until)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(doors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _left(until: float) -> float:
    return max(0.05, until - time.monotonic())
