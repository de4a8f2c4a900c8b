"""Observers start while probes do: what only a running probe lets an engine say is asked for afterwards."""

from __future__ import annotations

from swarmnet.model.network import NetworkSpec
from swarmnet.verify.probes.containers import ProbeContainers
from swarmnet.verify.probes.images import Images
from swarmnet.verify.probes.run import Gate, RunContext
from tests.simulator import World
from tests.support.simulated_probe import KIT, this_run
from tests.support.verified_world import look

OWN = "10.77.0.2"


def boxes_of(world: World) -> ProbeContainers:
    world.engine("m1").networks.create(NetworkSpec(name="plain", attachable=True))
    world.settle()
    state = look(world)
    context = RunContext(world.ports(), KIT, this_run(), state)
    plain = tuple(one for one in state.networks if one.spec.name == "plain")
    return ProbeContainers(context, Images(context), Gate(), plain)


def test_an_observer_that_ran_before_the_probe_has_the_address_that_the_probes_overlay_says() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.machines["w1"].data_path = OWN
    boxes = boxes_of(world)

    watching = boxes.watch(("w1",))
    boxes.place(("w1",))

    observer = boxes.observers(watching)["w1"]
    assert (observer.vtep, observer.unknown, observer.problem) == (OWN, "", None)


def test_a_host_without_an_observer_says_why() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    boxes = boxes_of(world)
    world.full.add("w1")

    watching = boxes.watch(("m1", "w1"))

    found = boxes.observers(watching)
    assert [*watching.containers] == ["m1"]
    assert (found["m1"].problem, "no space left" in str(found["w1"].problem)) == (None, True)
