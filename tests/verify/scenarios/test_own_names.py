"""Names of the user's services: what resolvers inside running tasks say, next to what managers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.report import Status
from swarmnet.model.service import EndpointMode
from swarmnet.verify import claims
from swarmnet.verify.own import askers
from swarmnet.verify.scenario import OPERATOR, Answer, Answers, InsideTask, SwarmTask
from swarmnet.verify.scenarios.own.names import OwnNames
from tests.support.own_services import FRONT, HOSTS, container, node, resolved, service, setup_of, task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

WEB = service("web", "www")
DB = service("db", number=2, endpoint_mode=EndpointMode.DNSRR)
ALL = [*(task("web", n) for n in (1, 2, 3)), *(task("db", n) for n in (1, 2))]


def both() -> Setup:
    return setup_of(WEB, DB, tasks=ALL)


def judged(setup: Setup, wrong: Mapping[tuple[str, str], Iterable[str]], more: Answers | None = None) -> list[Verdict]:
    return list(OwnNames().judge(setup, resolved(OwnNames(), setup, wrong) | (more or {})).verdicts)


def test_one_task_of_each_host_asks_for_all_names_of_all_services_there() -> None:
    questions = OwnNames().ask(both(), {})
    assert {one.host for one in questions} == set(HOSTS)
    first = questions[0]
    assert isinstance(first, InsideTask)
    assert first.task["targets"] == {
        "db.front": ["db.front", ["10.0.2.1", "10.0.2.2"]],
        "tasks.db.front": ["tasks.db.front", ["10.0.2.1", "10.0.2.2"]],
        "tasks.web.front": ["tasks.web.front", ["10.0.3.1", "10.0.3.2", "10.0.3.3"]],
        "web.front": ["web.front", ["10.0.0.1"]],
        "www.front": ["www.front", ["10.0.0.1"]],
    }


def test_names_that_lead_where_managers_say_are_one_ok_a_network() -> None:
    (verdict,) = judged(both(), {})
    assert (verdict.status, verdict.subject) == (Status.OK, "network front")
    assert verdict.detail == "5 names of 2 services are right, asked from inside 3 tasks on 3 hosts"


def test_a_task_that_no_host_finds_is_nameless_though_it_runs() -> None:
    (verdict,) = judged(both(), {("*", "tasks.web"): ["10.0.3.1", "10.0.3.3"]})
    assert (verdict.cause, verdict.subject) == ("nameless-task", "service web")
    assert "web.2 on w2 (10.0.3.2) runs, and tasks.web does not lead to it on front" in verdict.detail
    assert verdict.evidence["commands"] == ["docker service update --force web"]
    assert {("learned", host, "w2") for host in ("w1", "w3")} <= frozenset().union(*verdict.needed)


OTHERS = {(host, "tasks.web"): ["10.0.3.1", "10.0.3.3"] for host in ("w1", "w3")}
"""Only the host of web.2 finds it."""


def test_a_task_that_only_its_own_host_finds_is_nameless_too() -> None:
    """Seen on 26.1, 20.10 and 28.5: an engine knows the tasks of its own host without gossip."""
    (verdict,) = judged(both(), OTHERS)
    assert (verdict.cause, verdict.evidence["hosts"]) == ("nameless-task", ["w1", "w3"])


def test_where_that_host_lacks_other_tasks_as_well_gossip_does_not_reach_it() -> None:
    (verdict,) = judged(both(), OTHERS | {("w2", "db"): ["10.0.2.2"]})
    assert (verdict.cause, verdict.evidence["hosts"]) == ("names", ["w1", "w2", "w3"])


def test_a_task_that_one_host_does_not_find_is_a_name_that_gossip_did_not_carry() -> None:
    (verdict,) = judged(both(), {("w1", "tasks.web"): ["10.0.3.1", "10.0.3.3"]})
    assert (verdict.cause, verdict.subject, verdict.evidence["hosts"]) == ("names", "network front", ["w1"])
    assert any(("learned", "w1", "w2") in one for one in verdict.needed)


def test_names_of_several_services_that_gossip_did_not_carry_are_one_verdict() -> None:
    (verdict,) = judged(both(), {("w3", "tasks.web"): ["10.0.3.3"], ("w3", "db"): []})
    assert (verdict.cause, verdict.evidence["hosts"]) == ("names", ["w3"])


def test_an_address_that_no_task_has_is_stale() -> None:
    (verdict,) = judged(both(), {("w2", "db"): ["10.0.2.1", "10.0.2.2", "10.0.2.9"]})
    assert (verdict.cause, verdict.evidence["hosts"]) == ("stale-address", ["w2"])
    assert "db leads on front to 10.0.2.9, which no running task has" in verdict.detail


@pytest.mark.parametrize(("status", "follows"), [("down", True), ("ready", False)])
def test_a_replaced_task_keeps_its_name_while_its_node_is_lost(status: str, *, follows: bool) -> None:
    """Seen with 26.1, 20.10, 28.5: a worker that the manager lost sends gossip to the other worker, and runs on."""
    nodes = (node(1), node(2), node(3).model_copy(update={"status": status}))
    old = task("db", 3, wanted="shutdown")
    (verdict,) = judged(setup_of(DB, tasks=[*ALL[3:], old], nodes=nodes), {("w1", "db"): ["10.0.2.1", "10.0.2.3"]})
    assert (claims.node("w3") in frozenset().union(*verdict.needed)) is follows
    assert verdict.cause == ("stale-address" if follows else "alias-twice")
    assert ("managers do not reach w3" in verdict.detail) is follows


@pytest.mark.parametrize(("state", "follows"), [("preparing", True), ("shutdown", False)])
def test_a_lost_node_may_have_begun_a_task_and_has_none_that_it_said_to_have_ended(
    state: str, *, follows: bool
) -> None:
    """Seen with 26.1 and 20.10: ``preparing``, to be shut down, is the last that the manager heard of it."""
    nodes = (node(1), node(2), node(3).model_copy(update={"status": "down"}))
    old = task("db", 3, state=state, wanted="shutdown")
    (verdict,) = judged(setup_of(DB, tasks=[*ALL[3:], old], nodes=nodes), {("w1", "db"): ["10.0.2.1", "10.0.2.3"]})
    assert bool(verdict.needed) is follows


def test_a_stale_address_that_no_lost_node_has_is_not_explained_by_one() -> None:
    nodes = (node(1), node(2), node(3).model_copy(update={"status": "down"}))
    setup = setup_of(DB, tasks=[*ALL[3:], task("db", 3, wanted="shutdown")], nodes=nodes)
    (verdict,) = judged(setup, {("w1", "db"): ["10.0.2.1", "10.0.2.2", "10.0.2.3", "10.0.2.9"]})
    assert (verdict.cause, verdict.needed) == ("stale-address", ())


def test_a_name_of_a_service_without_a_task_leads_nowhere_or_is_stale() -> None:
    gone = service("old", number=7)
    setup = setup_of(WEB, gone, tasks=ALL[:3])
    assert {one.status for one in judged(setup, {})} == {Status.OK}
    (verdict,) = judged(setup, {("w3", "old"): ["10.0.0.7"]})
    assert verdict.cause == "stale-address"


def test_a_container_that_has_the_name_of_a_service_is_a_warning_that_names_both() -> None:
    setup = both()
    shadow = container("web", "10.0.9.9")
    setup = replace(setup, held={**setup.held, "w3": (*setup.held["w3"], shadow)})
    (verdict,) = judged(setup, {("*", "web"): ["10.0.0.1", "10.0.9.9"]})
    assert (verdict.status, verdict.cause) == (Status.WARNING, "alias-twice")
    assert "also to 10.0.9.9 (container web on w3)" in verdict.detail


def test_a_resolver_that_answers_nothing_is_the_cause_on_its_host() -> None:
    setup = both()
    said = resolved(OwnNames(), setup, {})
    for place in said:
        if place[0] == "w2":
            targets = said[place].value["targets"]
            assert isinstance(targets, dict)
            silence: JsonObject = {"ok": False, "why": "no answer", "code": None, "addresses": []}
            said[place] = Answer({"targets": dict.fromkeys(targets, silence)})
    verdict, *rest = OwnNames().judge(setup, said).verdicts
    assert (verdict.cause, verdict.subject) == ("resolver", "host w2")
    assert [one.status for one in rest] == [Status.OK]


def test_tasks_that_were_replaced_meanwhile_are_inconclusive() -> None:
    setup, wrong = both(), {("*", "tasks.web"): ["10.0.3.1", "10.0.3.2", "10.0.3.8"]}
    said = resolved(OwnNames(), setup, wrong)
    (again,) = [one for one in OwnNames().ask(setup, said) if (one.host, one.key) not in said]
    assert isinstance(again, SwarmTask)
    now: JsonObject = {"id-web": ["another"], "id-db": [one.id for one in ALL[3:]]}
    (verdict,) = [
        one
        for one in judged(setup, wrong, {(OPERATOR, again.key): Answer({"tasks": now})})
        if one.status is not Status.OK
    ]
    assert (verdict.status, "the tasks of web are being replaced" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_a_service_that_is_updated_is_not_judged_and_not_called_fine() -> None:
    changing = WEB.model_copy(update={"update_state": "updating"})
    setup = setup_of(changing, DB, tasks=ALL)
    fine, reported = sorted(judged(setup, {("*", "web"): []}), key=lambda one: one.status, reverse=True)
    assert (fine.status, reported.status) == (Status.OK, Status.INCONCLUSIVE)
    assert "web" not in fine.detail


def test_a_container_that_cannot_be_entered_is_inconclusive_with_the_reason() -> None:
    setup = both()
    (first, *rest) = setup.insiders
    setup = replace(setup, insiders=(replace(first, problem="no space left on device"), *rest))
    reported = [one for one in judged(setup, {}) if one.status is not Status.OK]
    assert [one.status for one in reported] == [Status.INCONCLUSIVE]
    assert "no space left on device" in reported[0].detail


def test_a_name_that_two_services_have_leads_to_both() -> None:
    other = service("blue", "www", number=5)
    setup = setup_of(WEB, other, tasks=[*ALL[:3], task("blue", 1)])
    assert {one.status for one in judged(setup, {})} == {Status.OK}
    (verdict,) = judged(setup, {("w1", "www"): ["10.0.0.5"]})
    assert verdict.cause == "names"


def test_without_a_task_on_an_overlay_nothing_is_asked() -> None:
    setup = setup_of(service("old"))
    assert OwnNames().ask(setup, {}) == ()
    (verdict,) = OwnNames().judge(setup, {}).verdicts
    assert verdict.status is Status.SKIPPED


@given(st.sets(st.tuples(st.sampled_from(["web", "db", "api"]), st.integers(1, 3))))
def test_every_host_with_a_task_has_an_asker_and_no_asker_is_needless(where: set[tuple[str, int]]) -> None:
    services = [service(name, number=n) for n, name in enumerate(("web", "db", "api"), 1)]
    setup = setup_of(*services, tasks=[task(*one) for one in sorted(where)])
    found = askers(setup.state, (FRONT,), HOSTS, ())
    assert sorted(end.host for end in found) == sorted({f"w{slot}" for _, slot in where})
