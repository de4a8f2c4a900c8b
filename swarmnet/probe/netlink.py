"""Ask the kernel by netlink what ``ip route get``, ``ip link`` and ``ip xfrm`` would show, on hosts without them.

Layouts are those of ``linux/netlink.h``, ``linux/rtnetlink.h`` and ``linux/if_link.h``; they are part of the kernel's
promise to user space.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from swarmnet.probe import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTE = 0
REQUEST = 1
DUMP = 0x300
ERROR = 2
DONE = 3
GET_LINK = 18
GET_ADDRESS = 22
GET_ROUTE = 26
HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=4BI")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_GLOBAL = 0
"""The scope of addresses that other hosts may know; those of a link are on every device."""
_ROUTE = struct.Struct("=8BI")
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_METRICS, _RTA_TABLE = 1, 2, 4, 5, 7, 8, 15
_LOOKUP_TABLE = 0x1000
"""Without it, kernels say of every IPv4 route that it is in the main table."""
_USUAL_TABLES = (0, 254, 255)
"""None said, main, local."""
_RTAX_MTU = 2
_ADDRESSES = {_RTA_PREFSRC: "local", _RTA_GATEWAY: "gateway"}
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO = 1, 3, 4, 18
_IFLA_LINK, _IFLA_MASTER, _IFLA_LINK_NETNSID, _IFLA_XDP = 5, 10, 37, 43
_NUMBERS = {_IFLA_LINK: "under", _IFLA_MTU: "mtu", _IFLA_MASTER: "master"}
_XDP_PROGRAMS = (4, 5, 6, 7)
"""The id of the program in an attribute of its own for each way to attach one."""
_INFO_KIND, _INFO_DATA, _VXLAN_ID, _VXLAN_PORT = 1, 2, 1, 15
_ALIGN = 4
_BUFFER = 256 * 1024


def attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and value of each attribute; values are views, so nothing is copied without need."""
    offset = 0
    while offset + _ALIGN <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < _ALIGN:
            return
        yield kind & 0x3FFF, data[offset + _ALIGN : offset + length]
        offset += (length + _ALIGN - 1) & ~(_ALIGN - 1)


def ask(family: int, kind: int, flags: int, body: bytes) -> Iterator[memoryview]:
    """Yield the body of each message of the answer; raises ``OSError`` with the kernel's reason.

    A message is a view into a buffer that is overwritten with zeros before the next read and at the end: read it at
    once, copy what you keep.
    """
    buffer = bytearray(_BUFFER)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as link:
        link.settimeout(5.0)
        link.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 1, 0) + body)
        more = True
        while more:
            size = link.recv_into(buffer)
            try:
                more = flags & DUMP != 0
                for number, message in _messages(memoryview(buffer)[:size]):
                    if number == DONE:
                        more = False
                    else:
                        yield message
            finally:
                buffer[:size] = bytes(size)


def _messages(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, offset)
        body = data[offset + HEADER.size : offset + length]
        (number,) = struct.unpack_from("=i", body) if kind in (ERROR, DONE) else (0,)
        if kind == ERROR or number < 0:  # an error in the midst of a list is in its last message (netlink_dump_done)
            raise OSError(-number, os.strerror(-number))
        yield kind, body
        offset += (max(length, HEADER.size) + _ALIGN - 1) & ~(_ALIGN - 1)


