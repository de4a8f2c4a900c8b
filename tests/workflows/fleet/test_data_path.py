"""Between which addresses a host's overlays go: who says it, and what is said where no one does."""

from __future__ import annotations

import json

import pytest

from swarmnet.model.network import NetworkSpec
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint, HostFacts
from swarmnet.workflows.fleet.data_path import data_path_at, kept_data_path
from swarmnet.workflows.fleet.observe import WITH_DATA_PATHS, observe
from tests.simulator import World

FILE = "/var/lib/docker/swarm/docker-state.json"
OWN = "10.77.0.2"


def bootstrapped(*, on_overlay: bool) -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.machines["w1"].data_path = OWN
    world.engine("m1").networks.create(NetworkSpec(name="plain", attachable=True))
    world.settle()
    if on_overlay:
        world.machines["w1"].images.add("demo:1")
        box = ContainerSpec("box", "demo:1", ("sleep",), {}, (Endpoint(network="plain"),))
        world.engine("w1").start_container(box)
    return world


def facts(world: World) -> HostFacts:
    found = observe(world.ports(), WITH_DATA_PATHS).facts("w1")
    assert found is not None
    return found


def test_an_engine_with_a_container_on_an_overlay_says_it_without_rights_of_root() -> None:
    world = bootstrapped(on_overlay=True)
    seen = facts(world)
    found = data_path_at(world.ports(), seen)
    assert (found.address, found.unknown) == (OWN, "")
    assert (seen.data_path, seen.data_path_apart) == (OWN, OWN)


@pytest.mark.parametrize(("kept", "address"), [(OWN, OWN), ("", None)])
def test_without_one_the_engines_file_says_it_to_root(kept: str, address: str | None) -> None:
    world = bootstrapped(on_overlay=False)
    world.machines["w1"].files[FILE] = json.dumps({"DataPathAddr": kept}).encode()
    found = data_path_at(world.ports(), facts(world))
    assert (found.address, found.unknown) == (address or world.machines["w1"].address, "")


def test_without_both_the_inventory_is_asked() -> None:
    world = bootstrapped(on_overlay=False)
    hosts = tuple(one.model_copy(update={"data_path": OWN}) for one in world.inventory.hosts)
    ports = world.ports(world.inventory.model_copy(update={"hosts": hosts}))
    assert data_path_at(ports, facts(world)).address == OWN


def test_what_no_one_says_is_said_to_be_unknown() -> None:
    world = bootstrapped(on_overlay=False)
    found = data_path_at(world.ports(), facts(world))
    assert found.address == world.machines["w1"].address
    assert found.unknown.startswith("no container of it is on an overlay, and ")


@pytest.mark.parametrize(("is_apart", "kept"), [(True, OWN), (False, "")])
def test_a_survivor_without_sudo_takes_the_address_that_its_overlays_have(*, is_apart: bool, kept: str) -> None:
    world = bootstrapped(on_overlay=True)
    if not is_apart:
        world.machines["w1"].data_path = world.machines["w1"].address
    assert kept_data_path(world.ports(), "w1", world.engine("w1").facts()) == kept
