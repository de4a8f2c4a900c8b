"""In which order the steps of a playbook run, and where a run waits."""

from __future__ import annotations

from tests.support.clusters import inventory, swarm
from tests.support.plans import plan, refusal

SERVICE = '- service: {{name: {name}, image: "a:1"}}\n'
HOSTS = inventory(1, 1)


def batches(steps: str) -> list[list[str]]:
    return [[f"{one.kind} {one.object.name}" for one in batch] for batch in plan(steps, swarm(HOSTS), HOSTS).batches]


def test_services_come_one_after_the_other_in_the_order_written() -> None:
    steps = "".join(SERVICE.format(name=name) for name in ("db", "app"))
    assert batches(steps) == [["service.create db"], ["service.create app"]]


def test_neighbours_with_the_same_word_run_side_by_side() -> None:
    steps = SERVICE.format(name="db")
    steps += "- service: {name: '${item}', image: 'a:1'}\n  for: [api, worker]\n  together: apps\n"
    steps += SERVICE.format(name="web")
    assert batches(steps) == [
        ["service.create db"],
        ["service.create api", "service.create worker"],
        ["service.create web"],
    ]


def test_networks_need_no_word_to_be_made_side_by_side() -> None:
    assert batches("- network: {name: a}\n- network: {name: b}\n") == [["network.create a", "network.create b"]]


def test_a_wait_is_between_two_services() -> None:
    steps = (
        SERVICE.format(name="db") + "- wait: {service: db, healthy: true, timeout: 60s}\n" + SERVICE.format(name="app")
    )
    assert batches(steps) == [["service.create db"], ["wait.service db"], ["service.create app"]]


def test_a_wait_alone_changes_nothing() -> None:
    steps = SERVICE.format(name="db") + "- wait: {service: db}\n"
    there = plan(steps, swarm(HOSTS), HOSTS).predicted
    assert plan(steps, there, HOSTS).is_empty


def test_a_wait_for_a_service_that_is_not_there_yet_is_refused() -> None:
    text = refusal("- wait: {service: db}\n" + SERVICE.format(name="db"), swarm(HOSTS), HOSTS)
    assert "there is no service db here: put the step after the one that makes it" in text
