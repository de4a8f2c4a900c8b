"""Find the largest packet that reaches a peer whole and comes back: ICMP echo with the "do not fragment" bit."""

from __future__ import annotations

import errno
import select
import socket
import threading
import time

from swarmnet.probe import datagrams

_IP_MTU_DISCOVER = 10
_PROBE = 3
"""Sets the bit and ignores what the kernel learned of the path earlier (``IP_PMTUDISC_PROBE``)."""
_HEADERS = 28
SMALLEST = 100
"""Bytes of the first packet: one that passes everywhere."""
WAITS = (0.1, 0.1, 0.4)
"""Seconds between the packets of one size; an answer to any of them counts."""
PEERS_APART = 1_000_000
"""Raw sockets hear the answers to all others: each peer has packet numbers of its own."""
TOO_LARGE = "too large"
SILENT = "no answer"


class Sized:
    """Echo requests of any size to one address; ``place`` tells peers that are asked side by side apart."""

    def __init__(self, run: str, address: str, place: int = 0) -> None:
        self._echo = datagrams.Echo(run)
        self._address = address
        self._number = place * PEERS_APART
        self._echo.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)

    def close(self) -> None:
        """Let the socket go."""
        self._echo.socket.close()

    def passes(self, size: int, waits: tuple[float, ...] = WAITS) -> str:
        """Send packets of ``size`` bytes, IP header included; return "" when one came back, else why none did."""
        first = self._number + 1
        for wait in waits:
            self._number += 1
            try:
                self._echo.send(self._number, self._address, size - _HEADERS)
                if self._is_answered(first, time.monotonic() + wait):
                    return ""
            except OSError as error:
                return TOO_LARGE if error.errno == errno.EMSGSIZE else error.strerror or str(error)
        return SILENT

    def _is_answered(self, first: int, until: float) -> bool:
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._echo.socket], [], [], left)[0]:
                return False
            answer = self._echo.receive()
            if answer is not None and first <= answer[0] <= self._number:
                return True

    def largest(self, size: int, until: float) -> tuple[int, bool]:
        """Return the largest size below ``size`` that is known to pass, by halving, and whether that is exact.

        It is not where the time was up; the size is 0 where not even a small packet passes.
        """
        if self.passes(SMALLEST):
            return 0, True
        low, high = SMALLEST, size
        while high - low > 1 and time.monotonic() < until:
            middle = (low + high) // 2
            low, high = (low, middle) if self.passes(middle) else (middle, high)
        return low, high - low <= 1


def ask_all(run: str, targets: dict[str, object], size: int, until: float) -> dict[str, object]:
    """Return for each labelled address ``{"ok", "largest", "exact", "beyond"}``; all are asked side by side.

    ``ok`` means that ``size`` bytes pass, ``beyond`` why one byte more does not (``too large``: refused at once, by
    this host itself; empty: it passes).
    """
    outcomes: dict[str, object] = {}
    threads = [
        threading.Thread(target=_one, args=(Sized(run, str(address), place), label, size, until, outcomes))
        for place, (label, address) in enumerate(targets.items())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _one(sized: Sized, label: str, size: int, until: float, outcomes: dict[str, object]) -> None:
    try:
        why = sized.passes(size)
        largest, exact = sized.largest(size, until) if why else (size, True)
        beyond = sized.passes(size + 1, WAITS[-1:]) if not why else ""
    finally:
        sized.close()
    outcomes[label] = {"ok": not why, "why": why, "largest": largest, "exact": exact, "beyond": beyond, "tries": 1}
