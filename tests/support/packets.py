"""Send and receive single packets between lab hosts, ESP included, which needs raw sockets."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.lab.machine.processes import ProcessIdentity
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50}

# Runs in one host's network namespace only, so it is this Python that speaks for the host. Its patience begins when it
# hears that the packet was sent: on a busy machine the sender needs its time to start. It does not begin again with
# each packet of others: managers that talk to each other once a second would make it last forever.
_RECEIVE = """
import select, socket, sys, time
number, sender, mark, limit = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode(), float(sys.argv[4])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
print("ready", flush=True)
until, heard = None, False
while not heard:
    left = None if until is None else max(0.0, until - time.monotonic())
    ready, _, _ = select.select([raw] if until else [raw, sys.stdin], [], [], left)
    if raw in ready:
        packet, source = raw.recvfrom(2000)
        heard = source[0] == sender and mark in packet
    elif ready:
        until = time.monotonic() + limit
    else:
        break
print("heard" if heard else "silence", flush=True)
"""
_SEND = """
import socket, struct, sys
number, to, port, mark = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
header = {1: struct.pack("!BBHHH", 13, 0, 0, 7, 7), 50: struct.pack("!II", 4242, 1)}.get(number)
if number == 17:
    header = struct.pack("!HHHH", 40000, port, 8 + len(mark), 0)
if number == 6:
    header = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 5 << 4, 2, 1024, 0, 0)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
raw.sendto(header + mark, (to, 0))
"""

_TALK = """
import socket, sys, time
number, to = int(sys.argv[1]), sys.argv[2]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
while True:
    raw.sendto(bytes(20), (to, 0))
    time.sleep(0.1)
"""


@contextmanager
def talking(lab: Lab, sender: str, receiver: str, protocol: str) -> Iterator[None]:
    """Let a host send packets to another ten times a second, as managers and gossip do."""
    argv = _in_network(lab, sender, _TALK, str(NUMBERS[protocol]), str(lab.host(receiver).address))
    with subprocess.Popen(argv) as talker:
        try:
            yield
        finally:
            talker.kill()


def hears(lab: Lab, sender: str, receiver: str, protocol: str, *, port: int = 0, limit: float = 1.0) -> bool:
    """Return whether a marked packet of ``sender`` reaches ``receiver`` within ``limit`` seconds after it was sent."""
    source, target = str(lab.host(sender).address), str(lab.host(receiver).address)
    number, mark = str(NUMBERS[protocol]), f"mark-{protocol}-{port}"
    listen = _in_network(lab, receiver, _RECEIVE, number, source, mark, str(limit))
    with subprocess.Popen(listen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdin is not None
        assert listener.stdout is not None
        try:
            assert listener.stdout.readline() == "ready\n"
            subprocess.run(_in_network(lab, sender, _SEND, number, target, str(port), mark), check=True, timeout=120)
            listener.stdin.close()
            return listener.stdout.read().strip() == "heard"
        finally:
            listener.kill()


def reaches(lab: Lab, sender: str, receiver: str, protocol: str, *, port: int = 0) -> bool:
    """Return whether a packet arrives, sent again until one does: a busy machine may hear one of them too late."""
    return soon(lambda: hears(lab, sender, receiver, protocol, port=port))


def _in_network(lab: Lab, host: str, program: str, *argv: str) -> list[str]:
    init = ProcessIdentity.recorded_in(lab.directory / "hosts" / host / "init.stat")
    assert init is not None, f"{host} is off"
    return ["nsenter", f"--net=/proc/{init.pid}/ns/net", sys.executable, "-c", program, *argv]


@dataclass(frozen=True)
class Pings:
    """What ``ping`` said at its end."""

    received: int
    duplicates: int
    milliseconds: float
    """Least time there and back, which a busy machine changes least; infinite where nothing came back."""

    @property
    def passed(self) -> bool:
        """Whether anything came back: the first one may be lost while the ends look for each other's addresses."""
        return self.received > 0


def ping(lab: Lab, sender: str, target: str, *, size: int = 84, count: int = 3) -> Pings:
    """Send pings of ``size`` bytes, IP header included, which must not be fragmented, to a host or an address."""
    known = {host.name: str(host.address) for host in lab.hosts}
    words = ["-c", str(count), "-i", "0.2", "-W", "1", "-M", "do", "-s", str(size - 28), known.get(target, target)]
    said = lab.exec(sender, ["ping", "-q", *words]).stdout
    counted, least = re.search(r"(\d+) received(?:, \+(\d+) dup)?", said), re.search(r"= ([\d.]+)/", said)
    return Pings(
        int(counted[1]) if counted else 0,
        int(counted[2] or 0) if counted else 0,
        float(least[1]) if least else math.inf,
    )
