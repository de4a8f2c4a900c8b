from __future__ import annotations

from swarmnet.model.hosts import Availability
from swarmnet.model.plan import Risk
from tests.support.clusters import blank, inventory, swarm, with_host
from tests.support.plans import plan, refusal, reported


def test_labels_are_laid_over_and_removed_by_name() -> None:
    before = with_host(inventory(1, 1), "w1", labels={"old": "1", "kept": "2"})
    made = plan("- node: {labels: {new: 3}, remove_labels: [old]}\n  on: w1", swarm(before), inventory(1, 1))
    assert reported(made) == ["node.update node w1"]
    assert made.predicted.nodes[1].spec.labels == {"kept": "2", "new": "3"}


def test_without_arguments_the_inventory_is_meant() -> None:
    hosts = with_host(inventory(1, 1), "w1", labels={"zone": "a"}, availability=Availability.PAUSE)
    made = plan("- node: {}", swarm(inventory(1, 1)), hosts)
    assert [change.path for change in made.actions[0].changes] == ["availability", "labels.zone"]


def test_a_drain_is_disruptive() -> None:
    hosts = inventory(1, 1)
    made = plan("- node: {availability: drain}\n  on: w1", swarm(hosts), hosts)
    assert made.worst_risk is Risk.DISRUPTIVE


def test_what_the_inventory_says_otherwise_is_refused() -> None:
    hosts = with_host(inventory(1, 1), "w1", labels={"zone": "a"}, availability=Availability.ACTIVE)
    text = refusal("- node: {labels: {zone: b}, availability: drain, role: manager}", swarm(hosts), hosts)
    assert "label zone of w1 is b here and a in the inventory" in text
    assert "availability of w1 is drain here and active in the inventory" in text
    assert "role of w1 is manager here and worker in the inventory" in text


def test_a_host_outside_of_the_swarm_is_named() -> None:
    hosts = inventory(1, 0)
    assert "m1 is not in the swarm: put a 'swarm' step before" in refusal("- node: {}", blank(hosts), hosts)
