"""Find the largest packet that reaches a peer whole and comes back: ICMP echo with the "do not fragment" bit."""

from __future__ import annotations

import errno
import select
import socket
import time

from swarmnet.probe import datagrams

_IP_MTU_DISCOVER = 10
_PROBE = 3
"""Sets the bit and ignores what the kernel learned of the path earlier (``IP_PMTUDISC_PROBE``)."""
_HEADERS = 28
SMALLEST = 100
"""Bytes of the first packet: one that passes everywhere."""
TRIES = 3
WAIT = 0.4
"""Seconds for the answer to one packet."""
TOO_LARGE = "too large"
SILENT = "no answer"


class Sized:
    """Echo requests of any size to one address."""

    def __init__(self, run: str, address: str) -> None:
        self._echo = datagrams.Echo(run)
        self._address = address
        self._number = 0
        self._echo.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)

    def close(self) -> None:
        """Let the socket go."""
        self._echo.socket.close()

    def try_once(self, size: int, wait: float = WAIT) -> str:
        """Send one packet of ``size`` bytes, IP header included; return "" when it came back, else why not."""
        self._number += 1
        try:
            self._echo.send(self._number, self._address, size - _HEADERS)
            return self._answer(time.monotonic() + wait)
        except OSError as error:
            return TOO_LARGE if error.errno == errno.EMSGSIZE else error.strerror or str(error)

    def _answer(self, until: float) -> str:
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._echo.socket], [], [], left)[0]:
                return SILENT
            answer = self._echo.receive()
            if answer is not None and answer[0] == self._number:
                return ""

    def passes(self, size: int) -> str:
        """Return "" when one of a few packets came back, else why the last one did not."""
        why = SILENT
        for _ in range(TRIES):
            why = self.try_once(size)
            if why != SILENT:
                return why
        return why

    def largest(self, size: int, until: float) -> int:
        """Return the largest size below ``size`` that passes, by halving; 0 when not even a small one does."""
        if self.passes(SMALLEST):
            return 0
        low, high = SMALLEST, size
        while high - low > 1 and time.monotonic() < until:
            middle = (low + high) // 2
            low, high = (low, middle) if self.passes(middle) else (middle, high)
        return low


def ask_all(run: str, targets: dict[str, object], size: int, until: float) -> dict[str, object]:
    """Return for each labelled address ``{"ok", "largest", "beyond"}``.

    ``ok`` means that ``size`` bytes pass, ``beyond`` why one byte more does not (``too large``: refused at once, by
    this host itself; empty: it passes).
    """
    outcomes: dict[str, object] = {}
    for label, address in targets.items():
        sized = Sized(run, str(address))
        try:
            why = sized.passes(size)
            largest = sized.largest(size, until) if why else size
            beyond = sized.try_once(size + 1) if not why else ""
        finally:
            sized.close()
        outcomes[label] = {"ok": not why, "why": why, "largest": largest, "beyond": beyond, "tries": 1}
    return outcomes
