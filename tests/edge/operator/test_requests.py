from __future__ import annotations

import socket
from threading import Thread

from swarmnet.edge.operator.requests import RequestCounter, ask
from swarmnet.model.lose import Door
from tests.support.ports import free_port
from tests.support.waiting import seen


class Network:
    """Addresses that answer for a while; each request takes a second of its clock."""

    def __init__(self, **answers: list[int | None]) -> None:
        self.answers = {name.replace("_", "."): iter(said) for name, said in answers.items()}
        self.asked: list[str] = []
        self.seconds = 0.0

    def ask(self, address: str, _port: int) -> int | None:
        self.asked.append(address)
        self.seconds += 1.0
        return next(self.answers[address], 12)

    def monotonic(self) -> float:
        return self.seconds


def counted(network: Network, requests: int, *addresses: str) -> RequestCounter:
    counter = RequestCounter(network.ask, network.monotonic, every=0.0)
    door = Door(service="web", port=80, addresses=addresses)
    assert counter.begin((door,)) == ()
    seen(lambda: len(network.asked), lambda number: number >= requests)
    return counter


def test_a_gap_is_from_the_last_answer_to_the_next_one() -> None:
    network = Network(a=[12, 12, None, None, None, 12])
    (found,) = counted(network, 20, "a").end()
    assert (found.failed, found.gap) == (3, 4.0)
    assert found.sent >= 5


def test_a_request_fails_only_where_no_address_answers() -> None:
    network = Network(a=[12, None, None, None], b=[12, 12, None, 12])
    (found,) = counted(network, 20, "a", "b").end()
    assert found.failed == 0 or found.gap >= 2.0
    assert "b" in network.asked


def test_a_program_that_spoke_and_only_takes_connections_now_has_failed() -> None:
    network = Network(a=[12, 0, 0])
    (found,) = counted(network, 20, "a").end()
    assert found.failed == 2


def test_a_port_that_does_not_answer_at_first_is_not_asked_again() -> None:
    counter = RequestCounter(lambda _address, _port: None)
    door = Door(service="web", port=80, addresses=("a", "b"))
    assert counter.begin((door,)) == (door,)
    assert counter.end() == ()


def test_nothing_was_begun_and_nothing_is_there() -> None:
    assert RequestCounter().end() == ()


def _serving(listener: socket.socket, words: bytes) -> None:
    stream, _ = listener.accept()
    with stream:
        stream.recv(4096)
        stream.sendall(words)


def test_real_sockets_say_words_nothing_or_refuse() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        Thread(target=_serving, args=(listener, b"HTTP/1.0 200 OK\r\n"), daemon=True).start()
        assert ask("127.0.0.1", port) == len(b"HTTP/1.0 200 OK\r\n")
        assert ask("127.0.0.1", port, patience=0.2) == 0  # the backlog takes the connection, and no one speaks
    assert ask("127.0.0.1", port) is None
