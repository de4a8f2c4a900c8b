"""Count what crosses a network device: ESP by its SPI, VXLAN by its VNI, and packets that hold given bytes in clear.

Packets are counted and dropped at once; none is kept, so nothing of anyone's traffic leaves the host. The kernel
filters first (classic BPF): only UDP, ESP and IPv6 fragments reach this process.
"""

from __future__ import annotations

import array
import socket
import struct
import threading
import time

ALL_PROTOCOLS = 3
IPV4 = 0x0800
IPV6 = 0x86DD
UDP = 17
ESP = 50
FRAGMENT = 44
OUTGOING = 4
HOST = 0
ROOM = 8 * 1024 * 1024
"""Bytes that may wait in the kernel; what does not fit is counted as lost."""
EVERY = "*"
PATIENCE = 5.0
"""Seconds for what must come and did not: a busy host, or what is between, lets packets lie for a second or more."""
LONGEST = 120.0
"""Seconds after which a capture ends by itself."""
_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_MORE_FRAGMENTS_OR_OFFSET = 0x3FFF
_OFFSET = 0x1FFF
_VERSION_4 = 4
_SHORTEST = {True: 20, False: 40}
"""Bytes of an IP header, by whether it is version 4."""
_TICK = 0.1

_LOAD_WORD, _LOAD_BYTE, _EQUAL, _RETURN = 0x20, 0x30, 0x15, 0x06
_PROTOCOL = 0xFFFFF000
"""Where BPF shows the protocol of the frame (``SKF_AD_OFF + SKF_AD_PROTOCOL``)."""
_REJECT, _ACCEPT = 10, 11
FILTER = (
    (_LOAD_WORD, 0, 0, _PROTOCOL),
    (_EQUAL, 0, 3, IPV4),
    (_LOAD_BYTE, 0, 0, 9),
    (_EQUAL, _ACCEPT - 4, 0, UDP),
    (_EQUAL, _ACCEPT - 5, _REJECT - 5, ESP),
    (_EQUAL, 0, _REJECT - 6, IPV6),
    (_LOAD_BYTE, 0, 0, 6),
    (_EQUAL, _ACCEPT - 8, 0, UDP),
    (_EQUAL, _ACCEPT - 9, 0, ESP),
    (_EQUAL, _ACCEPT - 10, 0, FRAGMENT),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)
NOTHING = ((_RETURN, 0, 0, 0),)


class Counts:
    """What was seen in one direction; ``peers`` are the other ends' addresses."""

    def __init__(self) -> None:
        self.esp: dict[str, dict[str, int]] = {}
        self.vxlan: dict[str, dict[str, int]] = {}
        self.clear: dict[str, int] = {}
        self.fragments = 0

    def as_json(self) -> dict[str, object]:
        """Return the counts: ``esp`` as peer to SPI, ``vxlan`` as peer to VNI, ``clear`` as label of the bytes."""
        return {"esp": self.esp, "vxlan": self.vxlan, "clear": self.clear, "fragments": self.fragments}


