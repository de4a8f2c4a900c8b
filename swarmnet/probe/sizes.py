"""Find the largest packet that reaches a peer whole and comes back: ICMP echo with the "do not fragment" bit."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time

from swarmnet.probe import datagrams, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Path(Protocol):
        """What the search asks of a path; :class:`Sized` is one."""

        def passes(self, size: int) -> str:
            """Return "" when a packet of ``size`` bytes came back, else why none did."""

        def loses(self, size: int, smaller: int, until: float) -> bool:
            """Return whether packets of ``size`` bytes are lost while those of ``smaller`` bytes come back."""


_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _IPV6_DONTFRAG = 10, 23, 62
_PROBE = 3
"""Sets the bit and ignores what the kernel learned of the path earlier (``IP_PMTUDISC_PROBE``); IPv6 has no such bit,
but its senders do not cut packets up either then."""
_HEADERS, _HEADERS_6 = 28, 48
SMALLEST = 100
"""Bytes of the first packet: one that passes everywhere."""
WAITS = (0.1, 0.1, 0.4)
"""Seconds between the packets of one size; an answer to any of them counts."""
PATIENCE = 3.0
"""Seconds for which the smallest packet is sent again to a silent peer: a busy machine gives it no turn for a while."""
ROUNDS = 3
"""How many times in a row a size has to be lost while a smaller packet, sent right behind it, comes back."""
GRACE = 0.2
"""Seconds for which a packet may be later than the one that was sent behind it."""
TOO_LARGE = "too large"
SILENT = "no answer"


class Sized:
    """Echo requests of any size to one address.

    They bear a word of their own: raw sockets hear the answers to all others, too, and what passes to one peer or on
    one network must not count for another.
    """

    def __init__(self, address: str) -> None:
        family = wire.family(address)
        self._echo = datagrams.Echo(os.urandom(8).hex(), family)
        self._address = address
        self._last = 0
        self._sent: dict[int, set[int]] = {}
        """The numbers of the packets of each size."""
        self._came_back: set[int] = set()
        self.sent = 0
        """Packets that this host let out."""
        self._headers = _HEADERS
        if family == socket.AF_INET6:
            self._headers = _HEADERS_6
            self._echo.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
            self._echo.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)
        else:
            self._echo.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)

    @property
    def answered(self) -> int:
        """How many packets were answered."""
        return len(self._came_back)

    def close(self) -> None:
        """Let the socket go."""
        self._echo.socket.close()

    def passes(self, size: int, waits: tuple[float, ...] = WAITS) -> str:
        """Send packets of ``size`` bytes, IP header included; return "" when one came back, else why none did.

        A late answer to an earlier packet of that size counts, too.
        """
        try:
            for wait in waits:
                self._send(size)
                if self._is_answered(self._sent[size], time.monotonic() + wait):
                    return ""
        except OSError as error:
            return TOO_LARGE if error.errno == errno.EMSGSIZE else error.strerror or str(error)
        return SILENT

    def loses(self, size: int, smaller: int, until: float) -> bool:
        """Return whether only the smaller one of two packets that are sent together comes back, ``ROUNDS`` times.

        No answer proves nothing by itself: a busy host gives its network no turn for a second or more. A round in
        which the smaller packet does not come back either does not count. False where the time is up before.
        """
        rounds = 0
        while rounds < ROUNDS and time.monotonic() < until:
            try:
                self._send(size)
                small = self._send(smaller)
            except OSError:
                return True  # refused by this host itself, as passes() tells
            if not self._is_answered({small}, min(until, time.monotonic() + PATIENCE)):
                continue
            if self._is_answered(self._sent[size], time.monotonic() + GRACE):
                return False
            rounds += 1
        return rounds == ROUNDS

    def _send(self, size: int) -> int:
        """Send one packet and return its number."""
        self._last += 1
        self._sent.setdefault(size, set()).add(self._last)
        self._echo.send(self._last, self._address, size - self._headers)
        self.sent += 1
        return self._last

    def _is_answered(self, sent: set[int], until: float) -> bool:
        """Wait for an answer to any of these; look once more where the time went by while this process had no turn."""
        while sent.isdisjoint(self._came_back):
            if not select.select([self._echo.socket], [], [], max(0.0, until - time.monotonic()))[0]:
                return False
            if (answer := self._echo.receive()) is not None:
                self._came_back.add(answer[0])
        return True


def largest(path: Path, size: int, until: float) -> tuple[int, bool]:
    """Return the largest size that is known to pass, by halving, and whether that is exact.

    ``size`` failed once already. A size that failed is tried again, next to one that passes, before it counts as the
    boundary; otherwise a moment in which a host is too busy to answer looks like a narrow path. So the result may be
    ``size`` itself. It is 0 where not even a small packet passes for a while, and not exact where the time was up.
    """
    if not _is_alive(path, min(until, time.monotonic() + PATIENCE)):
        return 0, True
    low, vain = SMALLEST, [size]
    while vain and time.monotonic() < until:
        high = vain[-1]
        tried = (low + high) // 2 if high - low > 1 else high
        if not path.passes(tried):
            low = tried
            vain = [one for one in vain if one > low]
        elif tried < high:
            vain.append(tried)
        elif path.loses(high, low, until):
            return low, True
    return low, not vain


def _is_alive(path: Path, until: float) -> bool:
    """Send the smallest packet until it passes, or is refused, or the time is up."""
    while (why := path.passes(SMALLEST)) == SILENT and time.monotonic() < until:
        pass
    return not why


def ask_all(targets: dict[str, object], size: int, until: float) -> dict[str, object]:
    """Return for each labelled address ``{"ok", "largest", "exact", "beyond", "sent", "answered"}``, side by side.

    ``ok`` means that ``size`` bytes pass, ``beyond`` why one byte more does not (``too large``: refused at once, by
    this host itself; empty: it passes). ``sent`` packets of all sizes went out, and ``answered`` of them came back.
    """
    outcomes: dict[str, object] = {}
    threads = [
        threading.Thread(target=_one, args=(Sized(str(address)), label, size, until, outcomes))
        for label, address in targets.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _one(sized: Sized, label: str, size: int, until: float, outcomes: dict[str, object]) -> None:
    try:
        why = sized.passes(size)
        passing, exact = largest(sized, size, until) if why else (size, True)
        whole = passing == size
        beyond = sized.passes(size + 1) if whole else ""
    finally:
        sized.close()
    outcomes[label] = {
        "ok": whole,
        "why": "" if whole else why,
        "largest": passing,
        "exact": exact,
        "beyond": beyond,
        "tries": 1,
        "sent": sized.sent,
        "answered": sized.answered,
    }
