"""Try what a swarm needs of the kernel, in a network namespace of this container's own that ends with it.

The kernel loads its modules by itself when something asks for them. So a trial says more than a list of loaded modules,
or than the settings with which a kernel was built.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from swarmnet.probe import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NEW_LINK, _NEW_STATE = 16, 16
_XFRM, _GENERIC = 6, 16
_ACK, _CREATE = 0x5, 0x405
"""A request with ``NLM_F_ACK``: the kernel says how it ended; and one with ``NLM_F_CREATE``."""
_LINK = struct.Struct("=BxHiII")
_IFLA_IFNAME, _IFLA_LINKINFO = 3, 18
_INFO_KIND, _INFO_DATA, _VXLAN_ID, _VXLAN_PORT = 1, 2, 1, 15
_CONTROL, _GET_FAMILY = 16, 3
_AEAD = 18
_CIPHER = b"rfc4106(gcm(aes))"
_PROTOCOL_ESP = 50


def tried() -> dict[str, object]:
    """Return for each feature whether the kernel has it (``ok``), and what it said where not (``why``)."""
    trials: dict[str, Callable[[], object]] = {
        "vxlan": lambda: _device("vxlan", _attribute(_VXLAN_ID, struct.pack("=I", 4096)) + _port(4789)),
        "bridge": lambda: _device("bridge", b""),
        "veth": lambda: _device("veth", b""),
        "ip_vs": _balancer,
        "esp": lambda: _esp(socket.AF_INET, "192.0.2.1", "192.0.2.2"),
        "esp6": lambda: _esp(socket.AF_INET6, "2001:db8::1", "2001:db8::2"),
    }
    return {"targets": {name: _outcome(trial) for name, trial in trials.items()}}


def _outcome(trial: Callable[[], object]) -> dict[str, object]:
    try:
        trial()
    except OSError as error:
        if error.errno == errno.EEXIST:
            return {"ok": True, "why": ""}
        return {"ok": False, "why": error.strerror or str(error), "errno": error.errno or 0}
    return {"ok": True, "why": ""}


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _port(number: int) -> bytes:
    return _attribute(_VXLAN_PORT, struct.pack("!H", number))


def _device(kind: str, data: bytes) -> None:
    info = _attribute(_INFO_KIND, kind.encode() + b"\0") + (_attribute(_INFO_DATA, data) if data else b"")
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _attribute(_IFLA_IFNAME, f"try-{kind}".encode() + b"\0")
    _acknowledged(netlink.ROUTE, _NEW_LINK, body + _attribute(_IFLA_LINKINFO, info))


def _acknowledged(family: int, kind: int, body: bytes, flags: int = _CREATE) -> None:
    """Send a request; raise ``OSError`` with the kernel's reason where it refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as link:
        link.settimeout(5.0)
        link.send(netlink.HEADER.pack(netlink.HEADER.size + len(body), kind, flags, 1, 0) + body)
        data = link.recv(65536)
    if netlink.HEADER.unpack_from(data)[1] == netlink.ERROR:
        (number,) = struct.unpack_from("=i", data, netlink.HEADER.size)
        if number:
            raise OSError(-number, os.strerror(-number))


def _balancer() -> None:
    """Ask for the family by which engines set up balancing: the kernel loads ``ip_vs`` for it."""
    _acknowledged(_GENERIC, _CONTROL, struct.pack("=BBH", _GET_FAMILY, 1, 0) + _attribute(2, b"IPVS\0"), _ACK)


def _esp(family: socket.AddressFamily, *addresses: str) -> None:
    """Add a state with the cipher of encrypted overlays; its key is zeros and protects nothing."""
    ends = [socket.inet_pton(family, one).ljust(16, b"\0") for one in addresses]
    selector = bytes(40) + struct.pack("=H", family) + bytes(14)
    state = selector + ends[1] + struct.pack("!I", 0x1000) + bytes([_PROTOCOL_ESP, 0, 0, 0]) + ends[0]
    limits = struct.pack("=4Q", *[0xFFFFFFFFFFFFFFFF] * 4) + bytes(32)
    state += limits + bytes(32) + bytes(12) + struct.pack("=IIHBBB", 0, 0, family, 0, 0, 0)
    state += bytes(-len(state) % 8)
    key = bytes(20)
    cipher = _CIPHER.ljust(64, b"\0") + struct.pack("=II", len(key) * 8, 64) + key
    _acknowledged(_XFRM, _NEW_STATE, state + _attribute(_AEAD, cipher))
