"""Programs of the user's tasks: whether they run, where they listen, and whom they ask for names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.container_parts import Dns
from swarmnet.model.ports import Approach
from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import Protocol, PublishedPort
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.keys import RUNNING_NOW
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, HostCommand, Setup
from swarmnet.verify.scenarios.own.processes import LISTENS, PROGRAMS, WAITS
from swarmnet.verify.scenarios.own.programs import OwnPrograms
from tests.support.own_services import HOSTS, service, setup_of, task

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

WEB = service("web", ports=(PublishedPort(target=80, published=8080),))
DNS = service("dns", ports=(PublishedPort(target=53, published=5353, protocol=Protocol.UDP),))
RUNS = "1 (nginx) S 0 1 1"
ENGINES = "nameserver 127.0.0.11"


def socket(protocol: str, address: str, port: int, waiting: int = 0) -> str:
    state = LISTENS if protocol == "tcp" else WAITS
    return f"  0: {address}:{port:04X} 00000000:0000 {state} 00000000:{waiting:08X} 00:00000000 00000000 0 0 1 1"


def shown(box: str, *sockets: str, process: str = RUNS, resolver: str | None = ENGINES) -> str:
    """Return what the look prints of one container."""
    lines = [f"@process {box}", process]
    for protocol, state in (("tcp", LISTENS), ("udp", WAITS)):
        lines += [f"@{protocol} {box}", *(one for one in sockets if f" {state} " in one)]
    return "\n".join([*lines, *([f"@resolver {box}", resolver] if resolver is not None else [])]) + "\n"


ANY, OWN, V6, MAPPED = "00000000", "0100007F", "0" * 32, f"{'0' * 16}FFFF00000100007F"
FINE = {n: shown(f"box-web-{n}", socket("tcp", ANY, 80)) for n in (1, 2, 3)}


def setup(**conditions: str) -> Setup:
    """Return web's three tasks; ``conditions`` is what an engine calls a host's container, if it was asked."""
    made = setup_of(WEB, tasks=[task("web", n) for n in (1, 2, 3)])
    hosts = tuple(
        one.model_copy(update={"conditions": {f"box-web-{one.host[1:]}": conditions.get(one.host, "running")}})
        for one in made.state.hosts
    )
    ways = {host: Approach("192.0.2.1", 22) for host in HOSTS}
    return replace(made, state=made.state.model_copy(update={"hosts": hosts}), approaches=ways)


def answered(first: dict[int, str], again: dict[int, str] | None = None) -> Answers:
    looks = {PROGRAMS.name: {**FINE, **first}} | ({PROGRAMS.again.name: again} if again else {})
    return {
        (f"w{n}", key): Answer({"exit": 0, "stdout": said}) for key, each in looks.items() for n, said in each.items()
    }


def judged(first: dict[int, str] | None = None, again: dict[int, str] | None = None, **words: str) -> list[Verdict]:
    found = OwnPrograms().judge(setup(**words), answered(first or {}, again)).verdicts
    return [one for one in found if one.status is not Status.OK] or list(found)


def test_programs_that_run_and_listen_are_one_ok() -> None:
    (verdict,) = judged()
    assert verdict.status is Status.OK
    assert verdict.detail == "the programs of 3 tasks of 1 service run, and listen where they should"


def test_a_paused_container_is_named_with_its_host_and_what_lets_it_go_on() -> None:
    (verdict,) = judged(w2="paused")
    assert (verdict.status, verdict.cause, verdict.subject) == (Status.FAILED, "task-paused", "service web")
    assert verdict.detail.startswith("web.2 on w2 is paused, though managers call it running")
    assert verdict.fix == "on w2: docker unpause box-web-2"
    assert verdict.evidence["hosts"] == ["w2"]


@pytest.mark.parametrize("word", ["restarting", "dead"])
def test_a_container_that_does_not_run_by_its_engines_word_is_named_with_that_word(word: str) -> None:
    (verdict,) = judged(w1=word)
    assert (verdict.cause, f"web.1 on w1 is {word}" in verdict.detail) == ("task-halted", True)


@pytest.mark.parametrize("word", ["created", "exited", "removing", "running"])
def test_what_passes_within_a_moment_is_left_to_the_managers(word: str) -> None:
    (verdict,) = judged(w1=word)
    assert verdict.status is Status.OK


def test_a_program_that_a_signal_stopped_is_named_with_the_signal_that_lets_it_go_on() -> None:
    stopped = shown("box-web-3", socket("tcp", ANY, 80), process="77 (my ) prog) T 1 77")
    (verdict,) = judged({3: stopped})
    assert (verdict.cause, verdict.fix) == ("task-stopped", "on w3: kill -CONT 77")
    assert "a signal stopped my ) prog in web.3 on w3 (process 77)" in verdict.detail


@pytest.mark.parametrize(
    ("sockets", "said"),
    [
        (
            [socket("tcp", ANY, 8000)],
            "leads to port 80 of web.1 on w1, and no program listens there; its programs listen on 8000",
        ),
        ([], "no program listens there; none listens on any TCP port"),
        ([socket("tcp", OWN, 80)], "listens there for others, only on 127.0.0.1"),
        ([socket("tcp", MAPPED, 80)], "only on 127.0.0.1"),
        ([socket("udp", ANY, 80)], "no program listens there; none listens on any TCP port"),
    ],
)
def test_a_published_port_behind_which_nothing_listens_is_named_with_the_port_that_there_is(
    sockets: list[str], said: str
) -> None:
    other = {1: shown("box-web-1", *sockets)}
    (verdict,) = judged(other, other)
    assert (verdict.status, verdict.cause, said in verdict.detail) == (Status.FAILED, "not-listening", True), verdict


def test_a_program_that_listens_a_moment_later_is_fine() -> None:
    early = {1: shown("box-web-1")}
    asked = OwnPrograms().ask(setup(), answered(early))
    (again,) = [one for one in asked if one.key == PROGRAMS.again.name]
    assert isinstance(again, HostCommand)
    assert (again.host, again.argv[3:]) == ("w1", ("programs", "3", "box-web-1"))
    assert {one.status for one in judged(early, FINE)} == {Status.OK}


def young(container: str, seconds: int) -> str:
    """Return a look at a container without sockets that has run so long, on a host that has run for an hour."""
    fields = ["0"] * 18
    process = " ".join(["1 (java) S", *fields, str((3600 - seconds) * 100), "0"])
    return f"@uptime\n3600.25 7000.50\n{shown(container, process=process)}"


def test_a_program_that_was_started_just_now_gets_more_time_and_the_advice_to_look_again() -> None:
    slow = {1: young("box-web-1", 20)}
    (verdict,) = judged(slow, slow)
    assert (verdict.status, verdict.cause) == (Status.FAILED, "not-listening")
    assert str(verdict.fix).startswith("it started less than a minute ago: run verify again; or correct the port's")
    (again,) = [one for one in OwnPrograms().ask(setup(), answered(slow)) if one.key == PROGRAMS.again.name]
    assert isinstance(again, HostCommand)
    assert again.argv[4] == "10"


def test_one_that_has_run_for_minutes_is_looked_at_again_soon() -> None:
    old = {1: young("box-web-1", 600)}
    (verdict,) = judged(old, old)
    assert str(verdict.fix).startswith("correct the port's target")
    (again,) = [one for one in OwnPrograms().ask(setup(), answered(old)) if one.key == PROGRAMS.again.name]
    assert isinstance(again, HostCommand)
    assert again.argv[4] == "3"


@pytest.mark.parametrize("address", [V6, f"{'0' * 16}FFFF0000{ANY}"])
def test_a_socket_of_all_addresses_by_ipv6_takes_ipv4_too(address: str) -> None:
    assert {one.status for one in judged({1: shown("box-web-1", socket("tcp", address, 80))})} == {Status.OK}


def test_a_udp_port_wants_a_socket_of_udp() -> None:
    made = setup_of(DNS, tasks=[task("dns", 1)])
    for protocol, status in (("udp", Status.OK), ("tcp", Status.FAILED)):
        said = Answer({"exit": 0, "stdout": shown("box-dns-1", socket(protocol, ANY, 53))})
        (verdict,) = OwnPrograms().judge(made, {("w1", PROGRAMS.name): said}).verdicts
        assert verdict.status is status


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nameserver 192.0.2.9", "asks 192.0.2.9 (its /etc/resolv.conf); only 127.0.0.11"),
        ("nameserver 192.0.2.9\nnameserver 127.0.0.11", "asks 192.0.2.9, 127.0.0.11, in this order"),
    ],
)
def test_a_container_with_another_nameserver_first_is_a_warning_that_names_it(file: str, said: str) -> None:
    (verdict,) = judged({1: shown("box-web-1", socket("tcp", ANY, 80), resolver=file)})
    assert (verdict.status, verdict.cause, said in verdict.detail) == (Status.WARNING, "own-nameserver", True), verdict


def test_a_file_that_cannot_be_read_says_nothing_of_nameservers() -> None:
    assert {one.status for one in judged({1: shown("box-web-1", socket("tcp", ANY, 80), resolver=None)})} == {Status.OK}


def own_dns(servers: tuple[str, ...], *sockets: str, age: int = 3600) -> Verdict:
    made = setup_of(service("web", dns=Dns(servers=servers)), tasks=[task("web", 1)])
    started = f"1 (nginx) S {' '.join(['0'] * 18)} {(7200 - age) * 100}"
    said = f"@uptime\n7200.00 7200.00\n{shown('box-web-1', *sockets, process=started)}"
    (verdict,) = OwnPrograms().judge(made, {("w1", PROGRAMS.name): Answer({"exit": 0, "stdout": said})}).verdicts[:1]
    return verdict


@pytest.mark.parametrize("servers", [("127.0.0.1",), ("127.0.0.53", "::1")])
def test_a_service_whose_nameservers_are_its_own_containers_is_a_warning(servers: tuple[str, ...]) -> None:
    verdict = own_dns(servers)
    assert (verdict.status, verdict.cause, verdict.subject) == (Status.WARNING, "dns-loopback", "service web")
    assert "web.1 on w1 has the nameserver 127.0.0." in verdict.detail
    assert f"docker service update --dns-rm {servers[0]}" in str(verdict.fix)


@pytest.mark.parametrize(
    ("servers", "sockets", "age"),
    [
        (("127.0.0.1",), [socket("udp", OWN, 53)], 3600),  # a nameserver of its own, as Pi-hole has it
        (("127.0.0.1",), [], 5),  # it may come
        (("127.0.0.1", "192.0.2.53"), [], 3600),
        (("192.0.2.53",), [], 3600),
        ((), [], 3600),
    ],
)
def test_nameservers_that_may_answer_are_not_reported(servers: tuple[str, ...], sockets: list[str], age: int) -> None:
    assert own_dns(servers, *sockets, age=age).status is Status.OK


NONE = {1: "@ipvs\n"}
"""A look that finds no process of web.1."""


def asked_of(first: dict[int, str], again: dict[int, str] | None = None) -> list[str]:
    """Return what is asked beyond the first look."""
    return [one.key for one in OwnPrograms().ask(setup(), answered(first, again)) if one.key != PROGRAMS.name]


def test_a_process_that_is_not_found_is_looked_for_once_more_and_then_managers_are_asked_for_its_task() -> None:
    assert asked_of(FINE) == []
    assert asked_of(NONE) == [PROGRAMS.again.name]
    assert asked_of(NONE, FINE) == []
    assert asked_of(NONE, NONE) == [PROGRAMS.again.name, RUNNING_NOW.name]


def test_a_process_that_only_the_second_look_finds_is_judged_as_any_other() -> None:
    assert {one.status for one in judged(NONE, FINE)} == {Status.OK}
    (verdict,) = judged(NONE, {1: shown("box-web-1", socket("tcp", ANY, 80), process="7 (x) T 1 7")})
    assert verdict.cause == "task-stopped"


@pytest.mark.parametrize(
    ("running", "said"),
    [
        ((1, 2, 3), "no process of web.1 on w1 was found, 3 s later neither, though managers call"),
        ((2, 3, 4), "tasks of web ended or were replaced while verify looked: run verify again"),
    ],
)
def test_a_process_that_is_not_found_again_is_inconclusive_with_what_managers_say_of_its_task(
    running: tuple[int, ...], said: str
) -> None:
    now: JsonObject = {"id-web": [task("web", slot).id for slot in running]}
    found = answered(NONE, NONE) | {(OPERATOR, RUNNING_NOW.name): Answer({"tasks": now})}
    (gone,) = [one for one in OwnPrograms().judge(setup(), found).verdicts if one.status is not Status.OK]
    assert (gone.status, gone.detail.startswith(said)) == (Status.INCONCLUSIVE, True), gone.detail


def test_a_host_that_could_not_be_looked_at_is_inconclusive_with_the_reason() -> None:
    mute = answered({}) | {("w2", PROGRAMS.name): Answer(problem="sudo: a password is required")}
    found = OwnPrograms().judge(setup(), mute).verdicts
    (verdict,) = [one for one in found if one.status is Status.INCONCLUSIVE]
    assert "the programs of w2 could not be looked at: sudo" in verdict.detail


def test_several_containers_with_one_trouble_are_one_verdict() -> None:
    (verdict,) = judged(w1="paused", w2="paused", w3="paused")
    assert "web.1 on w1 is paused" in verdict.detail
    assert verdict.detail.endswith("; the same of web.2 on w2, web.3 on w3")
    assert verdict.evidence["hosts"] == ["w1", "w2", "w3"]


def test_what_a_published_port_needs_of_programs_explains_it() -> None:
    (paused,) = judged(w2="paused")
    other = {1: shown("box-web-1")}
    (deaf,) = judged(other, other)
    for root, claim in ((paused, ("programs", "web")), (deaf, ("listens", "web"))):
        closed = Verdict(scenario="published", subject="service web", status=Status.FAILED, detail="closed")
        closed = closed.model_copy(update={"needed": (frozenset({claim}),)})
        assert [one.because_of != () for one in traced([closed, root])] == [False, True]
