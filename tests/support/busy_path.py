"""Run the probe's own program towards peers that rarely have a turn: real sockets, network namespaces of their own.

``unshare -n python -m tests.support.busy_path`` takes JSON from stdin: ``busy``, a word of :class:`Busy`; ``broken``,
one of ``BROKEN``; and ``rounds``. A round is a list of ``[who, task]``, where ``who`` is ``here`` or a peer's number:
all tasks of a round are asked at once, the next round when all are answered. It prints ``answers`` and ``seconds``, one
of each a round. A peer has an address, the probe's server, a web server and a DNS server.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import queue
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from swarmnet.probe import main as probe

if TYPE_CHECKING:
    from collections.abc import Callable

RUN: Final = "busy"
DEVICE: Final = "busy0"
PROBER: Final = 1
PEERS: Final = tuple(range(2, 8))
HERE: Final = "here"
LIMIT: Final = 10.0
"""Seconds for one round, as verify gives them."""
LIFETIME: Final = 300.0
TURN, NO_TURN = (0.0, 0.2), (0.8, 1.8)
"""Seconds, from and to, in which one that is busy has a turn, and in which it has none."""


class Busy(StrEnum):
    """Who has a turn only rarely."""

    NONE = "none"
    HOST = "host"
    """All of a peer: packets to and from it lie until it has a turn."""
    SERVER = "server"
    """The program on a peer: its kernel takes packets."""
    PROBER = "prober"


BROKEN: Final[dict[str, Callable[[bytes], bool]]] = {
    "nothing": lambda _packet: False,
    "flows": lambda packet: packet[9] == socket.IPPROTO_UDP and not int.from_bytes(packet[20:22], "big") % 4,
    "third": lambda packet: packet[9] == socket.IPPROTO_UDP and not random.randrange(3),  # noqa: S311 - no secret
    "echoes": lambda packet: packet[9] == socket.IPPROTO_ICMP and not random.randrange(3),  # noqa: S311 - no secret
    "udp": lambda packet: packet[9] == socket.IPPROTO_UDP,
    "all": lambda _packet: True,
}
"""Which packets to the peers are lost, by their IP header."""
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_NEW_NETWORK = 0x40000000


def address(number: int) -> str:
    return f"10.9.0.{number}"


class Turns:
    """When one has a turn, and when not; one that is never busy always has one."""

    def __init__(self, number: int, *, is_busy: bool) -> None:
        self._draw = random.Random(number)  # noqa: S311 - no secret
        self._is_busy = is_busy
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._until = self._since + self._draw.uniform(*NO_TURN)

    def wait(self) -> float:
        """Return the seconds until the next turn."""
        now = time.monotonic()
        with self._lock:
            while self._is_busy and now >= self._until:
                self._since = self._until + self._draw.uniform(*TURN)
                self._until = self._since + self._draw.uniform(*NO_TURN)
            return max(0.0, self._until - now) if self._is_busy and self._since <= now else 0.0


class Talk:
    """A process of the probe's program, asked by lines of its stdin."""

    def __init__(self, be: Callable[[], object]) -> None:
        asked, ask = os.pipe()
        answers, answer = os.pipe()
        self.pid = os.fork()  # a new interpreter for each takes seconds on a busy machine
        if not self.pid:
            os.dup2(asked, 0)
            os.dup2(answer, 1)
            be()
        self._ask, self._answers = os.fdopen(ask, "wb"), os.fdopen(answers, "rb")
        self._number = 0

    def wait_until_ready(self) -> None:
        self._answers.readline()

    def ask(self, tasks: list[dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        """Ask, and return what waits for the answers."""
        self._number += 1
        job = {"number": self._number, "run": RUN, "limit": LIMIT, "tasks": tasks}
        self._ask.write(json.dumps(job).encode() + b"\n")
        self._ask.flush()
        return lambda: json.loads(self._answers.readline())["answers"]


def stall(pid: int) -> None:
    """Let a process have a turn only rarely."""
    draw = random.Random(pid)  # noqa: S311 - no secret
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(draw.uniform(*NO_TURN))
        os.kill(pid, signal.SIGCONT)
        time.sleep(draw.uniform(*TURN))


def open_device(number: int) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    for words in (
        "link set lo up",
        f"addr add {address(number)}/24 dev {DEVICE}",
        f"link set {DEVICE} mtu 1450 txqueuelen 10000 up",
    ):
        subprocess.run(["/sbin/ip", *words.split()], check=True)
    return device


def begin_peer(number: int) -> tuple[Talk, int]:
    """Return a peer in a network namespace of its own, and the device there."""
    here, there = socket.socketpair()

    def be() -> None:
        ctypes.CDLL(None).unshare(_NEW_NETWORK)
        socket.send_fds(there, [b"device"], [open_device(number)])
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("", 53))
        background(answer_names, names)
        background(ThreadingHTTPServer(("", 80), Web).serve_forever)
        probe.main(["serve", json.dumps({"run": RUN, "id": str(number), "lifetime": LIFETIME})])

    talk = Talk(be)
    return talk, socket.recv_fds(here, 16, 1)[1][0]


def background(do: Callable[..., object], *given: object) -> None:
    threading.Thread(target=do, args=given, daemon=True).start()


def answer_names(link: socket.socket) -> None:
    """Answer each question of DNS with an address."""
    while True:
        query, client = link.recvfrom(512)
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
        body = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton("192.0.2.1")
        link.sendto(head + query[12:] + body, client)


class Web(BaseHTTPRequestHandler):
    """Answers every request alike."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def carry(packets: queue.Queue[bytes], turns: Turns, device: int) -> None:
    """Hand packets on in their order, as soon as there is a turn."""
    while True:
        packet = packets.get()
        while seconds := turns.wait():
            time.sleep(seconds)
        os.write(device, packet)


def take(device: int, to: Callable[[bytes], object]) -> None:
    """Take all IPv4 packets that leave by a device."""
    while packet := os.read(device, 65535):
        if packet[0] >> 4 == 4:
            to(packet)


def connect(devices: dict[int, int], *, is_busy: bool, is_lost: Callable[[bytes], bool]) -> None:
    """Carry packets between the prober and the peers."""
    home = devices.pop(PROBER)
    there: dict[int, queue.Queue[bytes]] = {number: queue.Queue() for number in devices}
    for number, device in devices.items():
        turns, back = Turns(number, is_busy=is_busy), queue.Queue[bytes]()
        background(carry, there[number], turns, device)
        background(carry, back, turns, home)
        background(take, device, back.put)

    def route(packet: bytes) -> None:
        if packet[19] in there and not is_lost(packet):
            there[packet[19]].put(packet)

    background(take, home, route)


def play(talks: dict[str | int, Talk], asked: list[tuple[str | int, dict[str, Any]]]) -> tuple[dict[str, Any], float]:
    """Ask one round; return the answers of each, and the seconds."""
    begun = time.monotonic()
    waiting = [
        (who, talks[who].ask([task for one, task in asked if one == who])) for who in dict.fromkeys(w for w, _ in asked)
    ]
    return {str(who): answer() for who, answer in waiting}, round(time.monotonic() - begun, 1)


def main() -> None:
    job = json.load(sys.stdin)
    busy = Busy(job["busy"])
    home = open_device(PROBER)
    peers = {number: begin_peer(number) for number in PEERS}
    prober = Talk(lambda: probe.main(["observe", json.dumps({"lifetime": LIFETIME})]))
    talks: dict[str | int, Talk] = {HERE: prober, **{number: talk for number, (talk, _) in peers.items()}}
    try:
        devices = {PROBER: home, **{number: device for number, (_, device) in peers.items()}}
        connect(devices, is_busy=busy is Busy.HOST, is_lost=BROKEN[job["broken"]])
        for talk in talks.values():
            talk.wait_until_ready()
        for number, talk in talks.items():
            if busy is (Busy.PROBER if number == HERE else Busy.SERVER):
                background(stall, talk.pid)
        reported = [play(talks, asked) for asked in job["rounds"]]
    finally:
        for talk in talks.values():
            os.kill(talk.pid, signal.SIGKILL)
    sys.stdout.write(json.dumps({"answers": [one for one, _ in reported], "seconds": [one for _, one in reported]}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
