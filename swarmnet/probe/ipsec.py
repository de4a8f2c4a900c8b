"""List the kernel's IPsec states and policies by netlink, without their keys, and read its counters of lost packets.

Layouts are those of ``linux/xfrm.h``. The kernel returns keys with every state: they are never looked at, and the
buffer that held them is zeros again before anything else is read (:func:`swarmnet.probe.netlink.ask`).
"""

from __future__ import annotations

import socket
import struct
import time

from swarmnet.probe import netlink

XFRM = 6
GET_STATE = 18
GET_POLICY = 21
OUT = 1
ESP = 50
_STATE = 224
_POLICY = 168
_NAME = 64
_DESTINATION, _SPI, _PROTOCOL, _SOURCE, _PACKETS, _ADDED, _FAMILY = 56, 72, 76, 80, 168, 176, 212
_DPORT, _SELECTOR_FAMILY, _DIRECTION = 32, 40, 160
_AEAD, _REPLAY, _MARK, _TEMPLATE = 18, 10, 21, 5
_TEMPLATE_SOURCE = 28


def states() -> list[dict[str, object]]:
    """Return every ESP state: ends, SPI, cipher (its name alone), packets so far, next number of the sender.

    ``age`` is in whole seconds, by the host's own clock.
    """
    now = int(time.time())
    found: list[dict[str, object]] = []
    for message in netlink.ask(XFRM, GET_STATE, netlink.DUMP, bytes(24)):
        if len(message) < _STATE or message[_PROTOCOL] != ESP:
            continue
        (family,) = struct.unpack_from("=H", message, _FAMILY)
        state: dict[str, object] = {
            "source": _address(family, message, _SOURCE),
            "target": _address(family, message, _DESTINATION),
            "spi": f"0x{bytes(message[_SPI : _SPI + 4]).hex()}",
            "packets": struct.unpack_from("=Q", message, _PACKETS)[0],
            "age": now - struct.unpack_from("=Q", message, _ADDED)[0],
        }
        for kind, value in netlink.attributes(message[_STATE:]):
            if kind == _AEAD:
                state["cipher"] = bytes(value[:_NAME]).rstrip(b"\0").decode("ascii", "replace")
            elif kind == _REPLAY:
                state["sequence"] = struct.unpack_from("=I", value)[0]
        found.append(state)
    return found


def policies() -> list[dict[str, object]]:
    """Return every outgoing policy with an ESP template: ends and SPI of the template, port, mark."""
    found: list[dict[str, object]] = []
    for message in netlink.ask(XFRM, GET_POLICY, netlink.DUMP, bytes(64)):
        if len(message) < _POLICY or message[_DIRECTION] != OUT:
            continue
        policy: dict[str, object] = {"port": struct.unpack_from("!H", message, _DPORT)[0]}
        for kind, value in netlink.attributes(message[_POLICY:]):
            if kind == _MARK:
                policy["mark"] = struct.unpack_from("=I", value)[0]
            elif kind == _TEMPLATE and value[20] == ESP:
                (family,) = struct.unpack_from("=H", value, 24)
                policy["spi"] = f"0x{bytes(value[16:20]).hex()}"
                policy["target"] = _address(family, value, 0)
                policy["source"] = _address(family, value, _TEMPLATE_SOURCE)
        if "spi" in policy:
            found.append(policy)
    return found


def _address(family: int, data: memoryview, start: int) -> str:
    size = 4 if family == socket.AF_INET else 16
    return socket.inet_ntop(family, bytes(data[start : start + size]))


def summary() -> dict[str, object]:
    """Return states and policies, or why the kernel shows none (``problem``)."""
    try:
        return {"states": states(), "policies": policies()}
    except OSError as error:
        return {"problem": f"the kernel lists no IPsec states: {error.strerror or error}"}


def counters() -> dict[str, object]:
    """Return the kernel's counters: ``ip`` (fragments), ``udp`` and ``tcp`` (checksums), ``xfrm`` (lost to IPsec)."""
    return {"ip": _table("Ip"), "udp": _table("Udp"), "tcp": _table("Tcp"), "xfrm": _xfrm()}


def _table(name: str) -> dict[str, int]:
    with open("/proc/net/snmp", encoding="ascii") as lines:
        rows = [line.split()[1:] for line in lines if line.startswith(f"{name}:")]
    return {key: int(value) for key, value in zip(*rows)} if len(rows) == 2 else {}  # noqa: B905, PLR2004 - head, values


def _xfrm() -> dict[str, int]:
    """Return the counters of ``/proc/net/xfrm_stat``; kernels without CONFIG_XFRM_STATISTICS have none."""
    try:
        with open("/proc/net/xfrm_stat", encoding="ascii") as lines:
            return {key: int(value) for key, value in (line.split() for line in lines)}
    except FileNotFoundError:
        return {}
