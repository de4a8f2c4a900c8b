"""UDP that no program answers: what is proved by counting inside the containers that the datagrams are for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.expectation import Arrow, Door, Party
from swarmnet.model.report import Status
from swarmnet.model.service import Protocol, PublishedPort, PublishMode, Service, ServiceSpec
from swarmnet.verify.arrivals import marker
from swarmnet.verify.ends import End, ends_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import receivers
from swarmnet.verify.scenario import Answer, Answers, InsideTask, ObserverTask
from swarmnet.verify.scenarios.mesh.published import Published
from tests.support.own_services import service, setup_of, task
from tests.verify.scenarios.test_expected import API, DB, WEB, Hosts, expecting, judged
from tests.verify.scenarios.test_mesh_entries import HOSTS, NAT
from tests.verify.scenarios.test_published import RUNNING, with_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

DOOR = Door(port=514, protocol=Protocol.UDP)


class Counting(Hosts):
    """Containers that answer no datagram, and in which those are counted that ``passes`` lets in."""

    def __init__(self, setup: Setup, passes: Callable[[str], bool]) -> None:
        super().__init__(replace(setup, ends=tuple(replace(end, watches=end.party == "db") for end in setup.ends)))
        self.passes = passes
        self.complete = True
        self.awaited: list[str] = []
        """Who sends what counts wait for."""
        self._askers: dict[str, str] = {}
        """Marker to the container that sends it."""
        self._counted: dict[str, list[str]] = {}

    def _answer(self, question: InsideTask) -> Answer:
        kind = question.task["kind"]
        if kind == "capture":
            needles = question.task["needles"]
            assert isinstance(needles, dict)
            self._counted[question.inside] = [*needles]
            return Answer({"ready": True, "devices": [""]})
        if kind == "collect":
            awaited = question.task["await"]
            assert isinstance(awaited, list)
            self.awaited += [self._askers[str(one)] for one in awaited]
            came: JsonObject = {
                one: 3
                for one in self._counted[question.inside]
                if one in self._askers and self.passes(self._askers[one])
            }
            return Answer({"received": {"clear": came}, "complete": self.complete, "lost": 0})
        if kind == "open":
            targets = question.task["targets"]
            assert isinstance(targets, dict)
            for one in targets.values():
                assert isinstance(one, dict)
                if one.get("marker"):
                    assert "patient" not in one
                    self._askers[str(one["marker"])] = question.inside
        return super()._answer(question)


def line(source: Party, *, allowed: bool) -> Setup:
    return expecting(Arrow(source=source, target=DB, doors=(DOOR,), allowed=allowed))


@pytest.mark.parametrize("allowed", [True, False])
def test_a_count_waits_for_what_must_arrive_alone(allowed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    hosts = Counting(line(API, allowed=allowed), lambda _: True)
    judged(hosts)
    assert any(one.startswith("api") for one in hosts.awaited) is allowed


def test_datagrams_that_arrive_prove_that_a_port_is_reached_though_nothing_answers() -> None:
    verdict = judged(Counting(line(API, allowed=True), lambda _: True))["api -> db: 514/udp"]
    assert (verdict.status, verdict.detail) == (
        Status.OK,
        "datagrams arrive, from 1 container, by 3 names and addresses",
    )


def test_datagrams_that_do_not_arrive_are_blocked() -> None:
    verdict = judged(Counting(line(API, allowed=True), lambda asker: asker != "api.1"))["api -> db: 514/udp"]
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.BLOCKED)
    assert "no datagram gets into the network namespace of" in verdict.detail


def test_a_denied_port_is_closed_where_only_its_own_containers_datagrams_arrive() -> None:
    verdict = judged(Counting(line(WEB, allowed=False), lambda asker: asker.startswith("db")))["web -> db: 514/udp"]
    assert verdict.status is Status.OK


def test_a_denied_port_at_which_datagrams_arrive_is_open() -> None:
    verdict = judged(Counting(line(WEB, allowed=False), lambda _: True))["web -> db: 514/udp"]
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.NOT_ALLOWED)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_count_that_missed_packets_proves_nothing(*, allowed: bool) -> None:
    hosts = Counting(line(API, allowed=allowed), lambda _: False)
    hosts.complete = False
    assert judged(hosts)["api -> db: 514/udp"].status is Status.INCONCLUSIVE


def test_only_containers_that_datagrams_are_for_are_watched() -> None:
    setup = setup_of(service("web"), service("db", number=2), tasks=[task("web", 1), task("db", 1), task("db", 2)])
    expected = line(WEB, allowed=True).expected
    assert expected is not None
    found = {(end.name, end.asks, end.watches) for end in ends_of(setup.state, expected, {})}
    assert found == {("web.1", True, False), ("db.1", True, True), ("db.2", True, True)}


def test_markers_differ_by_run_by_asker_and_by_target() -> None:
    assert len({marker("r1", "a", "b"), marker("r2", "a", "b"), marker("r1", "ab", ""), marker("r1", "b", "a")}) == 4


LOGS = Service(
    id="s1",
    version=1,
    spec=ServiceSpec(name="logs", image="x", ports=(PublishedPort(target=514, published=514, protocol=Protocol.UDP),)),
    published=(PublishedPort(target=514, published=514, protocol=Protocol.UDP),),
)
RULES = NAT.replace("--dport 30000", "--dport 514").replace("-p tcp", "-p udp").replace("-m tcp", "-m udp")
SILENT: JsonObject = {"seen": "silent", "why": "no answer", "tries": 1}


def published(outcome: JsonObject, *, came: bool | None, one: Service = LOGS, rules: str = RULES) -> Verdict:
    """Return the verdict on a UDP port where each host sends with this outcome; ``came`` None counts nothing."""
    box = RUNNING.model_copy(update={"container_id": "c1", "slot": 1})
    setup = with_services(one, tasks=(box,))
    if came is not None:
        end = End("logs", "w1", "logs.1", "c1", watches=True)
        setup = replace(setup, receivers=(end,))
    answers: Answers = {(host, "ingress/nat"): Answer({"exit": 0, "stdout": rules}) for host in HOSTS}
    while new := [q for q in Published().ask(setup, answers) if (q.host, q.key) not in answers]:
        for question in new:
            if isinstance(question, ObserverTask) and question.task["kind"] == "open":
                targets = question.task["targets"]
                assert isinstance(targets, dict)
                answers[question.host, question.key] = Answer({"targets": dict.fromkeys(targets, outcome)})
            elif isinstance(question, InsideTask) and question.task["kind"] == "capture":
                needles = question.task["needles"]
                assert isinstance(needles, dict)
                counted: JsonObject = dict.fromkeys(needles, 1) if came else {}
                answers[question.host, question.key] = Answer({"ready": True})
                after = f"{question.key}/counted"
                answers[question.host, after] = Answer({"received": {"clear": counted}, "complete": True})
            else:
                answers[question.host, question.key] = Answer({"ipvs": True})
    (verdict,) = Published().judge(setup, answers).verdicts
    return verdict


def test_a_published_udp_port_is_fine_where_what_is_sent_to_each_node_is_counted_in_a_task() -> None:
    verdict = published(SILENT, came=True)
    assert (verdict.status, verdict.detail) == (Status.OK, "udp 514 leads to its tasks on 3 nodes")


def test_a_published_udp_port_that_answers_is_fine_without_a_count() -> None:
    assert published({"seen": "open", "why": "", "tries": 1}, came=None).status is Status.OK


def test_a_published_udp_port_that_is_refused_is_closed() -> None:
    verdict = published({"seen": "refused", "why": "Connection refused", "tries": 1}, came=None)
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.PORT_CLOSED)
    assert "udp port 514 is closed (Connection refused) on w1, w2, w3" in verdict.detail


def test_a_published_udp_port_from_which_nothing_gets_to_a_task_is_closed() -> None:
    assert published(SILENT, came=False).cause == CauseId.PORT_CLOSED


def test_a_published_udp_port_that_stays_silent_and_is_not_counted_is_inconclusive() -> None:
    verdict = published(SILENT, came=None)
    assert (verdict.status, "proves nothing" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_a_published_udp_port_whose_rule_is_missing_is_closed_though_nothing_refuses() -> None:
    verdict = published(SILENT, came=None, rules=NAT)
    assert "the nat rule for udp port 514 is missing" in verdict.detail


def test_the_tasks_behind_udp_ports_are_watched_and_no_others() -> None:
    udp = (PublishedPort(target=53, published=53, protocol=Protocol.UDP, mode=PublishMode.HOST),)
    setup = setup_of(service("dns", ports=udp), service("web", number=2), tasks=[task("dns", 1), task("web", 2)])
    assert [(end.name, end.host, end.watches) for end in receivers(setup.state, ("w1", "w2"))] == [
        ("dns.1", "w1", True)
    ]
