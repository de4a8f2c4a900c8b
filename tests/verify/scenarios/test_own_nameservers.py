"""Nameservers that services name for their tasks: whether they answer, asked from inside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.container_parts import Dns
from swarmnet.model.report import Status
from swarmnet.model.subnet import Subnet
from swarmnet.verify import claims
from swarmnet.verify.scenario import Answer, Answers, InsideTask
from swarmnet.verify.scenarios.own.nameservers import OwnNameservers
from tests.support.own_services import FRONT, HOSTS, service, setup_of, task

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

SERVER = "192.0.2.53"
ALL = [*(task("web", n) for n in (1, 2, 3)), *(task("db", n) for n in (1, 2, 3))]
SILENT: JsonObject = {"code": None, "why": "no answer"}
KNOWS: JsonObject = {"code": "no such name", "why": ""}
HELPLESS: JsonObject = {"code": "server failure", "why": ""}


def named(*servers: str) -> Setup:
    """Return three hosts with a task of ``db`` on each, and of ``web``, which names servers of its own."""
    return setup_of(service("web", dns=Dns(servers=servers)), service("db", number=2), tasks=ALL)


def answered(setup: Setup, says: Callable[[str, int], JsonObject]) -> Answers:
    """Return what containers hear, by their host and the number of the question there."""
    answers: Answers = {}
    asked = dict.fromkeys(HOSTS, 0)
    while new := [one for one in OwnNameservers().ask(setup, answers) if (one.host, one.key) not in answers]:
        for one in new:
            asked[one.host] += 1
            answers[one.host, one.key] = Answer({"targets": {"outside": says(one.host, asked[one.host])}})
    return answers


def judged(setup: Setup, says: Callable[[str, int], JsonObject]) -> list[Verdict]:
    return list(OwnNameservers().judge(setup, answered(setup, says)).verdicts)


def test_one_task_on_each_host_asks_the_server_of_its_service() -> None:
    questions = OwnNameservers().ask(named(SERVER), {})
    assert all(isinstance(one, InsideTask) and one.inside.startswith("web.") for one in questions)
    assert [(one.host, one.task["server"]) for one in questions if isinstance(one, InsideTask)] == [
        (host, SERVER) for host in HOSTS
    ]


def test_a_server_that_is_silent_twice_is_a_warning_with_its_hosts() -> None:
    warning, fine = judged(named(SERVER), lambda host, _: SILENT if host == "w2" else KNOWS)
    assert (warning.status, warning.cause, warning.subject) == (Status.WARNING, "nameserver-silent", "service web")
    assert warning.evidence["hosts"] == ["w2"]
    assert f"docker service update --dns-rm {SERVER} web" in str(warning.fix)
    assert (fine.status, fine.cause) == (Status.OK, None)


def test_a_silent_server_in_the_subnet_of_a_network_of_its_service_follows_from_that_subnet() -> None:
    setup = named(SERVER)
    around = FRONT.spec.model_copy(update={"subnets": (Subnet(subnet="192.0.2.0/24"),)})
    nets = (FRONT.model_copy(update={"spec": around}),)
    setup = replace(setup, state=setup.state.model_copy(update={"networks": nets}))
    (warning,) = judged(setup, lambda *_: SILENT)
    assert warning.needed == (frozenset({claims.apart(around.name)}),)


@pytest.mark.parametrize("answer", [KNOWS, HELPLESS])
def test_any_answer_will_do(answer: JsonObject) -> None:
    (verdict,) = judged(named(SERVER), lambda *_: answer)
    assert (verdict.status, verdict.cause) == (Status.OK, None)


def test_one_lost_datagram_is_asked_again() -> None:
    (verdict,) = judged(named(SERVER), lambda _, number: SILENT if number == 1 else KNOWS)
    assert verdict.status is Status.OK


@pytest.mark.parametrize("servers", [(), ("127.0.0.1",), ("2001:db8::53",)])
def test_without_a_server_that_can_be_asked_nothing_is(servers: tuple[str, ...]) -> None:
    setup = named(*servers)
    (verdict,) = judged(setup, lambda *_: SILENT)
    assert (OwnNameservers().ask(setup, {}), verdict.status) == ((), Status.SKIPPED)


def test_tasks_on_internal_networks_alone_have_no_way_to_any() -> None:
    setup = named(SERVER)
    inside = FRONT.model_copy(update={"spec": FRONT.spec.model_copy(update={"internal": True})})
    setup = replace(setup, state=setup.state.model_copy(update={"networks": (inside,)}))
    assert OwnNameservers().ask(setup, {}) == ()


def test_a_container_that_cannot_be_asked_is_inconclusive() -> None:
    setup = named(SERVER)
    answers: Answers = {(one.host, one.key): Answer(problem="it ended") for one in OwnNameservers().ask(setup, {})}
    (verdict,) = OwnNameservers().judge(setup, answers).verdicts
    assert (verdict.status, "it ended" in verdict.detail) == (Status.INCONCLUSIVE, True)
