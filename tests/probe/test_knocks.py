"""Knocking as the probe does it: against a real server of its own, through real sockets."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from swarmnet.probe import knocks, wire
from swarmnet.probe.server import Server
from tests.support.ports import free_port
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = free_port()


@contextmanager
def answering(run: str, identity: str) -> Iterator[None]:
    """Serve on ``PORT`` of the loopback until the process ends; the threads are daemons."""
    kept, wire.PORT = wire.PORT, PORT
    try:
        threading.Thread(target=Server(run, identity).serve, args=(60.0,), daemon=True).start()
        wait_for_listener()
        yield
    finally:
        wire.PORT = kept


def wait_for_listener() -> None:
    def listens() -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", PORT)) == 0

    assert soon(listens, every=0.01), "the server did not begin to listen"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with answering("knocks", "node1"):
        yield


def knock(protocol: str, *, expected: tuple[str, ...] = ("node1",), times: int = 3, limit: float = 5.0) -> object:
    door = knocks.Door("knocks", "127.0.0.1", PORT, protocol)
    (outcome,) = knocks.ask_all([door], list(expected), times, time.monotonic() + limit)
    outcome.pop("ms", None)
    outcome.pop("longest", None)
    return outcome


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_every_knock_tells_who_opened_and_how_both_sides_see_each_other(protocol: str) -> None:
    assert knock(protocol) == {
        "ok": True,
        "seen": {"node1": 3},
        "reached": ["node1"],
        "lost": 0,
        "tries": 3,
        "why": "",
        "peers": ["127.0.0.1"],
        "locals": ["127.0.0.1"],
    }


def test_an_open_door_is_only_touched() -> None:
    outcome = knock("open", expected=())
    assert isinstance(outcome, dict)
    assert (outcome["ok"], outcome["seen"]) == (True, {"": 3})


LIMIT = 5.0


def test_someone_who_never_answers_is_waited_for_and_then_not_counted() -> None:
    begun = time.monotonic()
    outcome = knock("tcp", expected=("node1", "node2"), times=4, limit=LIMIT)
    assert isinstance(outcome, dict)
    assert (outcome["seen"], outcome["lost"]) == ({"node1": 4}, 0)
    assert time.monotonic() - begun >= LIMIT * knocks.WARM


def test_a_closed_port_is_refused_at_once_when_knocked_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        door = knocks.Door("knocks", "127.0.0.1", taken.getsockname()[1], "tcp")
        (outcome,) = knocks.ask_all([door], [], 0, time.monotonic() + 4 * LIMIT)
    assert (outcome["ok"], outcome["why"], outcome["tries"]) == (False, "Connection refused", 1)
    assert float(str(outcome["longest"])) < LIMIT


def test_a_listener_that_never_answers_is_a_loss_with_its_time_however_short_that_is() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        door = knocks.Door("knocks", "127.0.0.1", silent.getsockname()[1], "tcp")
        (outcome,) = knocks.ask_all([door], [], 0, time.monotonic() + 0.4)
    assert (outcome["ok"], outcome["why"]) == (False, "no answer")
    assert float(str(outcome["longest"])) >= knocks.SHORTEST


def test_an_answer_as_late_as_after_a_lost_packet_is_not_a_loss_where_there_is_little_time() -> None:
    with late_listener(1.1) as port:
        door = knocks.Door("knocks", "127.0.0.1", port, "tcp")
        (outcome,) = knocks.ask_all([door], [], 1, time.monotonic() + 3)
    assert (outcome["ok"], outcome["seen"], outcome["tries"]) == (True, {"late": 1}, 1)


@contextmanager
def late_listener(seconds: float) -> Iterator[int]:
    """Answer each connection so much later; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):  # the end closes the listener
                while True:
                    stream, _ = listener.accept()
                    with stream:
                        wire.read_line(stream, time.monotonic() + 5)
                        time.sleep(seconds)
                        stream.sendall(wire.encode({"run": "knocks", "id": "late", "seen": "127.0.0.1:1"}) + b"\n")

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
