"""Send datagrams from many source ports to each peer: where one of several paths is broken, some flows never pass.

Kernels give each inner flow an outer source port of its own, and switches with several paths choose one by it. So a
broken path loses all of some flows and nothing of the others, however often they are tried.
"""

from __future__ import annotations

import select
import time

from swarmnet.probe import datagrams

ROUNDS = 6
"""Times that a flow is tried: a line that loses a fifth loses all of them once in 500 flows."""
PATIENCE = 0.25
"""Seconds in which the answers of one round come."""
SILENCE = 3.0
"""Seconds for peers that no flow gets to at all: they may have had no turn yet."""
GRACE = 0.2
"""Seconds for which a flow may be later than the one that was sent behind it."""


def sweep(run: str, task: dict[str, object], until: float) -> dict[str, object]:
    """Send from ``count`` sockets to every labelled address, and again what was not answered.

    Silence proves nothing by itself: a busy host gives its network no turn for a second or more. So a flow that passes
    is sent again behind those that did not. Only what was tried ``ROUNDS`` times before one that came back is lost.

    Returns:
        Label to ``{"flows": n, "first": answered at the first try, "lost": never answered, "proved": whether one that
        was sent behind the lost ones came back, "tries": n}``.
    """
    found = task["targets"]
    targets = {str(label): str(address) for label, address in found.items()} if isinstance(found, dict) else {}
    flows = [datagrams.Nonces(run, str(task["from"]), str(task["network"])) for _ in range(int(str(task["count"])))]
    one = _Sweep(flows, list(targets.values()))
    try:
        tries = one.run(until)
    finally:
        for flow in flows:
            flow.socket.close()
    lost = [sum(index == at for _, index in one.pending) for at in range(len(targets))]
    return {
        "targets": {
            label: {
                "flows": len(flows),
                "first": one.first[at],
                "lost": lost[at],
                "proved": not lost[at] or one.is_proved(at),
                "tries": tries,
            }
            for at, label in enumerate(targets)
        }
    }


class _Sweep:
    """All flows to all peers. A flow is the numbers of its socket and of its peer."""

    def __init__(self, flows: list[datagrams.Nonces], addresses: list[str]) -> None:
        self._flows = flows
        self._addresses = addresses
        self._places = {flow.socket: number for number, flow in enumerate(flows)}
        self.pending = {(flow, index) for flow in range(len(flows)) for index in range(len(addresses))}
        self.first = [0] * len(addresses)
        self._passing: dict[int, int] = {}
        """Peer to a flow that passes."""
        self._behind = [0] * len(addresses)
        """The last round of each peer behind which a flow that passes was sent and came back."""

    def run(self, until: float) -> int:
        """Send and take answers, round by round; return how many rounds."""
        tries, silence = 0, min(until, time.monotonic() + SILENCE)
        while self._is_open(tries, silence) and time.monotonic() < until:
            tries += 1
            self._send(tries)
            self._take(time.monotonic() + PATIENCE)
            if tries == 1:
                for index in range(len(self._addresses)):
                    self.first[index] = len(self._flows) - sum(at == index for _, at in self.pending)
        if self.pending:
            self._take(time.monotonic() + GRACE)
        return tries

    def is_proved(self, index: int) -> bool:
        """Return whether the peer had its turn after its flows were tried often enough."""
        return self._behind[index] >= ROUNDS

    def _is_open(self, tries: int, silence: float) -> bool:
        """Return whether another round may show something: one behind which a flow that passes comes back."""
        left = {index for _, index in self.pending}
        if not left <= set(self._passing) and time.monotonic() < silence:
            return True
        return bool(left) and (
            tries < ROUNDS or any(index in self._passing and not self.is_proved(index) for index in left)
        )

    def _send(self, number: int) -> None:
        """Send once for each flow that is left, then for one of each peer that passes."""
        for flow, index in sorted(self.pending):
            self._put(flow, index, index)
            self._take(0.0)
        for index in {index for _, index in self.pending} & set(self._passing):
            self._put(self._passing[index], index, number * len(self._addresses) + index)

    def _put(self, flow: int, index: int, nonce: int) -> None:
        try:
            self._flows[flow].send(nonce, self._addresses[index])
        except OSError:
            return  # counts as lost; where it is this host alone, nothing passes

    def _take(self, until: float) -> None:
        """Take answers until none is missing, or until the time."""
        links = list(self._places)
        while self.pending:
            ready = select.select(links, [], [], max(0.0, until - time.monotonic()))[0]
            for link in ready:
                self._count(self._places[link])
            if not ready or not until:
                return

    def _count(self, flow: int) -> None:
        try:
            answer = self._flows[flow].receive()
        except OSError:
            return  # an ICMP error for one of the peers
        if answer is None:
            return
        number, index = divmod(answer[0], len(self._addresses))
        if number:
            self._behind[index] = max(self._behind[index], number)
        else:
            self._passing.setdefault(index, flow)
            self.pending.discard((flow, index))
