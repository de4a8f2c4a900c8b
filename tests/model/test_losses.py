"""B15: what no restore brings back is announced, read from what the backup holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.losses import GENERAL, announced
from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.service import Reservations
from swarmnet.plan.recovery.steps import Choices, restoration
from swarmnet.report.terminal.backups import summary_lines
from swarmnet.report.terminal.console import rendered
from swarmnet.report.terminal.restore import left_out
from tests.support.backups import a_document, a_state
from tests.support.clusters import blank

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState

HOSTS = Inventory(
    cluster="shop",
    hosts=(Host(name="m1", address="10.9.0.1", role=Role.MANAGER), Host(name="w1", address="10.9.0.2")),
)


def _with_service(**changes: object) -> ClusterState:
    state = a_state()
    spec: ServiceSpec = state.services[0].spec.model_copy(update=changes)
    return state.model_copy(update={"services": (state.services[0].model_copy(update={"spec": spec}),)})


def _with_swarm(extra: JsonObject) -> ClusterState:
    state = a_state()
    assert state.swarm is not None
    spec = state.swarm.spec.model_copy(update={"extra": extra})
    return state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})


def _with_docker0(**changes: object) -> ClusterState:
    state = a_state()
    spec = NetworkSpec(name="bridge", driver="bridge", subnets=(Subnet(subnet="172.17.0.0/16"),), mtu=1500)
    bridge = Network(id="d", spec=spec.model_copy(update=changes), predefined=True)
    host = state.hosts[0].model_copy(update={"networks": (bridge,)})
    return state.model_copy(update={"hosts": (host, state.hosts[1])})


CASES = {
    "engine-labels": _with_service(constraints=("engine.labels.disk == ssd",)),
    "generic-resources": _with_service(reservations=Reservations(generic={"gpu": 1})),
    "signing-ca": _with_swarm({"CAConfig": {"SigningCACert": "PEM"}}),
    "docker0": _with_docker0(mtu=1400),
}


@pytest.mark.parametrize(("kind", "state"), CASES.items(), ids=CASES.keys())
def test_each_loss_is_reported_by_the_plan_the_report_and_the_backup_itself(kind: str, state: ClusterState) -> None:
    document = a_document(state)
    assert kind in {loss.kind for loss in announced(document)}
    assert any(kind in line for line in left_out((), announced(document)))
    assert any(line.strip().startswith(f"{kind}:") for line in rendered(summary_lines(document)).splitlines())
    assert kind not in {loss.kind for loss in announced(a_document())}


def test_what_is_always_lost_is_always_reported() -> None:
    assert set(GENERAL) <= set(announced(a_document()))


def test_docker0_as_engines_make_it_is_not_a_loss() -> None:
    assert "docker0" not in {loss.kind for loss in announced(a_document(_with_docker0()))}


def test_a_rotation_of_the_ca_is_never_asked_for_again() -> None:
    document = a_document(
        _with_swarm({"CAConfig": {"ForceRotate": 3, "ExternalCAs": []}, "Raft": {"ElectionTick": 10}})
    )
    found = restoration(document, HOSTS, blank(HOSTS), Choices(mapping={}, secrets={}))
    assert found.playbook.steps[0].operation.extra == {"CAConfig": {"ExternalCAs": []}, "Raft": {"ElectionTick": 10}}  # type: ignore[attr-defined]


def test_constraints_that_name_nodes_otherwise_afterwards_are_reported() -> None:
    document = a_document(_with_service(constraints=("node.id == node-w1", "node.ip == 10.9.0.2")))
    moved = Inventory(cluster="shop", hosts=(HOSTS.hosts[0], HOSTS.hosts[1].model_copy(update={"address": "10.8.0.2"})))
    found = restoration(document, moved, blank(moved), Choices(mapping={}, secrets={}))
    assert "service web: the constraint node.id == node-w1 becomes node.hostname==w1" in found.warnings
    assert "service web: the constraint node.ip == 10.9.0.2 becomes node.ip==10.8.0.2" in found.warnings