def links() -> dict[str, dict[str, object]]:
    """Return every network device of this namespace by its name: index, MTU, MAC address as hex.

    Where it has them, too: ``under``, the index of the device that it sends by, and ``master``, that of its bridge or
    bond; ``vni`` and ``port`` of VXLAN; ``xdp``, the id of a program that sees packets before the kernel does.
    """
    found: dict[str, dict[str, object]] = {}
    for message in ask(ROUTE, GET_LINK, DUMP, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _, _, index, _, _ = _LINK.unpack_from(message)
        parts = dict(attributes(message[_LINK.size :]))
        name = bytes(parts.get(_IFLA_IFNAME, b"")).rstrip(b"\0").decode(errors="replace")
        found[name] = {"index": index, **_device(parts)}
    return found


def _device(parts: dict[int, memoryview]) -> dict[str, object]:
    found: dict[str, object] = {
        name: struct.unpack("=I", parts[kind])[0] for kind, name in _NUMBERS.items() if kind in parts
    }
    if _IFLA_LINK_NETNSID in parts:
        found.pop("under", None)  # the other end of a pair, in another namespace
    if _IFLA_ADDRESS in parts:
        found["mac"] = bytes(parts[_IFLA_ADDRESS]).hex()
    if _IFLA_LINKINFO in parts:
        found.update(_tunnel(parts[_IFLA_LINKINFO]))
    if _IFLA_XDP in parts:
        found.update(_program(parts[_IFLA_XDP]))
    return found


def _program(attached: memoryview) -> dict[str, object]:
    """Return the id of the XDP program of a device; nothing where it has none."""
    parts = dict(attributes(attached))
    ids = [struct.unpack("=I", parts[kind])[0] for kind in _XDP_PROGRAMS if kind in parts]
    return {"xdp": ids[0]} if any(ids) else {}


def _tunnel(info: memoryview) -> dict[str, object]:
    """Return VNI and port of a VXLAN device; nothing for devices of other kinds."""
    parts = dict(attributes(info))
    if bytes(parts.get(_INFO_KIND, b"")).rstrip(b"\0") != b"vxlan" or _INFO_DATA not in parts:
        return {}
    found: dict[str, object] = {}
    for kind, value in attributes(parts[_INFO_DATA]):
        if kind == _VXLAN_ID:
            found["vni"] = struct.unpack("=I", value)[0]
        elif kind == _VXLAN_PORT:
            found["port"] = struct.unpack("!H", value)[0]
    return found if "vni" in found else {}


def places() -> dict[str, dict[str, object]]:
    """Return every address of this namespace with its device, the device's MTU and MAC address; no link-local IPv6."""
    by_index = {device["index"]: {**device, "device": name} for name, device in links().items()}
    found: dict[str, dict[str, object]] = {}
    for message in ask(ROUTE, GET_ADDRESS, DUMP, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, _, _, scope, index = _ADDRESS.unpack_from(message)
        own = {socket.AF_INET: _IFA_LOCAL, socket.AF_INET6: _IFA_ADDRESS}.get(family)
        for kind, value in attributes(message[_ADDRESS.size :]):
            if kind == own and (family == socket.AF_INET or scope == _GLOBAL):
                found[socket.inet_ntop(family, bytes(value))] = by_index.get(index, {})
    return found


def route(address: str, source: str = "") -> dict[str, object]:
    """Return how the kernel would reach an address: device, own address, gateway if any, the route's MTU if set.

    Where a rule of policy routing leads to it, too: ``table``, the number of the table. With a ``source``, an address
    of this host, the answer is that for packets which have it: rules may look at it.

    Raises:
        OSError: there is no route.
    """
    family = wire.family(address)
    target = socket.inet_pton(family, address)
    own = socket.inet_pton(family, source) if source else b""
    body = _ROUTE.pack(family, 8 * len(target), 8 * len(own), 0, 0, 0, 0, 0, _LOOKUP_TABLE)
    body += struct.pack("=HH", 4 + len(target), _RTA_DST) + target
    body += struct.pack("=HH", 4 + len(own), _RTA_SRC) + own if own else b""
    found: dict[str, object] = {}
    for message in ask(ROUTE, GET_ROUTE, 0, body):
        for kind, value in attributes(message[_ROUTE.size :]):
            if kind == _RTA_OIF:
                found["device"] = socket.if_indextoname(struct.unpack("=I", value)[0])
            elif kind in _ADDRESSES:
                found[_ADDRESSES[kind]] = socket.inet_ntop(family, bytes(value))
            elif kind == _RTA_METRICS:
                limits = [struct.unpack("=I", limit)[0] for metric, limit in attributes(value) if metric == _RTAX_MTU]
                if limits:
                    found["mtu"] = limits[0]
            elif kind == _RTA_TABLE and (table := struct.unpack("=I", value)[0]) not in _USUAL_TABLES:
                found["table"] = table
    return found


def ways(targets: dict[str, object], source: str = "") -> dict[str, object]:
    """Return for each labelled address how the kernel reaches it from a source, and what its device is like."""
    devices = links()
    found: dict[str, object] = {}
    for label, address in targets.items():
        try:
            way = route(str(address), source)
        except OSError as error:
            why = error.strerror or str(error)
            found[label] = {"ok": False, "why": why, "error": errno.errorcode.get(error.errno or 0, "")}
        else:
            device = devices.get(str(way.get("device")), {})
            found[label] = {"mtu": device.get("mtu"), **way, "ok": True}
    return found
