"""Send VXLAN packets in clear that the host's own rules never see: what an attacker on the underlay could forge.

The frames go straight onto the device, past the rules and the IPsec policies of the sending host; only those of the
receiving host can stop them. They carry a datagram of the probe to a probe, and reach nothing else.
"""

from __future__ import annotations

import socket
import struct
import time

from swarmnet.probe import datagrams, neighbours, netlink, wire

UDP = 17
_IPV4 = 0x0800


def send(job: dict[str, object], until: float) -> dict[str, object]:
    """Send the forged packets; return how many, or why none could be sent.

    Args:
        job: ``vtep`` (of the receiver), ``port``, ``vni``, ``source`` and ``target`` (``{"ip": ..., "mac": hex}`` of
            the two probes), ``message`` (what the target's server should receive), ``count``.
        until: when to give up looking for the way.
    """
    vtep, count = str(job["vtep"]), int(str(job["count"]))
    way = netlink.route(vtep)
    device = str(way["device"])
    next_hop = _neighbour(str(way.get("gateway", vtep)), device, until)
    if next_hop is None:
        return {"problem": f"{vtep} has no hardware address on {device}"}
    own = bytes.fromhex(str(netlink.links()[device]["mac"]))
    packet = outer(str(way["local"]), vtep, int(str(job["port"])), vxlan(job))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as link:
        link.bind((device, 0))
        for _ in range(count):
            link.send(next_hop + own + struct.pack("!H", _IPV4) + packet)
    return {"sent": count, "device": device}


def vxlan(job: dict[str, object]) -> bytes:
    """Return VXLAN header, inner frame and the datagram in it."""
    source, target = _end(job["source"]), _end(job["target"])
    body = str(job["message"]).encode()
    datagram = struct.pack("!HHHH", wire.PORT, wire.PORT, 8 + len(body), 0) + body
    inner = target[1] + source[1] + struct.pack("!H", _IPV4) + ip(source[0], target[0], datagram)
    return struct.pack("!II", 0x08000000, int(str(job["vni"])) << 8) + inner


def outer(source: str, target: str, port: int, body: bytes) -> bytes:
    """Return the packet as it crosses the underlay; no checksum, which UDP allows."""
    return ip(source, target, struct.pack("!HHHH", 49152, port, 8 + len(body), 0) + body)


def ip(source: str, target: str, body: bytes) -> bytes:
    """Return a UDP datagram in its IPv4 header."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, UDP, 0) + ends
    return head[:10] + struct.pack("!H", datagrams.checksum(head)) + head[12:] + body


def _end(value: object) -> tuple[str, bytes]:
    end = value if isinstance(value, dict) else {}
    return str(end["ip"]), bytes.fromhex(str(end["mac"]))


def _neighbour(address: str, device: str, until: float) -> bytes | None:
    """Return the hardware address of a neighbour; an empty datagram makes the kernel ask for one that it forgot."""
    while True:
        for known, on, hardware in neighbours.table():
            if (known, on) == (address, device) and hardware is not None:
                return bytes.fromhex(hardware.replace(":", ""))
        if time.monotonic() > until:
            return None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
            call.sendto(b"", (address, 9))
        time.sleep(0.1)