class Capture:
    """Counts on some devices from the moment it is made until ``stop``, or until its time is over."""

    def __init__(self, job: dict[str, object]) -> None:
        """Begin: when this returns the kernel keeps every packet that passes.

        Args:
            job: ``devices`` (``*``: all of this network namespace), ``port`` (of VXLAN), ``needles`` (label to hex
                bytes), ``ignore`` (hex bytes; packets with them are not traffic), ``seconds``.
        """
        named = [str(name) for name in _list(job["devices"])]
        self.devices = [name for _, name in socket.if_nameindex()] if named == [EVERY] else named
        self.port = int(str(job["port"]))
        self.needles = {label: bytes.fromhex(str(text)) for label, text in _dict(job["needles"]).items()}
        self.ignore = bytes.fromhex(str(job.get("ignore", "")))
        self.sent, self.received = Counts(), Counts()
        self.frames = self.lost = 0
        self._late = False
        self._over = threading.Event()
        self._until = time.monotonic() + min(LONGEST, float(str(job["seconds"])))
        self._lock = threading.Lock()
        sockets = [_listen(device) for device in self.devices]
        self._threads = [threading.Thread(target=self._count, args=(one,), daemon=True) for one in sockets]
        for thread in self._threads:
            thread.start()

    def stop(self, wanted: object = ()) -> dict[str, object]:
        """End, and return what was counted; ``complete`` is false when something passed that was not looked at.

        The end waits for the bytes with the labels ``wanted`` to come in.
        """
        until = min(self._until, time.monotonic() + PATIENCE)
        while time.monotonic() < until and not self._came(_list(wanted)):
            time.sleep(_TICK)
        self._over.set()
        for thread in self._threads:
            thread.join()
        return {
            "devices": self.devices,
            "frames": self.frames,
            "lost": self.lost,
            "complete": not self.lost and not self._late,
            "sent": self.sent.as_json(),
            "received": self.received.as_json(),
        }

    def _came(self, wanted: list[object]) -> bool:
        with self._lock:
            return all(label in self.received.clear for label in wanted)

    def _count(self, link: socket.socket) -> None:
        with link:
            while not self._over.is_set() and time.monotonic() < self._until:
                self._next(link)
            self._late |= not self._over.is_set()
            _filter(link, NOTHING)
            link.settimeout(0)
            while self._next(link):  # no more can come: what waits is all
                pass
            _, lost = struct.unpack("=II", link.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
            with self._lock:
                self.lost += lost

    def _next(self, link: socket.socket) -> bool:
        """Count one packet; return False when there is none now."""
        try:
            data, sender = link.recvfrom(65535)
        except (socket.timeout, BlockingIOError):  # noqa: UP041 - no TimeoutError before Python 3.10
            return False
        with self._lock:
            self._take(data, sender[2])
        return True

    def _take(self, data: bytes, direction: int) -> None:
        if direction in (OUTGOING, HOST):
            self.frames += 1
            self.look(data, self.sent if direction == OUTGOING else self.received)

    def look(self, data: bytes, counts: Counts) -> None:
        """Count one IP packet."""
        if len(data) < _SHORTEST[data[0] >> 4 == _VERSION_4] or (self.ignore and self.ignore in data):
            return
        for label, needle in self.needles.items():
            if needle in data:
                counts.clear[label] = counts.clear.get(label, 0) + 1
        outgoing = counts is self.sent
        peer, protocol, start, offset = _header(data, outgoing=outgoing)
        if offset & _MORE_FRAGMENTS_OR_OFFSET:
            counts.fragments += 1
        if offset & _OFFSET or len(data) < start + 16:
            return
        if protocol == ESP:
            _add(counts.esp, peer, f"0x{data[start : start + 4].hex()}")
        elif protocol == UDP and struct.unpack_from("!H", data, start + 2)[0] == self.port:
            _add(counts.vxlan, peer, str(int.from_bytes(data[start + 12 : start + 15], "big")))


def _header(data: bytes, *, outgoing: bool) -> tuple[str, int, int, int]:
    """Return the other end, the protocol, where its header begins, and the fragment word."""
    if data[0] >> 4 == _VERSION_4:
        peer = socket.inet_ntoa(data[16:20] if outgoing else data[12:16])
        return peer, data[9], (data[0] & 0x0F) * 4, struct.unpack_from("!H", data, 6)[0]
    peer = socket.inet_ntop(socket.AF_INET6, data[24:40] if outgoing else data[8:24])
    return peer, data[6], 40, 0


def _add(table: dict[str, dict[str, int]], peer: str, label: str) -> None:
    row = table.setdefault(peer, {})
    row[label] = row.get(label, 0) + 1


def _listen(device: str) -> socket.socket:
    """Return a socket that gets every IP packet of a device from now on, from any sender."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    _filter(link, FILTER)
    try:
        link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
    except OSError:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    link.settimeout(_TICK)
    link.bind((device, ALL_PROTOCOLS))
    return link


def _filter(link: socket.socket, lines: tuple[tuple[int, int, int, int], ...]) -> None:
    """Let the kernel hand over only what the program accepts, from now on."""
    code = array.array("B", b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("@HP", len(lines), code.buffer_info()[0])
    link.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
