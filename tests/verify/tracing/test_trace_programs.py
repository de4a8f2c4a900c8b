"""A trace names programs that do not run, or take no connection, and containers that ask other nameservers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.scenario import Answer, HostCommand
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.scenarios.own.processes import PROGRAMS
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.queues import AFTER
from swarmnet.verify.tracing.sections import sections_of
from tests.verify.scenarios.test_expected import API, DB, ENDS, WEB, arrow, expecting
from tests.verify.scenarios.test_expected_outside import EVERYWHERE, OPERATOR, answers, published
from tests.verify.scenarios.test_own_programs import ANY, shown, socket
from tests.verify.tracing.test_trace import Containers, broken

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

WAY = arrow(API, DB, 5432)
LOST: JsonObject = {"seen": "unresolvable", "why": "no such name"}


class Programs(Containers):
    """What containers see, with what their hosts' kernels show of their programs."""

    def __init__(self) -> None:
        super().__init__(expecting(WAY))
        self.shown = {box: shown(box, socket("tcp", ANY, 5432)) for box in ("c2", "c3", "c4")}
        self.later: dict[str, str] = {}
        """What is shown after connections were made, where that differs."""

    def ends(self, question: HostCommand) -> Answer:
        if not question.key.startswith(PROGRAMS.name):
            return super().ends(question)
        known = self.shown | (self.later if question.key.startswith(AFTER.name) else {})
        return Answer({"exit": 0, "stdout": "".join(known[box] for box in question.argv[5:] if box in known)})


def test_a_program_that_takes_connections_is_the_last_layer_and_says_that_no_answer_was_read() -> None:
    last = Programs().traced(WAY).layers[-1]
    assert (last.name, last.status) == ("answer", Status.OK)
    assert last.detail == "the program takes connections; what it answers was not asked"


def test_where_programs_are_not_known_the_kernel_alone_is_said_to_accept() -> None:
    hosts = Programs()
    hosts.later = {"c3": "", "c4": ""}
    last = hosts.traced(WAY).layers[-1]
    assert (last.status, "the kernel accepts connections" in last.detail) == (Status.SKIPPED, True)


@pytest.mark.parametrize(("name", "layer"), [("api.1", "container"), ("db.2", "target")])
def test_a_paused_container_at_either_end_ends_the_way(name: str, layer: str) -> None:
    hosts = Programs()
    ends = tuple(replace(end, halted="paused") if end.name == name else end for end in ENDS)
    hosts.setup = replace(hosts.setup, ends=ends)
    found = broken(hosts.traced(WAY))
    assert (found.name, found.cause) == (layer, "task-paused")
    assert "docker unpause" in str(found.fix)
    (state, *_) = sections_of(hosts.setup, {}, name.partition(".")[0])[name == "db.2"].layers
    assert (state.status, state.cause) == (Status.FAILED, "task-paused")


@pytest.mark.parametrize(("box", "layer"), [("c2", "container"), ("c4", "target")])
def test_a_program_that_a_signal_stopped_ends_the_way(box: str, layer: str) -> None:
    hosts = Programs()
    hosts.shown[box] = shown(box, socket("tcp", ANY, 5432), process="7 (postgres) T 1")
    found = broken(hosts.traced(WAY))
    assert (found.name, found.cause, found.fix) == (layer, "task-stopped", "on m2: kill -CONT 7")


def test_connections_that_wait_for_a_program_at_two_looks_show_that_it_hangs() -> None:
    hosts = Programs()
    hosts.later = {"c4": shown("c4", socket("tcp", ANY, 5432, waiting=2))}
    found = broken(hosts.traced(WAY))
    assert (found.name, found.cause) == ("answer", "not-accepting")
    assert "2 connections to db.2 on m2 at 5432 wait" in found.detail


@pytest.mark.parametrize("file", ["nameserver 192.0.2.9", "nameserver 192.0.2.9\nnameserver 127.0.0.11"])
def test_a_container_that_asks_others_for_the_name_is_named_with_those_that_it_asks(file: str) -> None:
    hosts = Programs()
    hosts.shown["c2"] = shown("c2", resolver=file)
    hosts.says["api.1", "db:5432"] = LOST
    found = broken(hosts.traced(WAY))
    assert (found.name, found.cause) == ("name", "own-nameserver")
    assert found.detail.startswith("api.1 on m2 asks 192.0.2.9")


def test_a_file_of_the_containers_own_counts_though_the_look_up_asked_the_engine() -> None:
    hosts = Programs()
    hosts.shown["c2"] = shown("c2", resolver="nameserver 192.0.2.9")
    assert broken(hosts.traced(WAY)).cause == "own-nameserver"


def test_the_network_of_hosts_has_no_names_at_either_end() -> None:
    for party, said in (("api", "api.1 on m2 has the network of its host"), ("db", "db has the network of its hosts")):
        hosts = Programs()
        on_host = {HOST_NETWORK: "192.0.2.1"}
        ends = [replace(end, addresses=on_host) if end.party in (party, "db") else end for end in ENDS]
        hosts.setup = replace(hosts.setup, ends=tuple(ends))
        hosts.says["api.1", "db:5432"] = LOST
        found = broken(hosts.traced(WAY))
        assert (found.name, found.cause, said in found.detail) == ("name", "unresolvable", True), found


@pytest.mark.parametrize(("head", "cause"), [("", "no-ipvs"), ("@ipvs\n", "blocked")])
def test_a_host_without_ipvs_is_why_the_mesh_does_not_open_for_the_operator(head: str, cause: str) -> None:
    way = arrow(OPERATOR, WEB, 8080)
    setup = published(way)
    found = answers(setup, Outside(), dict.fromkeys(EVERYWHERE, "silent"))
    for host in setup.approaches:
        said = head + (shown("c1", socket("tcp", ANY, 80)) if host == "m1" else "")
        found[host, PROGRAMS.name] = Answer({"exit": 0, "stdout": said})
    last = paths_of(setup, found, way)[0].layers[-1]
    assert last.cause == cause
    assert (last.name, last.status) == (
        ("balancer", Status.INCONCLUSIVE) if cause == "no-ipvs" else ("published", Status.FAILED)
    )


def test_a_name_that_no_balancer_of_the_askers_kernel_serves_has_the_same_cause() -> None:
    hosts = Programs()
    hosts.has_ipvs = False
    hosts.says["api.1", "db:5432"] = {"seen": "silent", "why": "no answer", "addresses": ["10.2.0.9"]}
    last = hosts.traced(WAY).layers[-1]
    assert (last.name, last.status, last.cause) == ("balancer", Status.INCONCLUSIVE, "no-ipvs")
