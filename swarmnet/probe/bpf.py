"""Programs by which the kernel filters packets for a socket (classic BPF), so that no other packet is copied."""

from __future__ import annotations

import array
import socket
import struct

_SO_ATTACH_FILTER = 26
_NUMBER, _WORD_AT, _BYTE_AT = 0x00, 0x20, 0x30
_WORD, _HALF, _BYTE = 0x40, 0x48, 0x50
"""Load from the transport header."""
_HEADER, _START = 0xB1, 0x01
"""Where the transport header begins: after an IPv4 header, or at a number."""
_EQUAL, _SET, _RETURN = 0x15, 0x45, 0x06
_PROTOCOL, _IPV4, _IPV6 = 0xFFFFF000, 0x0800, 0x86DD
_HEADER_6 = 40
"""Bytes of an IPv6 header; packets with more headers in between are none of a swarm's."""
_TCP, _UDP, _ESP = 6, 17, 50
_SYN = 0x02

Line = "tuple[int, int, int, int]"


def attach(link: socket.socket, code: list[tuple[int, int, int, int]]) -> None:
    """Let a socket take only what the program accepts, from now on."""
    lines = array.array("B", b"".join(struct.pack("=HBBI", *line) for line in code))
    program = struct.pack("@HP", len(code), lines.buffer_info()[0])
    link.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


class _Program:
    """Lines in the order of their numbers; jumps name a label that comes later."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, int, str, str]] = []
        self._labels: dict[str, int] = {}

    def add(self, code: int, value: int, yes: str = "", no: str = "") -> None:
        self._lines.append((code, value, yes, no))

    def go(self, name: str) -> None:
        """Jump, whatever is loaded."""
        self.add(_EQUAL, 0, name, name)

    def label(self, name: str) -> None:
        self._labels[name] = len(self._lines)

    def code(self) -> list[tuple[int, int, int, int]]:
        def jump(at: int, name: str) -> int:
            return self._labels[name] - at - 1 if name else 0

        return [(code, jump(at, yes), jump(at, no), value) for at, (code, value, yes, no) in enumerate(self._lines)]


class Doors:
    """What counts: ports of TCP, of datagrams and of VXLAN (``data``) with one word of a VNI, and ESP with one SPI."""

    def __init__(self, tcp: list[int], udp: list[int], data: int, vni: int, spi: int) -> None:
        self._ports = tcp, udp, data
        self._vni, self._spi = vni, spi

    def packets(self) -> list[tuple[int, int, int, int]]:
        """Return a program for packets that begin with their IP header, of either version."""
        one = _Program()
        one.add(_WORD_AT, _PROTOCOL)
        one.add(_EQUAL, _IPV4, "", "ipv6")
        one.add(_HEADER, 0)
        one.add(_BYTE_AT, 9)
        one.go("transport")
        one.label("ipv6")
        one.add(_EQUAL, _IPV6, "", "reject")
        one.add(_START, _HEADER_6)
        one.add(_BYTE_AT, 6)
        return self._transport(one)

    def bare(self, protocol: int) -> list[tuple[int, int, int, int]]:
        """Return a program for what a raw socket of IPv6 gets: packets of a protocol without their IP header."""
        one = _Program()
        one.add(_START, 0)
        one.add(_NUMBER, protocol)
        return self._transport(one)

    def _transport(self, one: _Program) -> list[tuple[int, int, int, int]]:
        """Add what looks at the transport header; its protocol is loaded.

        Of connections, it accepts the first two packets, to or from the ports.
        """
        tcp, udp, data = self._ports
        one.label("transport")
        one.add(_EQUAL, _TCP, "tcp")
        one.add(_EQUAL, _UDP, "udp")
        one.add(_EQUAL, _ESP, "esp", "reject")
        one.label("tcp")
        one.add(_BYTE, 13)
        one.add(_SET, _SYN, "", "reject")
        for offset in (2, 0):
            one.add(_HALF, offset)
            for port in tcp:
                one.add(_EQUAL, port, "accept")
        one.add(_RETURN, 0)
        one.label("udp")
        one.add(_HALF, 2)
        for port in udp:
            one.add(_EQUAL, port, "accept")
        one.add(_EQUAL, data, "", "reject")
        one.add(_WORD, 12)
        one.add(_EQUAL, self._vni, "accept", "reject")
        one.label("esp")
        one.add(_WORD, 0)
        one.add(_EQUAL, self._spi, "accept", "reject")
        one.label("reject")
        one.add(_RETURN, 0)
        one.label("accept")
        one.add(_RETURN, 0xFFFFFFFF)
        return one.code()
