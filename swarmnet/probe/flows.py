"""Send datagrams from many source ports to each peer: where one of several paths is broken, some flows never pass.

Kernels give each inner flow an outer source port of its own, and switches with several paths choose one by it. So a
broken path loses all of some flows and nothing of the others, however often they are tried.
"""

from __future__ import annotations

import select
import socket
import time

from swarmnet.probe import datagrams

ROUNDS = 6
"""Times that a flow is tried: a line that loses a fifth loses all of them once in 500 flows."""
PATIENCE = 0.25
"""Seconds in which the answers of one round come."""


def sweep(run: str, task: dict[str, object], until: float) -> dict[str, object]:
    """Send from ``count`` sockets to every labelled address, and again what was not answered.

    Returns:
        Label to ``{"flows": n, "first": answered at the first try, "lost": never answered, "tries": n}``.
    """
    found = task["targets"]
    targets = {str(label): str(address) for label, address in found.items()} if isinstance(found, dict) else {}
    labels, addresses = list(targets), list(targets.values())
    flows = [datagrams.Nonces(run, str(task["from"]), str(task["network"])) for _ in range(int(str(task["count"])))]
    pending = {(flow, index) for flow in range(len(flows)) for index in range(len(labels))}
    first = [0] * len(labels)
    tries = 0
    try:
        while pending and tries < ROUNDS and time.monotonic() < until:
            tries += 1
            answered = _round(flows, addresses, pending)
            pending -= answered
            for _, index in answered if tries == 1 else ():
                first[index] += 1
    finally:
        for flow in flows:
            flow.socket.close()
    lost = [sum(index == at for _, index in pending) for at in range(len(labels))]
    return {
        "targets": {
            label: {"flows": len(flows), "first": first[at], "lost": lost[at], "tries": tries}
            for at, label in enumerate(labels)
        }
    }


def _round(flows: list[datagrams.Nonces], addresses: list[str], pending: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Send once for each flow and peer that are left, and return those that answered."""
    answered: set[tuple[int, int]] = set()
    places = {flow.socket: number for number, flow in enumerate(flows)}
    for number, index in sorted(pending):
        try:
            flows[number].send(index, addresses[index])
        except OSError:
            continue
        _take(flows, places, answered, 0.0)
    end = time.monotonic() + PATIENCE
    while len(answered & pending) < len(pending) and time.monotonic() < end:
        _take(flows, places, answered, max(0.0, end - time.monotonic()))
    return answered & pending


def _take(
    flows: list[datagrams.Nonces], places: dict[socket.socket, int], answered: set[tuple[int, int]], seconds: float
) -> None:
    for ready in select.select([flow.socket for flow in flows], [], [], seconds)[0]:
        try:
            answer = flows[places[ready]].receive()
        except OSError:
            continue  # an ICMP error for one of the peers
        if answer is not None:
            answered.add((places[ready], answer[0]))
