"""Hear what other hosts send to the ports of a swarm: on the wire, and past the firewall; no program need listen.

A host without a swarm has no program on these ports. So TCP ports are opened as long as the watch goes on, and
datagrams are heard by raw sockets, which the kernel gives a copy of whatever its firewall lets in
(``raw_local_deliver``), whatever program has it. A second look, on the devices themselves, comes before the firewall.
What is seen there and not past it, the host drops itself; what is not seen there got lost before.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
import time

from swarmnet.probe import bpf, wire

TCP, UDP, ESP = 6, 17, 50
SPI = 0x73776D6E
"""Of probing ESP packets: no key has it, since engines hash addresses to theirs, and it is in no other packet."""
VNI = 0xFFFFFF
"""Of probing VXLAN packets: the highest, which engines never reach (they count up from 4096)."""
_VXLAN = struct.pack("!II", 0x08000000, VNI << 8)
_INNER = bytes.fromhex("02000000000102000000000288b5")
"""An Ethernet header with the type that is left for experiments (IEEE 802)."""
LONGEST = 120.0
"""Seconds after which a watch ends by itself."""
OUTGOING = 4
TIMES, PAUSE = 3, 0.12
"""How often each packet is sent, and the seconds between: one lost packet proves nothing."""
PATIENCE = 5.0
"""Seconds for what does not come."""
_TICK = 0.1
_LAST = 5.0
"""Seconds for what still waits at the end."""
_SYN, _SYN_ACK = 0x02, 0x12
_SHORTEST = 8
"""Bytes of a UDP header, and of the head of ESP."""
_VERSION_6 = 6
_HEADER_6 = 40
_ALL = 3

Seen = "dict[str, dict[str, int]]"
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def datagram(protocol: str, port: int, data_port: int, message: dict[str, object]) -> bytes:
    """Return what is sent: a message, as VXLAN for the data path's port, after the head of ESP for ``esp``."""
    body = wire.encode(message)
    if protocol == "esp":
        return struct.pack("!II", SPI, 1) + body
    return _VXLAN + _INNER + body if port == data_port else body


def message_in(data: bytes) -> dict[str, object] | None:
    """Return the message in the payload of a datagram, None when it is none of ours."""
    for head in (_VXLAN + _INNER, struct.pack("!II", SPI, 1)):
        if data.startswith(head):
            return wire.decode(data[len(head) :])
    return wire.decode(data)


