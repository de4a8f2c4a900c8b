"""Many threads and many hosts at once: shared connections, dead hosts that delay no other, and the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UnreachableError
from swarmnet.model.events import Event, HostConnected
from swarmnet.workflows.fleet.fanout import fan_out
from tests.support.waiting import soon

if TYPE_CHECKING:
    from tests.support.ssh_sessions import Fleet

pytestmark = pytest.mark.lab


def test_one_connection_serves_all_threads_and_a_failure_is_not_sought_twice(fleet: Fleet, silent_port: int) -> None:
    server = fleet.host("h")
    fleet.add("slow", silent_port, settings={"connect_timeout": 0.3})
    heard: list[Event] = []
    session = fleet.session(listener=heard.append)
    fan_out([str(number) for number in range(10)], lambda _: session.shell("h").run(["true"]))
    assert soon(lambda: server.log.read_text().count("Accepted publickey") == 1)
    assert [event.host for event in heard if isinstance(event, HostConnected)] == ["h"]
    start = time.monotonic()
    fan_out([str(number) for number in range(100)], lambda _: session.connect("slow"))
    assert time.monotonic() - start < 100 * 0.3


def test_logins_that_begin_in_advance_are_those_of_the_work(fleet: Fleet, silent_port: int) -> None:
    servers = [fleet.host(name) for name in ("a", "b")]
    fleet.add("dead", silent_port, settings={"connect_timeout": 0.3})
    session = fleet.session()
    session.begin(["a", "b", "dead"])

    ended = fan_out(["a", "b", "dead"], session.connect)

    assert (ended["a"], ended["b"]) == (None, None)
    assert isinstance(ended["dead"], UnreachableError)
    assert [server.log.read_text().count("Accepted publickey") for server in servers] == [1, 1]


def test_a_broken_connection_is_opened_again_when_it_is_needed(fleet: Fleet) -> None:
    fleet.host("h")
    session = fleet.session()
    shell = session.shell("h")
    with pytest.raises(UnreachableError, match="connection broke"):
        shell.run(["sh", "-c", 'kill -9 "$(sed "s/.*) //" /proc/$PPID/stat | cut -d " " -f 2)"; sleep 5'])
    assert session.shell("h").run(["echo", "again"]).stdout == b"again\n"


def test_closing_the_session_ends_what_still_waits(fleet: Fleet) -> None:
    fleet.host("h")
    session = fleet.session()
    shell = session.shell("h")
    threading.Timer(0.2, session.close).start()
    start = time.monotonic()
    with pytest.raises(UnreachableError):
        shell.run(["sleep", "600"], timeout=590)
    assert time.monotonic() - start < 300
    with pytest.raises(UnreachableError, match="the run has ended"):
        session.connect("h")


def test_a_manager_is_remembered_and_the_next_one_takes_over_when_it_dies(fleet: Fleet) -> None:
    for name in ("m1", "m2", "m3"):
        fleet.host(name)
    session = fleet.session()
    assert fleet.world is not None
    fleet.world.bootstrap()
    assert (session.manager().host, session.manager().host) == ("m1", "m1")
    session._links.to(session._targets["m1"]).close()
    fleet.world.kill("m1")
    assert session.manager().host == "m2"


def test_twenty_hosts_are_connected_at_once_and_a_dead_one_delays_no_other(fleet: Fleet, full_port: int) -> None:
    names = [f"h{number}" for number in range(20)]
    for name in names[1:]:
        fleet.host(name)
    fleet.add("h0", full_port, settings={"connect_timeout": 8})
    session = fleet.session()
    done: list[str] = []

    def connect(name: str) -> None:
        try:
            session.connect(name)
        finally:
            done.append(name)

    results = fan_out(names, connect)
    assert [name for name, result in results.items() if isinstance(result, UnreachableError)] == ["h0"]
    assert done[-1] == "h0"


def test_fifteen_hosts_behind_one_jump_host_are_connected_at_once(fleet: Fleet) -> None:
    fleet.host("gate")
    names = [f"h{number}" for number in range(15)]
    server = fleet.host("inner")
    for name in names:
        fleet.add(name, server.port, settings={"jump": "gate", "known_hosts": str(fleet.known_hosts)})
    fleet.hosts = [
        host.model_copy(update={"ssh": host.ssh.model_copy(update={"connect_timeout": 9 + number / 10})})
        for number, host in enumerate(fleet.hosts)
    ]
    assert set(fan_out(names, fleet.session().connect).values()) == {None}
    # sshd lets a login in before it writes that it did.
    assert soon(lambda: server.log.read_text().count("Accepted publickey") == 15)
