"""What the guard refuses, and what allows it."""

from __future__ import annotations

import pytest

from swarmnet.errors import RefusedError
from swarmnet.model.hosts import Role
from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL, Plan, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.state import ClusterState, EngineFacts, HostFailure
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.network.actions import ReplaceNetwork
from swarmnet.operations.swarm.actions import ChangeRole
from swarmnet.plan import guard
from swarmnet.plan.guard import Permissions
from tests.support.clusters import blank, facts, inventory, swarm

HOSTS = inventory(managers=3, workers=1)
DEAD = HostFailure(host="w1", reason="no route to host")


def texts(state: ClusterState, permissions: Permissions | None = None) -> list[str]:
    return [str(one) for one in guard.of_state(state, HOSTS, permissions or Permissions())]


def without(state: ClusterState, host: str) -> ClusterState:
    kept = tuple(one for one in state.hosts if one.host != host)
    return state.model_copy(update={"hosts": kept, "failures": (DEAD,)})


def test_a_whole_cluster_is_fine() -> None:
    assert texts(swarm(HOSTS)) == []


def test_a_host_that_does_not_answer_needs_a_flag() -> None:
    state = without(swarm(HOSTS), "w1")

    assert texts(state) == ["w1 does not answer: no route to host (--allow-missing, or --limit '!w1')"]
    assert texts(state, Permissions(allow_missing=True)) == []


def test_a_dead_host_outside_of_the_limit_is_not_a_reason() -> None:
    state = without(swarm(HOSTS), "w1")

    assert list(guard.of_state(state, HOSTS, hosts=frozenset({"m1"}))) == []


def test_a_swarm_with_the_label_of_another_cluster_is_refused() -> None:
    state = swarm(HOSTS)
    assert state.swarm is not None
    spec = state.swarm.spec.model_copy(update={"labels": {MANAGED_LABEL: "bakery"}})
    state = state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})

    (text,) = texts(state)

    assert "cluster 'bakery'" in text
    assert "cluster 'shop'" in text


def test_a_host_that_is_contradicted_is_refused_whatever_is_allowed() -> None:
    state = swarm(HOSTS)
    liar = HostFailure(host="w1", reason="says that it is node node-m2", disbelieved=True)
    state = state.model_copy(update={"hosts": state.hosts[:-1], "failures": (liar,)})

    (refusal,) = guard.of_state(state, HOSTS, Permissions(allow_missing=True))

    assert refusal.text == "w1 says that it is node node-m2"
    assert refusal.flag is None


def test_an_engine_older_than_those_tested_is_refused() -> None:
    old = facts(HOSTS.host("m1"), version="1.40")

    (text,) = texts(ClusterState(hosts=(old,)))

    assert "m1 has engine 26.1.5 (API 1.40)" in text
    assert isinstance(old.engine, EngineFacts)


def test_a_replacement_needs_the_flag_that_names_the_network() -> None:
    state = blank(HOSTS)
    spec = NetworkSpec(name="front")
    action = ReplaceNetwork(
        object=Ref(kind="network", name="front"), why="mtu differs", risk=Risk.DISRUPTIVE, spec=spec, before=spec
    )
    plan = Plan(cluster="shop", actions=(action,), predicted=state)

    (refusal,) = guard.of_plan(plan, state)

    assert refusal.flag == "--replace front"
    assert list(guard.of_plan(plan, state, Permissions(replace=frozenset({"front"})))) == []
    assert list(guard.of_plan(plan, state, Permissions(replace=frozenset({"back"})))) == [refusal]


def test_a_replacement_on_one_host_is_named_by_the_network_not_by_the_host() -> None:
    state, spec = blank(HOSTS), NetworkSpec(name="local", driver="bridge")
    action = ReplaceNetwork(
        object=Ref(kind="network", name="local", host="m1"), why="mtu differs", host="m1", spec=spec, before=spec
    )
    plan = Plan(cluster="shop", actions=(action,), predicted=state)

    assert [one.flag for one in guard.of_plan(plan, state)] == ["--replace local"]
    assert list(guard.of_plan(plan, state, Permissions(replace=frozenset({"local"})))) == []


def test_no_flag_replaces_a_network_that_containers_use() -> None:
    state, spec = blank(HOSTS), NetworkSpec(name="front")
    action = ReplaceNetwork(
        object=Ref(kind="network", name="front"), why="so", spec=spec, before=spec, containers=("guest on m2",)
    )
    plan = Plan(cluster="shop", actions=(action,), predicted=state)

    (refusal,) = guard.of_plan(plan, state, Permissions(replace=frozenset({"front"})))

    assert "guest on m2" in refusal.text
    assert refusal.flag is None


def test_losing_the_quorum_is_refused_whatever_is_allowed() -> None:
    state = swarm(HOSTS)
    nodes = tuple(
        node.model_copy(update={"reachability": "unreachable"}) if node.hostname == "m2" else node
        for node in state.nodes
    )
    state = state.model_copy(update={"nodes": nodes})
    demote = ChangeRole(object=Ref(kind="node", name="m3"), why="so", host="m3", spec=NodeSpec(role=Role.WORKER))
    plan = Plan(cluster="shop", actions=(demote,), predicted=demote.predict(state))

    (refusal,) = guard.of_plan(plan, state, Permissions(allow_missing=True, prune=True))

    assert "1 of 2 managers would be reachable" in refusal.text
    assert refusal.flag is None


def test_all_reasons_are_given_at_once_with_the_flags_for_them() -> None:
    reasons = [guard.Refusal("one", flag="--replace a"), guard.Refusal("two", flag="--prune")]

    with pytest.raises(RefusedError, match=r"- one .*\n- two") as refused:
        guard.check(reasons)

    assert refused.value.exit_code == 5
    assert refused.value.hint == "to allow this, add --replace a --prune"
