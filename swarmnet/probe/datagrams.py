"""Ask many peers by datagrams at once, again and again until all answered or the time is over: ICMP and UDP."""

from __future__ import annotations

import os
import select
import socket
import struct
import time

from swarmnet.probe import wire

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
LAST_WAIT = 1.0
"""Seconds for the last answers of a burst."""
PATIENCE = 5.0
"""Seconds for which a peer is asked again, behind a burst, until it has a turn."""
RESEND, GRACE = 0.2, 0.2
"""Seconds until it is asked again, and for which an answer may be later than the one to what was sent behind it."""
ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_6, ECHO_REPLY_6 = 128, 129


class Echo:
    """ICMP echo: an unprivileged socket where the kernel allows, else a raw one."""

    def __init__(self, run: str, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._tag = run.encode()[:16].ljust(16, b"\0")  # an even length, for the checksum
        self._id = os.getpid() & 0xFFFF
        self._six = family == socket.AF_INET6
        self._request, self._reply = (ECHO_REQUEST_6, ECHO_REPLY_6) if self._six else (ECHO_REQUEST, ECHO_REPLY)
        protocol = socket.IPPROTO_ICMPV6 if self._six else socket.IPPROTO_ICMP
        try:
            self.socket = socket.socket(family, socket.SOCK_DGRAM, protocol)
        except OSError:
            self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self.raw = self.socket.type == socket.SOCK_RAW

    def send(self, index: int, address: str, size: int = 48) -> None:
        """Send an echo request of ``size`` bytes with the target's index as its sequence number."""
        body = (self._tag + struct.pack("!I", index)).ljust(size, b"\0")
        head = struct.pack("!BBHHH", self._request, 0, 0, self._id, index & 0xFFFF)
        # Of IPv6, the kernel computes it: it has the addresses, too.
        found = 0 if self._six else checksum(head + body)
        checked = struct.pack("!BBHHH", self._request, 0, found, self._id, index & 0xFFFF)
        self.socket.sendto(checked + body, (address, 0))

    def receive(self) -> tuple[int, str] | None:
        """Return the index that a reply answers, and who replied; None for what is none of ours."""
        data, _ = self.socket.recvfrom(2048)
        if self.raw and data and not self._six:
            data = data[(data[0] & 0x0F) * 4 :]
        mine = 8 + len(self._tag)
        if len(data) < mine + 4 or data[0] != self._reply or data[8:mine] != self._tag:
            return None
        return int.from_bytes(data[mine : mine + 4], "big"), ""


class Nonces:
    """UDP: each target gets a nonce of its own, and must send it back with its name."""

    def __init__(self, run: str, sender: str, network: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        self._common: dict[str, object] = {"run": run, "from": sender, "network": network}
        self._salt = os.urandom(8).hex()

    def send(self, index: int, address: str) -> None:
        """Send the target's nonce."""
        message = dict(self._common, nonce=f"{self._salt}-{index}")
        self.socket.sendto(wire.encode(message), wire.endpoint(address))

    def receive(self) -> tuple[int, str] | None:
        """Return the index whose nonce came back, and the name of who sent it."""
        message = wire.decode(self.socket.recvfrom(65535)[0])
        salt, _, index = str((message or {}).get("nonce")).partition("-")
        if message is None or salt != self._salt or not index.isdigit():
            return None
        return int(index), str(message.get("id"))


def scatter(run: str, task: dict[str, object]) -> dict[str, object]:
    """Send ``count`` datagrams with a marker to every labelled address; without waiting for answers.

    The peers' servers count them under the task's ``network``, and each contains the bytes of ``marker`` unchanged.
    """
    targets, sent, why = task["targets"], 0, ""
    message = wire.encode({"run": run, "from": task["from"], "network": task["network"], "nonce": task["marker"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for _ in range(int(str(task["count"]))):
            for address in targets.values() if isinstance(targets, dict) else ():
                try:
                    sent += link.sendto(message, wire.endpoint(str(address))) > 0
                except OSError as error:
                    why = error.strerror or str(error)
            time.sleep(0.005)  # a burst would only fill queues
    return {"sent": sent, "why": why}


class Burst:
    """Datagrams to several peers, each sent once: what does not come back was lost."""

    def __init__(self, asker: Echo | Nonces, addresses: list[str], behind: Echo | Nonces) -> None:
        """Send nothing yet; ``behind`` is for what is sent after all others, and again."""
        self._asker = asker
        self._addresses = addresses
        self._behind = behind
        self.sent = [0] * len(addresses)
        self.turns = 0
        """How many were meant for each peer so far."""
        self._came: set[int] = set()
        self.behind_sent = [0] * len(addresses)
        self.behind_came = [0] * len(addresses)

    def spread(self, count: int, spacing: float, until: float, only: list[int] | None = None) -> None:
        """Send ``count`` to each peer, or to some, a round each ``spacing`` seconds, and take answers meanwhile.

        They leave one by one: what is sent at once fills queues, and measures those. Where the time is too short for
        all, fewer leave, but one to each, so that the last ones can be answered, too.
        """
        peers = list(range(len(self._addresses))) if only is None else only
        pause = spacing / max(1, len(peers))
        end = until - min(LAST_WAIT, (until - time.monotonic()) / 2)
        numbers = [
            turn * len(self._addresses) + index for turn in range(self.turns, self.turns + count) for index in peers
        ]
        self.turns += count
        for sent, number in enumerate(numbers):
            if sent >= len(peers) and time.monotonic() + pause >= end:
                break
            begun = time.monotonic()
            self.send(number)
            self.take(pause)
            time.sleep(max(0.0, begun + pause - time.monotonic()))
        self.take(RESEND)

    def send(self, number: int) -> None:
        """Send the datagram of this number, to each peer in turn; one that the kernel refuses counts as not sent."""
        index = number % len(self._addresses)
        try:
            self._asker.send(number, self._addresses[index])
        except OSError:
            return
        self.sent[index] += 1

    def take(self, seconds: float) -> None:
        """Take answers for so long, or until there is none left to wait for."""
        end = time.monotonic() + seconds
        while len(self._came) < sum(self.sent):
            if not select.select([self._asker.socket], [], [], max(0.0, end - time.monotonic()))[0]:
                return
            try:
                answer = self._asker.receive()
            except OSError:
                continue  # an ICMP error for one of the peers
            if answer is not None:
                self._came.add(answer[0])

    def settle(self, until: float) -> None:
        """Take answers until each peer that lacks some has answered what was sent behind all others.

        A busy host gives its network no turn for a second or more: what it did not answer by then is not lost.
        """
        waiting = {index for index in range(len(self._addresses)) if self.came(index) < self.sent[index]}
        while waiting and time.monotonic() < until:
            for index in waiting:
                try:
                    self._behind.send(index, self._addresses[index])
                except OSError:
                    continue
                self.behind_sent[index] += 1
            end = time.monotonic() + RESEND
            while waiting and select.select([self._behind.socket], [], [], max(0.0, end - time.monotonic()))[0]:
                try:
                    answer = self._behind.receive()
                except OSError:
                    continue
                if answer is not None and answer[0] < len(self._addresses):
                    self.behind_came[answer[0]] += 1
                    waiting.discard(answer[0])
            self.take(0.0)
            waiting = {index for index in waiting if self.came(index) < self.sent[index]}
        self.take(GRACE)

    def came(self, index: int, since: int = 0) -> int:
        """Return how many answers came from a peer, to what was sent to it from this turn on."""
        among = len(self._addresses)
        return sum(number % among == index and number // among >= since for number in self._came)


def burst(run: str, task: dict[str, object], until: float) -> dict[str, object]:
    """Send ``count`` datagrams to every labelled address, one each ``spacing`` seconds, none again; count the answers.

    Then each peer gets its turn, for ``PATIENCE`` at most.

    Returns:
        Label to ``{"sent": n, "came": answers, "tries": n}``. What got there, the peers' servers count.
    """
    addresses = _labelled(task)
    sender, network = str(task["from"]), str(task["network"])
    nonces, behind = (Nonces(run, sender, label) for label in (network, f"{network}/behind"))
    all_of_it = Burst(nonces, list(addresses.values()), behind)
    all_of_it.spread(int(str(task["count"])), float(str(task["spacing"])), until)
    all_of_it.settle(time.monotonic() + PATIENCE)
    outcomes = {}
    for index, label in enumerate(addresses):
        sent = all_of_it.sent[index]
        outcomes[label] = {"sent": sent, "came": all_of_it.came(index), "tries": sent}
    return {"targets": outcomes}


def echoes(task: dict[str, object], until: float) -> dict[str, object]:
    """Send ``few`` echoes to every labelled address as a burst, and ``many`` more to those that did not answer all.

    The kernel of the peer answers them, so no program has to listen there. The first burst is not waited for longer
    than a moment: what comes late costs a second burst, and proves nothing.

    Returns:
        Label to ``{"sent": n, "came": answers, "tries": all that was sent, "answered": all answers}``. ``sent`` and
        ``came`` are those of the last burst to that peer alone.
    """
    addresses, spacing = _labelled(task), float(str(task["spacing"]))
    asker, behind = Echo(os.urandom(8).hex()), Echo(os.urandom(8).hex())  # no answer to another one counts
    with asker.socket, behind.socket:
        burst = Burst(asker, list(addresses.values()), behind)
        burst.spread(int(str(task["few"])), spacing, until)
        first, since = list(burst.sent), burst.turns
        lossy = [index for index in range(len(addresses)) if burst.came(index) < burst.sent[index]]
        if lossy:
            apart = max(float(str(task["least"])), spacing * len(lossy) / len(addresses))
            burst.spread(int(str(task["many"])), apart, until, lossy)
        burst.settle(until)
    outcomes = {}
    for index, label in enumerate(addresses):
        sent, came = burst.sent[index], burst.came(index)
        outcomes[label] = {
            "sent": sent - first[index] if index in lossy else sent,
            "came": burst.came(index, since) if index in lossy else came,
            "tries": sent + burst.behind_sent[index],
            "answered": came + burst.behind_came[index],
        }
    return {"targets": outcomes}


def _labelled(task: dict[str, object]) -> dict[str, str]:
    targets = task["targets"]
    return {str(label): str(address) for label, address in targets.items()} if isinstance(targets, dict) else {}


def checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071)."""
    data += bytes(len(data) & 1)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ask_all(asker: Echo | Nonces, addresses: list[str], until: float) -> list[dict[str, object]]:
    """Ask every address until it answered or until the time; return one outcome for each, in order.

    An outcome is ``{"ok": true, "ms": round trip, "tries": n, "id": who}``, or
    ``{"ok": false, "why": ..., "tries": n}``.
    """
    outcomes: list[dict[str, object]] = [{"ok": False, "why": "was not asked", "tries": 0} for _ in addresses]
    pending = set(range(len(addresses)))
    sent = [0.0] * len(addresses)
    pause = FIRST_PAUSE
    while pending and time.monotonic() < until:
        for index in sorted(pending):
            _send(asker, index, addresses[index], outcomes[index])
            sent[index] = time.monotonic()
        _collect(asker, pending, sent, outcomes, min(until, time.monotonic() + pause))
        pause = min(pause * 2, LONGEST_PAUSE)
    return outcomes


def _send(asker: Echo | Nonces, index: int, address: str, outcome: dict[str, object]) -> None:
    outcome["tries"] = int(str(outcome["tries"])) + 1
    try:
        asker.send(index, address)
        outcome.update(why="no answer", errno=0)
    except OSError as error:
        outcome.update(why=error.strerror or str(error), errno=error.errno or 0)


def _collect(
    asker: Echo | Nonces, pending: set[int], sent: list[float], outcomes: list[dict[str, object]], until: float
) -> None:
    """Take answers until none is missing, or until the time."""
    while pending:
        left = until - time.monotonic()
        if left <= 0 or not select.select([asker.socket], [], [], left)[0]:
            return
        try:
            answer = asker.receive()
        except OSError:
            continue  # an ICMP error for one of the targets; silence will tell which
        if answer is None or answer[0] not in pending:
            continue
        index, who = answer
        pending.discard(index)
        outcomes[index].update(ok=True, why="", ms=round((time.monotonic() - sent[index]) * 1000, 3), id=who)
