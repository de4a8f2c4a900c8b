"""Tasks, spread, aliases and addresses of the user's services: judged from what managers and hosts report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.report import Status
from swarmnet.model.service import PublishedPort, RestartPolicy, ServiceMode
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.keys import RUNNING_NOW
from swarmnet.verify.scenario import OPERATOR, Answer
from swarmnet.verify.scenarios.mesh.published import Published
from swarmnet.verify.scenarios.own.addresses import OwnAddresses, OwnAliases
from swarmnet.verify.scenarios.own.names import OwnNames
from swarmnet.verify.scenarios.own.processes import PROGRAMS
from swarmnet.verify.scenarios.own.programs import OwnPrograms
from swarmnet.verify.scenarios.own.spread import OwnSpread
from swarmnet.verify.scenarios.own.tasks import OwnTasks
from swarmnet.verify.scenarios.pairs.endpoints import Endpoints
from tests.support.own_services import container, node, service, setup_of, task

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.model.service import Service, Task
    from swarmnet.verify.scenario import Answers, Setup

WEB = service("web", replicas=3)
MOUNT = "invalid mount config for type bind: bind source path does not exist: /nosuch"


def tasks_of(one: Service, *tasks: Task, answers: Answers | None = None) -> Verdict:
    (verdict,) = OwnTasks().judge(setup_of(one, tasks=tasks), answers or {}).verdicts
    return verdict


def test_tasks_that_all_run_are_one_ok() -> None:
    verdict = tasks_of(WEB, *(task("web", n) for n in (1, 2, 3)))
    assert (verdict.status, verdict.detail) == (Status.OK, "3 tasks of 1 service run")


def test_a_task_that_its_host_refuses_is_named_with_the_engines_words_and_without_ids() -> None:
    said = f"{MOUNT} {'a' * 64}"
    refused = [task("web", 2, "rejected", "shutdown", said), task("web", 2, "ready", "ready")]
    verdict = tasks_of(WEB, task("web", 1), task("web", 3), *refused)
    assert (verdict.status, verdict.cause) == (Status.FAILED, "task-rejected")
    assert verdict.detail == f"1 of 3 tasks cannot start on w2: {MOUNT} ..."
    assert verdict.evidence["commands"] == ["docker service ps --no-trunc web"]


@pytest.mark.parametrize(
    "before",
    [(task("web", 1, "rejected", "shutdown", MOUNT), task("web", 1, "ready", "ready")), (task("web", 1, "pending"),)],
)
def test_a_task_that_did_not_run_when_it_was_observed_and_runs_at_the_second_look_is_fine(
    before: tuple[Task, ...],
) -> None:
    one = service("web", replicas=1)
    (question,) = OwnTasks().ask(setup_of(one, tasks=before), {})
    runs = {(OPERATOR, question.key): Answer({"tasks": {"id-web": [before[-1].id]}})}
    assert tasks_of(one, *before, answers=runs).status is Status.OK
    assert tasks_of(one, *before, answers={(OPERATOR, question.key): Answer({"tasks": {}})}).status is Status.FAILED


def test_a_program_that_ends_again_and_again_is_named_with_what_the_engine_says() -> None:
    ended = task("web", 1, "failed", "shutdown", "task: non-zero exit (3)")
    verdict = tasks_of(service("web", replicas=1), ended, task("web", 1, "starting"))
    assert (verdict.cause, "task: non-zero exit (3)" in verdict.detail) == ("task-failed", True)
    assert verdict.evidence["commands"] == ["docker service logs --tail 50 web"]


def test_a_task_that_ran_when_it_was_observed_and_ended_meanwhile_as_those_before_it_fails() -> None:
    tasks = [task("web", 1, "failed", "shutdown", "task: non-zero exit (3)"), task("web", 1)]
    one = service("web", replicas=1)
    (question,) = OwnTasks().ask(setup_of(one, tasks=tasks), {})
    place = (OPERATOR, question.key)
    assert question.key == RUNNING_NOW.name
    assert tasks_of(one, *tasks, answers={place: Answer({"tasks": {"id-web": [tasks[1].id]}})}).status is Status.OK
    assert tasks_of(one, *tasks, answers={place: Answer({"tasks": {"id-web": ["next"]}})}).cause == "task-failed"


@pytest.mark.parametrize(
    ("ended", "restart", "cause"),
    [
        (2, None, "task-failed"),
        (1, None, None),
        (2, RestartPolicy(delay=3600.0), None),
        (2, RestartPolicy(condition="on-failure"), None),
    ],
)
def test_a_program_that_ends_without_an_error_and_is_started_again_at_once_is_named(
    ended: int, restart: RestartPolicy | None, cause: str | None
) -> None:
    """Of a shell without a terminal, engines say ``complete`` each time."""
    one = service("web", replicas=1, restart=restart)
    past = [task("web", 1, "complete", "shutdown", "finished")] * ended
    assert tasks_of(one, *past, task("web", 1, "ready", "ready")).cause == cause
    runs = (*past, task("web", 1))
    assert tasks_of(one, *runs).status is Status.OK
    later: Answers = {(OPERATOR, RUNNING_NOW.name): Answer({"tasks": {"id-web": ["next"]}})}
    found = tasks_of(one, *runs, answers=later)
    assert found.cause == cause
    assert found.detail.startswith("1 of 1 tasks end on w1: finished" if cause else "1 task")
    assert bool(OwnTasks().ask(setup_of(one, tasks=runs), {})) is (cause is not None)


def test_what_is_not_judged_since_tasks_are_replaced_follows_from_what_replaces_them() -> None:
    past = [task("web", 1, "complete", "shutdown", "finished")] * 2
    one = service("web", replicas=1, spread=("node.labels.zone",)).model_copy(update={"update_state": "updating"})
    setup = setup_of(one, tasks=[*past, task("web", 1)])
    names = OwnNames().judge(setup, {}).verdicts
    spread = OwnSpread().judge(setup, {}).verdicts
    programs: Answers = {("w1", PROGRAMS.name): Answer({"exit": 0, "stdout": ""})}
    unseen = OwnPrograms().judge(setup, programs).verdicts
    found = [one for one in traced([*spread, *unseen, *names]) if one.status is Status.INCONCLUSIVE]
    assert [(one.scenario, bool(one.because_of)) for one in found] == [
        ("own-names", False),
        ("spread", True),
        ("own-programs", True),
    ]
    later: Answers = {(OPERATOR, RUNNING_NOW.name): Answer({"tasks": {"id-web": ["next"]}})}
    failed = OwnTasks().judge(setup, later).verdicts
    first, *rest = traced([*spread, *unseen, *names, *failed])
    assert (first.cause, first.because_of) == ("task-failed", ())
    assert all(one.because_of for one in rest if one.status is Status.INCONCLUSIVE)


@pytest.mark.parametrize("state", ["paused", "rollback_paused"])
def test_an_update_that_is_stuck_is_a_warning_with_the_engines_words(state: str) -> None:
    said = "update paused due to failure or early termination of task abc"
    stuck = WEB.model_copy(update={"update_state": state, "update_message": said})
    running = [task("web", n) for n in (1, 2, 3)]
    warning, fine = OwnTasks().judge(setup_of(stuck, tasks=running), {}).verdicts
    assert (warning.status, warning.cause, fine.status) == (Status.WARNING, "update-paused", Status.OK)
    assert said in warning.detail
    assert "docker service rollback web" in str(warning.fix)


def test_an_update_that_is_stuck_since_a_task_cannot_start_follows_from_it() -> None:
    stuck = WEB.model_copy(update={"update_state": "paused", "update_message": "update paused"})
    refused = [task("web", 2, "rejected", "shutdown", "No such image: shop:2"), task("web", 2, "ready", "ready")]
    found = traced(
        list(OwnTasks().judge(setup_of(stuck, tasks=[task("web", 1), task("web", 3), *refused]), {}).verdicts)
    )
    assert {one.cause: bool(one.because_of) for one in found} == {"task-rejected": False, "update-paused": True}


def test_a_task_that_no_node_takes_is_named_with_the_schedulers_reason() -> None:
    waiting = task("web", 1, "pending", message="no suitable node (scheduling constraints not satisfied on 3 nodes)")
    verdict = tasks_of(service("web", replicas=1), waiting.model_copy(update={"node_id": None}))
    assert (verdict.cause, "scheduling constraints not satisfied" in verdict.detail) == ("task-waits", True)


def test_zero_replicas_are_neither_red_nor_green() -> None:
    verdict = tasks_of(service("web", replicas=0))
    assert verdict.status is Status.SKIPPED
    assert verdict.detail == "nothing runs of web (it has zero replicas)"


@pytest.mark.parametrize("state", ["assigned", "preparing", "starting"])
def test_tasks_that_are_still_starting_are_inconclusive(state: str) -> None:
    verdict = tasks_of(service("web", replicas=1), task("web", 1, state))
    assert (verdict.status, state in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_tasks_that_were_not_made_yet_are_inconclusive() -> None:
    verdict = tasks_of(WEB, task("web", 1))
    assert (verdict.status, "1 of 3 tasks were made" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_a_job_that_is_done_is_left_out_and_one_that_fails_is_named() -> None:
    job = service("job", mode=ServiceMode.REPLICATED_JOB).model_copy(update={"run": 0})
    done = task("job", 1, "complete", "complete").model_copy(update={"run": 0})
    assert tasks_of(job, done).status is Status.SKIPPED
    failed = task("job", 1, "failed", "shutdown", "task: non-zero exit (1)").model_copy(update={"run": 0})
    again = task("job", 1, "preparing", "complete").model_copy(update={"run": 0})
    assert tasks_of(job, failed, again).cause == "task-failed"


def test_a_program_that_failed_and_may_not_be_started_again_is_a_fault() -> None:
    once = service("web", replicas=1, restart=RestartPolicy(condition="none"))
    assert tasks_of(once, task("web", 1, "failed", "shutdown", "task: non-zero exit (1)")).cause == "task-failed"
    assert tasks_of(once, task("web", 1, "complete", "shutdown")).status is Status.SKIPPED


def test_a_published_port_without_a_task_follows_from_what_keeps_its_tasks_away() -> None:
    ports = (PublishedPort(target=80, published=30000),)
    one = service("web", replicas=1, ports=ports)
    setup = setup_of(one, tasks=[task("web", 1, "pending", message="no suitable node")])
    found = traced([*OwnTasks().judge(setup, {}).verdicts, *Published().judge(setup, {}).verdicts])
    assert [(verdict.cause, bool(verdict.because_of)) for verdict in found] == [
        ("task-waits", False),
        ("no-running-task", True),
    ]


ZONES = (node(1, zone="a"), node(2, zone="b"), node(3, zone="b"))
SPREAD = service("web", replicas=4, spread=("node.labels.zone",))


def placed(*nodes: int) -> list[Task]:
    return [task("web", n).model_copy(update={"id": f"t{at}", "node_id": f"n{n}"}) for at, n in enumerate(nodes)]


def spread(one: Service, tasks: list[Task], nodes: tuple[object, ...] = ZONES) -> Verdict:
    (verdict,) = OwnSpread().judge(setup_of(one, tasks=tasks, nodes=nodes), {}).verdicts  # type: ignore[arg-type]
    return verdict


def test_zones_with_as_many_tasks_each_are_even() -> None:
    assert spread(SPREAD, placed(1, 1, 2, 3)).status is Status.OK


def test_zones_that_differ_by_more_than_one_task_are_a_warning_with_the_counts() -> None:
    verdict = spread(SPREAD, placed(1, 2, 3, 3))
    assert (verdict.status, verdict.cause) == (Status.WARNING, "uneven-spread")
    assert verdict.evidence["counts"] == {"a": 1, "b": 3}
    assert "zone a: 1, zone b: 3" in verdict.detail


def test_a_zone_that_is_full_may_have_fewer() -> None:
    full = service("web", replicas=4, spread=("node.labels.zone",), max_replicas_per_node=1)
    assert spread(full, placed(2, 3, 1)).status is Status.OK


def test_a_label_that_no_node_has_spreads_nothing_and_is_a_warning() -> None:
    verdict = spread(service("web", spread=("node.labels.rack",)), placed(1, 2, 3))
    assert verdict.cause == "spread-label"


def test_a_second_label_is_judged_within_each_value_of_the_first() -> None:
    nodes = (node(1, zone="a", rack="1"), node(2, zone="b", rack="1"), node(3, zone="b", rack="2"))
    nested = service("web", replicas=4, spread=("node.labels.zone", "node.labels.rack"))
    assert spread(nested, placed(1, 1, 2, 3), nodes).status is Status.OK
    verdict = spread(nested, placed(1, 1, 2, 2), nodes)
    assert verdict.evidence["label"] == "node.labels.rack"


@given(st.lists(st.integers(1, 3), max_size=9))
def test_what_differs_by_at_most_one_is_never_called_uneven(where: list[int]) -> None:
    counts = [sum(n == 1 for n in where), sum(n != 1 for n in where)]
    verdict = spread(SPREAD, placed(*where))
    uneven = max(counts) - min(counts) > 1
    assert (verdict.cause == "uneven-spread") is (bool(where) and uneven)


def test_two_services_with_one_alias_are_a_warning_that_names_both() -> None:
    setup = setup_of(service("a_db", "db"), service("b_db", "db", number=2))
    (verdict,) = OwnAliases().judge(setup, {}).verdicts
    assert (verdict.status, verdict.cause) == (Status.WARNING, "alias-twice")
    assert "service a_db and service b_db have the name db on front" in verdict.detail


def test_a_container_with_the_name_of_a_service_is_named_with_its_host() -> None:
    setup = replace(setup_of(service("db")), held={"w2": (container("old", "10.0.0.9", "db"),)})
    (verdict,) = OwnAliases().judge(setup, {}).verdicts
    assert verdict.evidence["owners"] == ["container old on w2", "service db"]


def test_names_of_one_service_each_are_fine() -> None:
    (verdict,) = OwnAliases().judge(setup_of(service("web", "www")), {}).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "2 names belong to one service or container each")


def twice() -> Setup:
    setup = setup_of(WEB, tasks=[task("web", 1)])
    return replace(setup, held={**setup.held, "w3": (container("stray", "10.0.3.1"),)})


def test_an_address_on_two_hosts_is_a_failure_that_names_both() -> None:
    (verdict,) = OwnAddresses().judge(twice(), {}).verdicts
    assert (verdict.status, verdict.cause) == (Status.FAILED, "address-twice")
    assert "container box-web-1 on w1 and container stray on w3 have the same address on front, 10.0.3.1" in (
        verdict.detail
    )


def test_an_address_that_managers_gave_twice_is_one_cause() -> None:
    setup = twice()
    stray = task("web", 3).model_copy(update={"service_id": None, "networks": {"front": ("10.0.3.1/24",)}})
    state = setup.state.model_copy(update={"tasks": (*setup.state.tasks, stray)})
    setup = replace(setup, state=state)
    found = traced([*OwnAddresses().judge(setup, {}).verdicts, *Endpoints().judge(setup, {}).verdicts])
    assert [(one.cause, bool(one.because_of)) for one in found] == [("address-twice", False), ("address-twice", True)]
