"""Ask the container's own resolver for names, with DNS messages: the answer's code and all addresses are seen."""

from __future__ import annotations

import select
import socket
import struct
import time

TYPE_A = 1
CLASS_IN = 1
CODES = {0: "no address", 1: "format error", 2: "server failure", 3: "no such name", 5: "refused"}
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 1.0
POINTER = 0xC0


ENGINES = "127.0.0.11"
"""The engine's own resolver, in every container that is on a network of the user's."""


def resolver() -> str:
    """Return the first nameserver of ``/etc/resolv.conf``: the engine's own, unless the container has its own file."""
    with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return words[1]
    return ENGINES


def question(ident: int, name: str) -> bytes:
    """Return a query for the name's IPv4 addresses."""
    head = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0)
    labels = b"".join(bytes([len(part)]) + part for part in name.encode("ascii").split(b".") if part)
    return head + labels + b"\0" + struct.pack("!HH", TYPE_A, CLASS_IN)


def answer(data: bytes) -> tuple[int, str, list[str]]:
    """Return the query's number, what the code means, and the addresses; raises ``ValueError`` when damaged."""
    try:
        ident, flags, questions, answers, _, _ = struct.unpack("!HHHHHH", data[:12])
        offset = 12
        for _ in range(questions):
            offset = _skip_name(data, offset) + 4
        found = []
        for _ in range(answers):
            offset = _skip_name(data, offset)
            kind, _, _, length = struct.unpack("!HHIH", data[offset : offset + 10])
            if kind == TYPE_A:
                found.append(socket.inet_ntoa(data[offset + 10 : offset + 14]))
            offset += 10 + length
    except (struct.error, IndexError, OSError) as error:
        raise ValueError("damaged DNS answer") from error
    return ident, CODES.get(flags & 0xF, f"code {flags & 0xF}"), sorted(found)


def _skip_name(data: bytes, offset: int) -> int:
    while data[offset]:
        if data[offset] & POINTER == POINTER:
            return offset + 2
        offset += data[offset] + 1
    return offset + 1


def ask_all(
    names: list[tuple[str, list[str]]], until: float, server: tuple[str, int] | None = None, more: float = 0.0
) -> list[dict[str, object]]:
    """Ask for every name until it gives exactly the expected addresses, or until the time; outcomes in order.

    Gossip needs a moment to carry a new endpoint to every node: an answer that is not right yet is asked for again, and
    one that lacks addresses for ``more`` seconds longer. ``server`` None asks the container's own resolver.
    """
    outcomes: list[dict[str, object]] = [
        {"ok": False, "why": "was not asked", "addresses": [], "tries": 0} for _ in names
    ]
    pending = set(range(len(names)))
    pause = FIRST_PAUSE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(server or (resolver(), 53))
        for end in (until, until + more):
            while pending and time.monotonic() < end:
                for index in sorted(pending):
                    outcomes[index]["tries"] = int(str(outcomes[index]["tries"])) + 1
                    outcomes[index].update(why="no answer", code=None, addresses=[])
                    _ask(link, index, names[index][0], outcomes[index])
                _collect(link, names, pending, outcomes, min(end, time.monotonic() + pause))
                pause = min(pause * 2, LONGEST_PAUSE)
            pending = {index for index in pending if _lacks(outcomes[index], names[index][1])}
    return outcomes


def _lacks(outcome: dict[str, object], expected: list[str]) -> bool:
    """Return whether the resolver answers, and does not know all addresses."""
    came = outcome["addresses"]
    return outcome.get("code") is not None and isinstance(came, list) and not set(expected) <= set(came)


def outside(name: str, until: float, server: str | None = None, port: int = 53) -> dict[str, object]:
    """Ask a server, or the engine, once for a name that no network here has; return the code and time of its answer.

    The engine's resolver asks the host's servers and says "server failure" where none of them answers.
    """
    begun = time.monotonic()
    outcome: dict[str, object] = {"code": None, "why": "no answer", "tries": 1}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((server or resolver(), port))
        _ask(link, 1, name, outcome)
        link.settimeout(max(0.05, until - time.monotonic()))
        try:
            outcome["code"] = answer(link.recv(65535))[1]
        except (OSError, ValueError) as error:
            outcome["why"] = "no answer" if isinstance(error, socket.timeout) else str(error)
    return dict(outcome, ms=round((time.monotonic() - begun) * 1000, 3))


def _ask(link: socket.socket, index: int, name: str, outcome: dict[str, object]) -> None:
    """Send a query; the next call on the socket fails if no process listens there."""
    for _ in range(2):
        try:
            link.send(question(index, name))
        except OSError as error:
            outcome["why"] = error.strerror or str(error)
        else:
            return


def _collect(
    link: socket.socket,
    names: list[tuple[str, list[str]]],
    pending: set[int],
    outcomes: list[dict[str, object]],
    until: float,
) -> None:
    while pending:
        left = until - time.monotonic()
        if left <= 0 or not select.select([link], [], [], left)[0]:
            return
        try:
            ident, code, found = answer(link.recv(65535))
        except OSError as error:
            for index in pending:
                outcomes[index]["why"] = error.strerror or str(error)
            time.sleep(FIRST_PAUSE)  # a refusal comes at once
            return
        except ValueError:
            continue
        if ident not in pending:
            continue
        good = bool(found) and found == sorted(names[ident][1])
        outcomes[ident].update(
            ok=good, addresses=found, code=code, why="" if good else "other addresses" if found else code
        )
        if good:
            pending.discard(ident)
