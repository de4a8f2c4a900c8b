"""Swarmnet's mark: on what it creates, on nothing that others made, unless their step asks for it (A2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.plan import MANAGED_LABEL, RESTORE_LABEL
from swarmnet.model.service import Service, ServiceSpec
from swarmnet.plan.prune import with_removals
from tests.support.clusters import CLUSTER, inventory, overlay, swarm
from tests.support.plans import plan

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

HOSTS = inventory(1, 1)
MINE = {MANAGED_LABEL: CLUSTER}
STEPS = {
    "swarm": "- swarm: {%s}",
    "network": "- network: {name: front, %s}",
    "service": "- service: {name: web, image: 'web:1', %s}",
}


def made_by(labels: dict[str, str]) -> ClusterState:
    """Return a cluster whose swarm, network and service have these labels."""
    state = swarm(HOSTS)
    assert state.swarm is not None
    network = overlay("front")
    return state.model_copy(
        update={
            "swarm": state.swarm.model_copy(
                update={"spec": state.swarm.spec.model_copy(update={"labels": labels})},
            ),
            "networks": (
                *state.networks,
                network.model_copy(update={"spec": network.spec.model_copy(update={"labels": labels})}),
            ),
            "services": (Service(id="web", version=1, spec=ServiceSpec(name="web", image="web:1", labels=labels)),),
        }
    )


def labels_of(state: ClusterState, kind: str) -> dict[str, str]:
    found = {"swarm": state.swarm, "network": state.network("front"), "service": state.service("web")}[kind]
    assert found is not None
    return found.spec.labels


@pytest.mark.parametrize("labels", [{}, {"by": "hand"}, MINE, {MANAGED_LABEL: CLUSTER, RESTORE_LABEL: "b1"}])
@pytest.mark.parametrize("kind", STEPS)
def test_a_step_adds_no_mark_and_removes_none(kind: str, labels: dict[str, str]) -> None:
    made = plan(STEPS[kind] % "", made_by(labels), HOSTS)
    assert made.actions == ()
    assert labels_of(made.predicted, kind) == labels


@pytest.mark.parametrize("kind", ["swarm", "service"])
def test_take_ownership_adds_the_mark_and_nothing_else(kind: str) -> None:
    made = plan(STEPS[kind] % "take_ownership: true", made_by({"by": "hand"}), HOSTS)
    assert [change.path for action in made.actions for change in action.changes] == [f"labels.{MANAGED_LABEL}"]
    assert labels_of(made.predicted, kind) == {"by": "hand"} | MINE


def test_take_ownership_of_a_network_replaces_nothing_and_says_why() -> None:
    made = plan(STEPS["network"] % "take_ownership: true", made_by({}), HOSTS)
    assert made.actions == ()
    assert any("network front stays without swarmnet's mark" in text for text in made.warnings)


@pytest.mark.parametrize(("take", "marks"), [("", {}), (", take_ownership: true", MINE)])
def test_a_replaced_network_of_others_is_marked_only_if_its_step_asks_for_it(take: str, marks: dict[str, str]) -> None:
    made = plan(STEPS["network"] % f"internal: true{take}", made_by({}), HOSTS)
    assert [action.kind for action in made.actions] == ["network.replace"]
    assert labels_of(made.predicted, "network") == marks


def test_prune_leaves_what_others_made_and_a_playbook_once_described() -> None:
    described = "\n".join(step % "" for step in STEPS.values())
    left = with_removals(plan(described, made_by({}), HOSTS), provided=frozenset())
    assert left.actions == ()
