"""Containers come back to their networks where they exist; those that are missing are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.restore import Restore
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import terms
from tests.workflows.test_restore import MAP, NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.plan import Plan

IMAGE = "legacy:1"
PLACES = (
    Endpoint(network="data", ipv4="10.50.0.9", aliases=("db", "pg")),
    Endpoint(network="lan", ipv4="172.29.0.9", aliases=("old",)),
)


def networks(world: World, manager: str, host: str) -> None:
    world.engine(manager).networks.create(
        NetworkSpec(name="data", attachable=True, subnets=(Subnet(subnet="10.50.0.0/24"),))
    )
    world.engine(host).networks.create(
        NetworkSpec(name="lan", driver="bridge", subnets=(Subnet(subnet="172.29.0.0/24"),))
    )
    world.settle()


def box(world: World, host: str, name: str, places: Iterable[Endpoint] = ()) -> None:
    world.machines[host].images.add(IMAGE)
    world.engine(host).start_container(ContainerSpec(name, IMAGE, ("sleep",), {}, tuple(places)))


def backup() -> BackupDocument:
    world = World(inventory=OLD)
    world.bootstrap()
    networks(world, "a1", "a2")
    box(world, "a2", "legacy", PLACES)
    box(world, "a2", "gone", PLACES[:0])
    box(world, "a3", "lost", (Endpoint(network="data"),))
    state = observe(world.ports(), RECORDED)
    return document(state, cluster="old", backup_id="ab" * 16, created=CREATED, tool="swarmnet")


def plan(world: World, found: BackupDocument, *exclude: str) -> Plan:
    restore = Restore(found, NEW, Choices(mapping=MAP, secrets={}, exclude=exclude))
    return restore.plan(observe(world.ports(), RECORDED))


def reported(made: Plan) -> list[str]:
    return [f"{one.kind} {one.target}" for one in made.actions if one.kind.startswith("endpoint.")]


def applied(world: World, made: Plan) -> None:
    for action in made.actions:
        action.run(world.ports())
    world.settle()


def seen(world: World) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = observe(world.ports(), RECORDED).container("b2", "legacy")
    assert found is not None
    return {one.network: (one.address, one.aliases) for one in found.endpoints}


def test_a_container_that_exists_comes_back_to_its_networks_and_a_missing_one_is_named() -> None:
    found, world = backup(), World(inventory=NEW)
    box(world, "b2", "legacy")

    made = plan(world, found)
    applied(world, made)

    assert reported(made) == [
        "endpoint.connect endpoint legacy in data on b2",
        "endpoint.connect endpoint legacy in lan on b2",
    ]
    assert seen(world) == {"data": ("10.50.0.9", ("db", "pg")), "lan": ("172.29.0.9", ("old",))}
    assert reported(plan(world, found)) == []
    missing = [text for text in made.warnings if "does not exist on" in text]
    assert missing == ["container lost does not exist on b3: create it, and restore again to put it on data"]


def test_a_later_restore_puts_back_what_was_missing() -> None:
    found, world = backup(), World(inventory=NEW)
    applied(world, plan(world, found))
    box(world, "b2", "legacy")

    made = plan(world, found)
    applied(world, made)

    assert [one.kind for one in made.actions] == ["endpoint.connect", "endpoint.connect"]
    assert seen(world)["data"] == ("10.50.0.9", ("db", "pg"))


def test_a_network_that_differs_is_replaced_once_its_containers_are_off_it_and_they_come_back_to_it() -> None:
    found, world = backup(), World(inventory=NEW)
    world.bootstrap()
    there = NetworkSpec(name="data", attachable=True, subnets=(Subnet(subnet="10.99.0.0/24"),))
    world.engine("b1").networks.create(there)
    world.settle()
    box(world, "b2", "legacy", (Endpoint(network="data", ipv4="10.99.0.5", aliases=("other",)),))
    goal = Restore(found, NEW, Choices(mapping=MAP, secrets={})).goal(Permissions(replace=frozenset({"data"})))

    with pytest.raises(RefusedError, match=r"network data cannot be replaced.*legacy on b2"):
        apply(world.ports(), goal, terms())
    assert seen(world)["data"] == ("10.99.0.5", ("other",))
    off = observe(world.ports(), RECORDED).container("b2", "legacy")
    assert off is not None
    world.engine("b2").disconnect_container(off.id, "data")
    world.settle()
    apply(world.ports(), goal, terms())
    world.settle()

    assert seen(world)["data"] == ("10.50.0.9", ("db", "pg"))
    assert reported(plan(world, found)) == []


def test_an_address_of_the_swarm_that_is_taken_is_left_to_the_managers_and_announced() -> None:
    found, world = backup(), World(inventory=NEW)
    applied(world, plan(world, found))
    box(world, "b3", "thief", (Endpoint(network="data", ipv4="10.50.0.9"),))
    box(world, "b2", "legacy")

    made = plan(world, found)
    applied(world, made)

    assert seen(world)["data"][0] not in ("", "10.50.0.9")
    assert any("comes back to network data without ipv4 10.50.0.9" in text for text in made.warnings)
    assert reported(plan(world, found)) == []


def test_an_address_of_a_host_that_is_taken_is_announced_and_ends_nothing() -> None:
    found, world = backup(), World(inventory=NEW)
    applied(world, plan(world, found))
    box(world, "b2", "thief", (Endpoint(network="lan", ipv4="172.29.0.9"),))
    box(world, "b2", "legacy")

    made = plan(world, found)

    assert reported(made) == ["endpoint.connect endpoint legacy in data on b2"]
    assert any("does not come back to network lan: 172.29.0.9 is taken" in text for text in made.warnings)


def test_a_network_that_is_left_out_takes_its_places_along() -> None:
    found, world = backup(), World(inventory=NEW)
    box(world, "b2", "legacy")

    assert reported(plan(world, found, "network/lan")) == ["endpoint.connect endpoint legacy in data on b2"]
