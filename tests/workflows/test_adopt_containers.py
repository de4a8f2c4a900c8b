"""Containers in adopted playbooks: those that are to run, alike ones once, and the others named with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plain_container import PlainContainer, PlainLimits
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.adopt.draft import Wish
from swarmnet.plan.build import build
from swarmnet.workflows.adopt import adopt
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState, HostFacts

BRIDGE = (EndpointSpec(network="bridge"),)


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    for machine in world.machines.values():
        machine.images.add("tool:1")
    return world


def make(world: World, host: str, spec: PlainContainer, places: tuple[EndpointSpec, ...] = BRIDGE) -> str:
    engine = world.engine(host)
    box = engine.plain.create(spec.name, spec, places)
    engine.plain.start(box)
    return box


def spec(name: str, **fields: object) -> PlainContainer:
    return PlainContainer.model_validate({"name": name, "image": "tool:1", **fields})


def seen(world: World) -> ClusterState:
    return observe(world.ports(), Look(containers=True, all_made=True))


def forgotten(facts: HostFacts) -> HostFacts:
    """Return a host as a backup has it."""
    return facts.model_copy(
        update={"containers": tuple(one.model_copy(update={"made": None}) for one in facts.containers)}
    )


def test_alike_containers_of_hosts_are_one_step_and_plan_nothing(world: World) -> None:
    usual = {"HostConfig": {"IpcMode": "private", "ShmSize": 64 << 20}}
    for host in ("m1", "w1"):
        make(world, host, spec("agent", restart="always", extra=usual, labels={"a": "b"}))
    world.engine("w1").networks.create(
        NetworkSpec(name="lan", driver="bridge", subnets=(Subnet(subnet="172.31.0.0/24"),))
    )
    limits = PlainLimits(memory=64 << 20, swap=128 << 20)
    place = EndpointSpec(network="lan", ipv4="172.31.0.9", aliases=("t",))
    make(world, "w1", spec("tool", env={"A": "1"}, limits=limits), (place,))

    made = adopt(seen(world), world.inventory, Wish())

    assert (
        """\
  - container:
      name: agent
      image: tool:1
      labels: {a: b}
      restart: always
  - container:
      name: tool
      image: tool:1
      env: {A: "1"}
      limits: {memory: 64M}
      networks:
        - {network: lan, ipv4: 172.31.0.9, aliases: [t]}
    on: [w1]
"""
        in made.text
    )
    assert made.left_out == {}
    assert build(parse_playbook(made.text.encode(), "p.yml"), seen(world), world.inventory).is_empty


def test_those_without_a_step_are_named_with_the_reason(world: World) -> None:
    make(world, "w1", spec("temp", extra={"HostConfig": {"AutoRemove": True}}))
    ended = make(world, "w1", spec("ended"))
    world.engine("w1").plain.stop(ended, 0.0)
    make(world, "w1", spec("probe", labels={PROBE_LABEL: "x"}))

    made = adopt(seen(world), world.inventory, Wish())

    assert "container" not in made.text
    assert [one for one in made.warnings if "containers" in one] == [
        "containers without a step, since they go when they end (--rm): temp on w1",
        "containers without a step, since they have ended: ended on w1",
    ]
    state = seen(world)
    unasked = state.model_copy(update={"hosts": tuple(map(forgotten, state.hosts))})
    (said,) = (one for one in adopt(unasked, world.inventory, Wish()).warnings if "containers" in one)
    assert said == "containers without a step, since it is not known how they were made: ended on w1, temp on w1"


def test_one_that_a_plan_would_start_is_a_comment(world: World) -> None:
    box = make(world, "w1", spec("down", restart="always"))
    world.engine("w1").plain.stop(box, 0.0)

    made = adopt(seen(world), world.inventory, Wish())

    assert list(made.left_out) == ["container down"]
    assert "# - container: {name: down" in made.text


def test_variables_that_look_secret_and_nameless_volumes_are_named(world: World) -> None:
    box = make(world, "w1", spec("db", env={"DB_PASSWORD": "x", "A": "b"}, restart="always"))
    held = world.machines["w1"].containers[box]
    assert held.made is not None
    kept = held.made.model_copy(update={"volumes": {"/data": "0" * 64}})
    world.machines["w1"].containers[box] = held.model_copy(update={"made": kept})

    warnings = adopt(seen(world), world.inventory, Wish()).warnings

    assert any("look like secrets, in clear: container db on w1 (DB_PASSWORD)" in one for one in warnings)
    assert any("volumes without a name" in one and "db on w1 (/data)" in one for one in warnings)
