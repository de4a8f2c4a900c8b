"""Send and receive single packets between lab hosts, ESP included, which needs raw sockets."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from swarmnet.lab.processes import ProcessIdentity

if TYPE_CHECKING:
    from swarmnet.lab import Lab

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50}

# Runs in one host's network namespace only, so it is this Python that speaks for the host.
_RECEIVE = """
import socket, sys
number, sender, mark = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
raw.settimeout(float(sys.argv[4]))
print("ready", flush=True)
try:
    while True:
        packet, source = raw.recvfrom(2000)
        if source[0] == sender and mark in packet:
            print("heard", flush=True)
            break
except TimeoutError:
    print("silence", flush=True)
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


def hears(lab: Lab, sender: str, receiver: str, protocol: str, *, port: int = 0, limit: float = 0.5) -> bool:
    """Tell whether a marked packet of ``sender`` reaches ``receiver`` within ``limit`` seconds."""
    source, target = str(lab.host(sender).address), str(lab.host(receiver).address)
    number, mark = str(NUMBERS[protocol]), f"mark-{protocol}-{port}"
    listen = _in_network(lab, receiver, _RECEIVE, number, source, mark, str(limit))
    with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        subprocess.run(_in_network(lab, sender, _SEND, number, target, str(port), mark), check=True, timeout=10)
        return listener.stdout.read().strip() == "heard"


def _in_network(lab: Lab, host: str, program: str, *argv: str) -> list[str]:
    init = ProcessIdentity.recorded_in(lab.directory / "hosts" / host / "init.stat")
    assert init is not None, f"{host} is off"
    return ["nsenter", f"--net=/proc/{init.pid}/ns/net", sys.executable, "-c", program, *argv]
