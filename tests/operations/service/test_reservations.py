"""What tasks reserve next to what nodes have: with the arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.swarm import NodeResources
from tests.operations.service.test_service import HOSTS, holding, step, task, web
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState

M1 = NodeResources(cpus=2.0, memory=2 * 2**30)
W1 = NodeResources(cpus=4.0, memory=2**30, generic={"gpu": 2})


def sized(*services: ServiceSpec, m1: NodeResources | None = M1, w1: NodeResources | None = W1) -> ClusterState:
    state, sizes = holding(*services), {"m1": m1, "w1": w1}
    nodes = tuple(one.model_copy(update={"resources": sizes[one.hostname]}) for one in state.nodes)
    return state.model_copy(update={"nodes": nodes})


def warned(state: ClusterState, **fields: str) -> str:
    return "\n".join(plan(step(**fields), state, HOSTS).warnings)


def test_what_no_node_has_is_refused_with_what_each_has() -> None:
    text = refusal(step(reservations="{cpus: 5, memory: 3G, generic: {gpu: 3}}"), sized(), HOSTS)
    assert "reserves 5 processors, and no node that may run it has as much (m1: 2, w1: 4): reserve less" in text
    assert "reserves 3072M memory, and no node that may run it has as much (m1: 2048M, w1: 1024M)" in text
    assert "reserves 3 gpu, and no node that may run it has as much (m1: 0, w1: 2)" in text


def test_only_nodes_that_may_run_it_count() -> None:
    fields = {"constraints": "[node.role == manager]", "reservations": "{generic: {gpu: 1}}"}
    assert "no node that may run it has as much (m1: 0)" in refusal(step(**fields), sized(), HOSTS)


def test_tasks_that_find_no_room_are_warned_of_with_the_places_of_each_node() -> None:
    said = warned(sized(), replicas="5", reservations="{cpus: 1.5}")
    assert "reserves 1.5 processors" in said
    assert "room for 3 of 5 tasks (m1: 1, w1: 2): 2 will wait" in said
    assert not warned(sized(), replicas="3", reservations="{cpus: 1.5}")


def test_a_global_service_wants_one_place_on_each_node() -> None:
    assert "room for 1 of 2 tasks (m1: 0, w1: 1)" in warned(sized(), mode="global", reservations="{cpus: 3}")


def test_what_other_services_reserve_is_taken() -> None:
    other = web(name="web", reservations={"cpus": 3.5})
    state = sized(other.model_copy(update={"name": "old"}))
    running = task("w1").model_copy(update={"service_id": "old"})
    busy = state.model_copy(update={"tasks": (running,)})
    fields = {"constraints": "[node.role == worker]", "reservations": "{cpus: 1}"}
    assert "other services reserve what its tasks need on every node" in warned(busy, **fields)
    assert not warned(state, **fields)


def test_its_own_tasks_are_not_counted_twice() -> None:
    state = sized(web(reservations={"cpus": 4.0}))
    assert not warned(state.model_copy(update={"tasks": (task("w1"),)}), reservations="{cpus: 4}")


def test_nothing_is_said_where_a_node_has_not_reported_what_it_has() -> None:
    assert not warned(sized(w1=None), replicas="50", reservations="{cpus: 9}")
