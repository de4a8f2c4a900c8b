"""What holds for every kind of objects in the table, also for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.model.base import Secret
from swarmnet.model.differences import What
from swarmnet.model.network import NetworkSpec
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.plan import MANAGED_LABEL, Permit, Plan
from swarmnet.model.service import ServiceSpec
from swarmnet.model.state import ClusterState, HostFacts
from swarmnet.model.swarm import ConfigSpec, NewSecret, SecretSpec
from swarmnet.operations import BY_NAME
from swarmnet.operations.kinds import KINDS, REMOVABLE
from swarmnet.operations.removal import Removal
from swarmnet.plan import guard
from swarmnet.plan.guard import Permissions
from swarmnet.plan.prune import with_removals
from swarmnet.plan.recovery.drift import drift
from swarmnet.plan.recovery.selection import WORDS
from swarmnet.workflows.fleet.observe import RECORDED, observe
from tests.simulator import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Labels
    from swarmnet.model.kind import RemovableKind
    from swarmnet.model.ports import EnginePort


def _container(engine: EnginePort, labels: Labels) -> str:
    engine.pull_image("i:1")
    return engine.plain.create("x", PlainContainer(name="x", image="i:1", labels=labels), ())


MAKE: dict[str, Callable[[EnginePort, Labels], object]] = {
    "service": lambda engine, labels: engine.services.create(ServiceSpec(name="x", image="i", labels=labels)),
    "container": _container,
    "network": lambda engine, labels: engine.networks.create(NetworkSpec(name="x", labels=labels)),
    "config": lambda engine, labels: engine.configs.create(ConfigSpec(name="x", data=b"x", labels=labels)),
    "secret": lambda engine, labels: engine.secrets.create(
        NewSecret(SecretSpec(name="x", labels=labels), Secret(b"x"))
    ),
}
"""One object of each kind that can be removed, called ``x``; a new kind needs its line."""
REMOVABLE_KINDS = pytest.mark.parametrize("kind", REMOVABLE.values(), ids=REMOVABLE)


def with_one(kind: RemovableKind[Any], labels: Labels) -> World:
    """Return a cluster with one more object."""
    world = World(managers=1, workers=1)
    world.bootstrap()
    MAKE[kind.word](world.engine("m1"), labels)
    world.settle()
    return world


def target_of(kind: RemovableKind[Any]) -> str:
    return f"{kind.word} x" if kind.in_swarm else f"{kind.word} x on m1"


def pruned(state: ClusterState) -> Plan:
    return with_removals(Plan(cluster="shop", actions=(), predicted=state), provided=frozenset())


@REMOVABLE_KINDS
def test_an_object_with_our_label_is_removed_in_its_turn(kind: RemovableKind[Any]) -> None:
    world = with_one(kind, {MANAGED_LABEL: "shop"})
    (removal,) = pruned(observe(world.ports(), RECORDED)).actions

    removal.run(world.ports())

    assert isinstance(removal, Removal)
    assert (removal.target, removal.kind, removal.rank) == (
        target_of(kind),
        f"prune.{kind.word}",
        kind.rank,
    )
    assert not [one for _host, one in kind.places(observe(world.ports(), RECORDED)) if one.spec.name == "x"]


@REMOVABLE_KINDS
@pytest.mark.parametrize("labels", [{}, {MANAGED_LABEL: "other"}], ids=["none", "another cluster's"])
def test_an_object_without_our_label_stays(kind: RemovableKind[Any], labels: Labels) -> None:
    assert pruned(observe(with_one(kind, labels).ports(), RECORDED)).actions == ()


@REMOVABLE_KINDS
def test_the_predicted_state_after_a_removal_is_the_observed_one(kind: RemovableKind[Any]) -> None:
    world = with_one(kind, {MANAGED_LABEL: "shop"})
    plan = pruned(observe(world.ports(), RECORDED))
    for action in plan.actions:
        action.run(world.ports())

    assert drift(plan.predicted, observe(world.ports(), RECORDED)).differences == ()


@REMOVABLE_KINDS
def test_an_object_that_went_is_a_difference_of_its_kind(kind: RemovableKind[Any]) -> None:
    world = with_one(kind, {})
    before = observe(world.ports(), RECORDED)
    (found,) = [(host, one) for host, one in kind.places(before) if one.spec.name == "x"]

    (difference,) = drift(before, kind.without(before, found[1].id, found[0])).differences

    assert (difference.object, difference.kind) == (target_of(kind), What.MISSING)


@REMOVABLE_KINDS
def test_the_table_reads_the_fields_that_states_have(kind: RemovableKind[Any]) -> None:
    assert kind.field in ClusterState.model_fields or not kind.in_swarm
    assert kind.field in HostFacts.model_fields or not kind.on_hosts


def test_steps_look_at_what_hosts_can_be_asked_for() -> None:
    listed = {*HostFacts.LISTED, "containers"}

    assert {name: step.looks_at for name, step in BY_NAME.items() if not step.looks_at <= listed} == {}
    assert HostFacts.model_fields.keys() >= HostFacts.LISTED


def test_every_kind_can_be_chosen_for_a_restore() -> None:
    assert {kind.word for kind in KINDS} <= set(WORDS)


@REMOVABLE_KINDS
@pytest.mark.parametrize(
    ("permit", "allowed"),
    [
        (Permit.PRUNE, Permissions(prune=True)),
        (Permit.RESET, Permissions(dissolve=True)),
        (Permit.REPLACE, Permissions(replace=frozenset({"x"}))),
        (Permit.LOSS, Permissions(replace=frozenset({"x"}))),
    ],
)
def test_a_permit_is_refused_without_its_flag(kind: RemovableKind[Any], permit: Permit, allowed: Permissions) -> None:
    state = observe(with_one(kind, {}).ports(), RECORDED)
    (found,) = [(host, one) for host, one in kind.places(state) if one.spec.name == "x"]
    removal = Removal.of(kind, found[1], found[0], permit, "a test removes it")
    plan = Plan(cluster="shop", actions=(removal,), predicted=state)

    assert len(list(guard.of_plan(plan, state))) == 1
    assert not [one for one in guard.of_plan(plan, state, allowed) if one.text.startswith(f"{kind.word} x")]
