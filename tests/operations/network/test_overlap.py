"""What a service's update changes of its names and ports is so in every resolver and kernel afterwards (G1, G2).

The simulator's engines mix up load balancers of tasks that run side by side, as real ones do.
"""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest

from swarmnet.errors import HostError
from swarmnet.model.service import EndpointMode, ServiceSpec
from tests.simulator.world import World
from tests.support.simulated_state import apply, planned, run

NET = "- swarm: {}\n- network: {name: front}\n"


def service(name: str, more: str) -> str:
    return f"- service: {{name: {name}, image: 'i:1', {more}}}\n"


def found(world: World, name: str) -> set[str]:
    """Return the addresses that a name leads to."""
    return world.store("m1").discovery.records["front", name]


def right(world: World, name: str) -> set[str]:
    """Return the address that a service is to be found at: its virtual one, or those of its tasks."""
    seen = next(one for one in world.engine("m1").services.list() if one.spec.name == name)
    if seen.spec.endpoint_mode is not EndpointMode.DNSRR:
        return {seen.virtual_ips["front"].partition("/")[0]}
    return task_addresses(world, name, "front")


def task_addresses(world: World, name: str, network: str) -> set[str]:
    tasks = (task for task in world.engine("m1").tasks(service=name) if task.state == "running")
    return {task.networks[network][0].partition("/")[0] for task in tasks}


def behind(world: World, door: int) -> set[str]:
    return world.store("m1").discovery.behind(door)


SIZES = ["replicas: 1", "replicas: 2", "replicas: 3", "mode: global"]
ORDERS = ["stop-first", "start-first"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "ports",
    [
        ("'8080:80'", "'8080:80', '8081:80'"),
        ("'8080:80', '8081:80'", "'8080:80'"),
        ("'8080:80'", "'8081:80'"),
        ("", "'8080:80'"),
        ("'8080:80'", "'8080:81'"),
    ],
    ids=["one more", "one less", "another", "the first", "another target"],
)
def test_every_published_port_leads_to_every_task(ports: tuple[str, str], size: str, order: str) -> None:
    world = World(managers=1, workers=2)
    before, after = (
        NET + service("web", f"{size}, ports: [{one}], networks: [front], update: {{order: {order}}}") for one in ports
    )
    apply(world, before)

    apply(world, after)
    world.settle()

    (ingress,) = [net.spec.name for net in world.store("m1").networks.values() if net.spec.ingress]
    wanted = [int(word.strip("' ").partition(":")[0]) for word in ports[1].split(",")]
    assert {port: behind(world, port) for port in wanted} == dict.fromkeys(
        wanted, task_addresses(world, "web", ingress)
    )
    assert behind(world, 8081) == (set() if 8081 not in wanted else behind(world, 8081))
    assert planned(world, after).is_empty


def aliased(size: str, order: str, aliases: str, mode: str = "vip") -> str:
    at = f"{{name: front, aliases: [{aliases}]}}"
    return service("a", f"{size}, networks: [{at}], endpoint_mode: {mode}, update: {{order: {order}}}")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["vip", "dnsrr"])
def test_an_alias_that_moves_leads_to_its_new_service_alone(size: str, order: str, mode: str) -> None:
    world = World(managers=1, workers=2)
    other = service("b", "networks: [front]")
    apply(world, NET + aliased(size, order, "web", mode) + other)
    assert found(world, "web") == right(world, "a")

    moved = NET + aliased(size, order, "", mode) + service("b", "networks: [{name: front, aliases: [web]}]")
    apply(world, moved)

    assert (found(world, "web"), found(world, "a")) == (right(world, "b"), right(world, "a"))
    assert planned(world, moved).is_empty


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("modes", list(itertools.permutations(["vip", "dnsrr"])), ids="-".join)
def test_a_name_leads_to_the_addresses_of_its_new_endpoint_mode(size: str, order: str, modes: tuple[str, str]) -> None:
    world = World(managers=1, workers=2)
    apply(world, NET + aliased(size, order, "web", modes[0]))

    apply(world, NET + aliased(size, order, "web", modes[1]))

    assert found(world, "a") == found(world, "web") == right(world, "a")


@pytest.mark.parametrize("requests", range(2, 40, 2))
def test_networks_that_no_step_names_are_there_again_whenever_a_change_of_endpoint_mode_is_killed(
    requests: int,
) -> None:
    world = World(managers=1)
    apply(world, NET + aliased("replicas: 2", "stop-first", "web"))
    wanted = NET + service("a", "endpoint_mode: dnsrr")
    made = planned(world, wanted)

    world.vanish_after("m1", requests)
    with suppress(HostError):
        run(world, made)
    world.revive("m1")
    apply(world, wanted)
    world.settle()

    assert found(world, "a") == found(world, "web") == right(world, "a") != set()
    assert [one.spec.labels for one in world.engine("m1").services.list()] == [{"io.swarmnet.managed": "sim"}]
    assert planned(world, wanted).is_empty


def test_plan_shows_that_tasks_are_replaced_twice() -> None:
    world = World(managers=1)
    apply(world, NET + aliased("replicas: 2", "stop-first", "web"))

    (update,) = planned(world, NET + aliased("replicas: 2", "stop-first", "other")).actions

    assert "its tasks are replaced, twice" in update.why


@pytest.mark.parametrize("requests", range(2, 40, 2))
def test_an_update_that_was_killed_between_its_two_writes_is_finished_by_the_next_run(requests: int) -> None:
    world = World(managers=1)
    apply(world, NET + aliased("replicas: 2", "stop-first", "web"))
    wanted = NET + aliased("replicas: 2", "stop-first", "other")
    made = planned(world, wanted)

    world.vanish_after("m1", requests)
    with suppress(HostError):
        run(world, made)
    world.revive("m1")
    apply(world, wanted)
    world.settle()

    assert (found(world, "web"), found(world, "other")) == (set(), right(world, "a"))


def test_an_update_by_others_that_mixes_them_up_is_what_the_simulator_shows() -> None:
    world = World(managers=1)
    apply(world, NET + aliased("replicas: 2", "stop-first", "web"))
    (seen,) = world.engine("m1").services.list()
    (attachment,) = seen.spec.networks or ()
    wanted = seen.spec.model_copy(update={"networks": (attachment.model_copy(update={"aliases": ("other",)}),)})

    world.engine("m1").services.update(seen.id, seen.version, ServiceSpec.model_validate(wanted.model_dump()))
    world.settle()

    assert (found(world, "web"), found(world, "other")) == (right(world, "a"), set())