class Watch:
    """Hears from the moment it is made until ``stop``, or until its time is over."""

    def __init__(self, run: str, task: dict[str, object]) -> None:
        """Begin.

        Args:
            run: the run whose messages count.
            task: ``tcp`` (ports to open), ``udp`` (ports to hear), ``data`` (the one of them that carries VXLAN).
        """
        self._run = run
        self._tcp, self._udp, self._data = _ports(task, "tcp"), _ports(task, "udp"), int(str(task["data"]))
        self.taken: list[int] = []
        """TCP ports that another program has: it answers, then."""
        self._wire: dict[str, dict[str, int]] = {}
        self._heard: dict[str, dict[str, int]] = {}
        self._senders: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._until = time.monotonic() + LONGEST
        plain = [port for port in self._udp if port != self._data]
        doors = bpf.Doors(self._tcp, plain, self._data, VNI << 8, SPI)
        opened = [(self._on_wire, _packets(doors.packets()))]
        opened += [(take, link) for protocol in (UDP, ESP) for take, link in self._raw(protocol, doors)]
        self._listeners = [one for one in map(self._listen, self._tcp) if one is not None]
        self._threads = [threading.Thread(target=self._follow, args=one, daemon=True) for one in opened]
        for thread in self._threads:
            thread.start()
        for listener in self._listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def counts(self) -> dict[str, object]:
        """Return what was heard so far.

        Returns:
            ``wire``: ``in/udp/7946`` and so on (``in`` or ``out``; ``syn`` and ``synack`` for TCP) to the other
            end's address and a count, as devices saw it. ``heard``: ``udp/7946`` and so on to the sender, by name
            where it is one of ours, else by address. ``senders``: the address by which each name is seen. ``taken``.
        """
        with self._lock:
            return {
                "wire": {kind: dict(row) for kind, row in self._wire.items()},
                "heard": {kind: dict(row) for kind, row in self._heard.items()},
                "senders": dict(self._senders),
                "taken": list(self.taken),
            }

    def wait_for(self, task: dict[str, object]) -> None:
        """Wait until all of ``await`` came that can still come, at most ``PATIENCE`` seconds.

        A busy host, or what is between, lets packets lie for a second or more. ``await`` is a list of ``[kind, sender's
        name, its address]``. With ``behind``, a sender's packets of one kind are lost where all of another kind came:
        :func:`throw` sends the last of each behind those of all others.
        """
        found = task.get("await")
        wanted = [(str(one[0]), str(one[1]), str(one[2])) for one in found] if isinstance(found, list) else []
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not all(
            self._is_over(*one, behind=bool(task.get("behind"))) for one in wanted
        ):
            time.sleep(_TICK)
        time.sleep(2 * _TICK)

    def _is_over(self, kind: str, name: str, address: str, *, behind: bool) -> bool:
        """Return whether a packet came, or all stopped at this host's own firewall, or another kind's last came."""
        with self._lock:
            here = [row.get(address, 0) for what, row in self._wire.items() if what.startswith("in/")]
            here += [row.get(name, 0) for row in self._heard.values()]
            came = self._heard.get(kind, {}).get(name, 0) > 0
            stopped = self._wire.get(f"in/{kind}", {}).get(address, 0) >= TIMES
        return came or stopped or (behind and max(here, default=0) >= TIMES)

    def stop(self) -> dict[str, object]:
        """End once everything that waits is counted, and return what was heard."""
        self._over.set()
        for thread in self._threads:
            thread.join(_LAST)
        for listener in self._listeners:
            listener.close()
        return self.counts()

    def _raw(self, protocol: int, doors: bpf.Doors) -> Iterator[tuple[Callable[..., None], socket.socket]]:
        """Yield what gets a copy of the packets of a protocol that the host accepts, of either version of IP."""
        yield lambda data, who: self._past(protocol, data[_length(data) :], who), _raw(4, protocol, doors.packets())
        if _has_ipv6():
            yield lambda data, who: self._past(protocol, data, who), _raw(6, protocol, doors.bare(protocol))

    def _listen(self, port: int) -> socket.socket | None:
        """Return what takes connections of both versions of IP; None where another program has the port in one."""
        link = socket.socket(socket.AF_INET6 if _has_ipv6() else socket.AF_INET, socket.SOCK_STREAM)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if link.family == socket.AF_INET6:
            link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            link.bind(("", port))
            link.listen(128)
        except OSError as error:
            link.close()
            if error.errno != errno.EADDRINUSE:
                raise
            self.taken.append(port)
            return None
        link.settimeout(_TICK)
        return link

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while self._goes_on():
                try:
                    listener.accept()[0].close()
                except socket.timeout:  # noqa: UP041 - no TimeoutError before Python 3.10
                    continue
                except OSError:
                    return

    def _goes_on(self) -> bool:
        return not self._over.is_set() and time.monotonic() < self._until

    def _follow(self, take: object, link: socket.socket) -> None:
        with link:
            while self._goes_on():
                self._next(take, link)
            link.settimeout(0)
            while self._next(take, link):  # a busy host may not have had its turn yet
                pass

    def _next(self, take: object, link: socket.socket) -> bool:
        """Count one packet; return False when there is none now."""
        try:
            data, sender = link.recvfrom(65535)
        except OSError:
            return False
        if callable(take) and len(data) >= _SHORTEST:
            take(data, sender)
        return True

    def _on_wire(self, data: bytes, sender: tuple[object, ...]) -> None:
        """Count one packet that a device sends or receives."""
        out = sender[2] == OUTGOING
        if data[0] >> 4 == _VERSION_6:
            family, protocol, ends = socket.AF_INET6, data[6], (data[8:24], data[24:40])
        else:
            family, protocol, ends = socket.AF_INET, data[9], (data[12:16], data[16:20])
        kind = self._kind(protocol, data[_length(data) :])
        if kind:
            self._add(self._wire, f"{'out' if out else 'in'}/{kind}", socket.inet_ntop(family, ends[out]))

    def _kind(self, protocol: int, data: bytes) -> str:
        """Return what a packet is, by its protocol and its transport header."""
        if protocol == ESP:
            return "esp"
        if len(data) < _SHORTEST:
            return ""
        source, target = struct.unpack_from("!HH", data)
        if protocol == UDP:
            return f"udp/{target}"
        flags = data[13] & _SYN_ACK if len(data) > 13 else 0  # noqa: PLR2004 - where TCP has them
        if flags == _SYN and target in self._tcp:
            return f"syn/{target}"
        return f"synack/{source}" if flags == _SYN_ACK and source in self._tcp else ""

    def _past(self, protocol: int, data: bytes, sender: tuple[object, ...]) -> None:
        """Count one packet that the host's firewall let in, without its IP header."""
        if len(data) < _SHORTEST:
            return
        kind = "esp" if protocol == ESP else "udp/{}".format(struct.unpack_from("!H", data, 2)[0])
        message = message_in(data if protocol == ESP else data[_SHORTEST:])
        ours = message is not None and message.get("run") == self._run
        name = str(message.get("from")) if ours and message is not None else str(sender[0])
        self._add(self._heard, kind, name)
        if ours:
            with self._lock:
                self._senders[name] = str(sender[0])

    def _add(self, table: dict[str, dict[str, int]], kind: str, who: str) -> None:
        with self._lock:
            row = table.setdefault(kind, {})
            row[who] = row.get(who, 0) + 1


