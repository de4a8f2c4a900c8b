"""Ask for the packet sizes of peers that have no turn most of the time, in a network namespace of their own.

``unshare -n python -m tests.support.slow_peers WIDTH COUNT`` prints as JSON what the probe finds of each peer for
packets of 1424 bytes. The peers are addresses behind a TUN device; they lose what is larger than ``WIDTH`` bytes.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
from typing import Final

from swarmnet.probe import sizes
from swarmnet.probe.datagrams import ECHO_REPLY, ECHO_REQUEST, checksum

SIZE: Final = 1424
DEVICE: Final = "slow0"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_TURN, _NO_TURN = (0.0, 0.2), (0.8, 1.8)
"""Seconds, from and to, in which a peer answers at once, and in which it lets packets lie until it has a turn again."""
_IP_HEADER = 20


def address(number: int) -> str:
    return f"10.9.0.{number}"


def open_device() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    for words in (f"addr add {address(1)}/24 dev {DEVICE}", f"link set {DEVICE} up"):
        subprocess.run(["/sbin/ip", *words.split()], check=True)
    return device


def turns(number: int, start: float) -> list[tuple[float, float]]:
    """Return from when to when a peer has no turn, for about a minute."""
    draw = random.Random(number)  # noqa: S311 - no secret
    moments = itertools.accumulate(
        (draw.uniform(*span) for _ in range(50) for span in (_TURN, _NO_TURN)), initial=start
    )
    return list(zip(*[itertools.islice(moments, 1, None)] * 2, strict=False))


def answer(packet: bytes) -> bytes:
    """Return the echo reply to an echo request: the addresses change places, so the IP checksum stays."""
    head, body = packet[:_IP_HEADER], bytes([ECHO_REPLY]) + packet[_IP_HEADER + 1 :]
    body = body[:2] + b"\0\0" + body[4:]
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return head[:12] + head[16:20] + head[12:16] + body


def serve(device: int, width: int, count: int) -> None:
    """Answer for all peers, each when it has a turn, for as long as the process lives."""
    stalls = {number: turns(number, time.monotonic() - _TURN[1]) for number in range(2, 2 + count)}
    while packet := os.read(device, 2048):
        if packet[0] >> 4 != 4 or packet[_IP_HEADER] != ECHO_REQUEST or len(packet) > width:
            continue
        now = time.monotonic()
        late = next((until - now for since, until in stalls[packet[19]] if since <= now < until), 0.0)
        threading.Timer(late, os.write, (device, answer(packet))).start()


def main() -> None:
    width, count = int(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=serve, args=(open_device(), width, count), daemon=True).start()
    targets: dict[str, object] = {address(number): address(number) for number in range(2, 2 + count)}
    found = sizes.ask_all(targets, SIZE, time.monotonic() + 120)
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
