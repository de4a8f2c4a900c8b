"""Names that gossip has not brought yet are asked for longer; what is wrong otherwise is not. On loopback."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from swarmnet.probe import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE, THERE = "10.0.0.1", "10.0.0.2"
PATIENT = 60.0
"""More than any of these tests takes."""


@contextmanager
def resolver(known: Callable[[int], list[str]]) -> Iterator[tuple[str, int]]:
    """Serve names: the addresses of the query of this number, or "no such name" where there are none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))

        def serve() -> None:
            number = 0
            while True:
                data, sender = link.recvfrom(512)
                if not data:
                    return
                number += 1
                found = known(number)
                head = data[:2] + struct.pack("!HHHHH", 0x8180 if found else 0x8183, 1, len(found), 0, 0)
                records = b"".join(
                    struct.pack("!HHHIH", 0xC00C, names.TYPE_A, names.CLASS_IN, 0, 4) + socket.inet_aton(one)
                    for one in found
                )
                link.sendto(head + data[12:] + records, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield link.getsockname()
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", link.getsockname())
            thread.join()


def ask(known: Callable[[int], list[str]], expected: list[str], more: float) -> dict[str, object]:
    """Ask for one name until it is right, with no time but ``more``."""
    with resolver(known) as server:
        (outcome,) = names.ask_all([("w1.front", expected)], time.monotonic() + 0.3, server, more)
    return outcome


def test_a_name_that_comes_after_the_time_is_waited_for() -> None:
    outcome = ask(lambda number: [HERE] if number > 3 else [], [HERE], PATIENT)
    assert (outcome["ok"], outcome["tries"]) == (True, 4)


def test_an_address_that_comes_after_the_time_is_waited_for() -> None:
    outcome = ask(lambda number: [HERE, THERE] if number > 3 else [HERE], [HERE, THERE], PATIENT)
    assert outcome["addresses"] == [HERE, THERE]


def test_a_name_that_does_not_come_is_missing_when_all_time_is_over() -> None:
    outcome = ask(lambda _number: [], [HERE], 0.5)
    assert (outcome["ok"], outcome["why"]) == (False, "no such name")


def test_addresses_too_many_are_not_waited_for() -> None:
    begun = time.monotonic()
    outcome = ask(lambda _number: [HERE, THERE], [HERE], PATIENT)
    assert (outcome["ok"], outcome["why"]) == (False, "other addresses")
    assert time.monotonic() - begun < PATIENT


def test_a_resolver_that_does_not_answer_is_not_waited_for() -> None:
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        (outcome,) = names.ask_all([("w1.front", [HERE])], begun + 0.3, silent.getsockname(), PATIENT)
    assert outcome["why"] == "no answer"
    assert time.monotonic() - begun < PATIENT


def test_a_named_server_is_asked_by_itself() -> None:
    with resolver(lambda _: []) as (address, port):
        outcome = names.outside("x.invalid", time.monotonic() + PATIENT, address, port)
    assert outcome["code"] == "no such name"


def test_a_named_server_that_is_silent_has_no_code() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address, port = silent.getsockname()
        outcome = names.outside("x.invalid", time.monotonic() + 0.2, address, port)
    assert (outcome["code"], outcome["why"]) == (None, "no answer")