def _ports(task: dict[str, object], key: str) -> list[int]:
    found = task.get(key)
    return [int(str(port)) for port in found] if isinstance(found, list) else []


def _packets(code: list[tuple[int, int, int, int]]) -> socket.socket:
    """Return a socket that gets what the program accepts of all devices, in both directions."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
    bpf.attach(link, code)
    link.settimeout(_TICK)
    return link


def _length(data: bytes) -> int:
    """Return the bytes of a packet's IP header."""
    return _HEADER_6 if data[0] >> 4 == _VERSION_6 else (data[0] & 0x0F) * 4


def _has_ipv6() -> bool:
    """Return whether the kernel has IPv6 at all; where it is only switched off, its sockets hear nothing."""
    return os.path.exists("/proc/net/if_inet6")


def _raw(version: int, protocol: int, code: list[tuple[int, int, int, int]]) -> socket.socket:
    """Return a socket that gets a copy of what the host accepts of a protocol, and the program, too."""
    link = socket.socket(socket.AF_INET6 if version == _VERSION_6 else socket.AF_INET, socket.SOCK_RAW, protocol)
    bpf.attach(link, code)
    link.settimeout(_TICK)
    return link


def throw(run: str, task: dict[str, object]) -> dict[str, object]:
    """Send to each labelled target what a swarm would; wait for nothing.

    A target has ``address``, ``protocol`` (``udp`` or ``esp``) and ``port``; ``data`` is the port of VXLAN, ``from``
    the own name. Return for each label how many left this program, and why not, with the kernel's number of the error:
    its own firewall refuses with ``EPERM``.
    """
    targets, data = task["targets"], int(str(task["data"]))
    known = {label: one for label, one in targets.items() if isinstance(one, dict)} if isinstance(targets, dict) else {}
    outcomes: dict[str, dict[str, object]] = {label: {"sent": 0, "why": "", "errno": 0} for label in known}
    message: dict[str, object] = {"run": run, "from": task["from"]}
    senders = _Senders()
    try:
        for _ in range(TIMES):
            for label, one in known.items():
                protocol, port = str(one["protocol"]), int(one.get("port") or 0)
                body = datagram(protocol, port, data, message)
                outcome = outcomes[label]
                try:
                    senders.send(protocol, body, str(one["address"]), port)
                    outcome["sent"] = int(str(outcome["sent"])) + 1
                except OSError as error:
                    outcome.update(why=error.strerror or str(error), errno=error.errno or 0)
            time.sleep(PAUSE)
    finally:
        senders.close()
    return {"targets": outcomes}


class _Senders:
    """Sockets for datagrams and ESP by both versions of IP; each is opened when it is first needed."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, int], socket.socket] = {}

    def close(self) -> None:
        """Let the sockets go."""
        for link in self._links.values():
            link.close()

    def send(self, protocol: str, body: bytes, address: str, port: int) -> None:
        """Send one packet; raises ``OSError`` with the kernel's reason."""
        family, is_esp = wire.family(address), protocol == "esp"
        link = self._links.get((protocol, family))
        if link is None:
            kind, number = (socket.SOCK_RAW, ESP) if is_esp else (socket.SOCK_DGRAM, 0)
            link = self._links[protocol, family] = socket.socket(family, kind, number)
        # A raw socket of IPv6 takes no other port than none, or its own protocol.
        link.sendto(body, (address, 0 if is_esp else port))
