"""A simulated cluster with overlays to verify, verify run on it, and what that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.state import (
    ClusterState,
    HostFacts,
    HostFailure,
)
from swarmnet.model.verification import PROBE_LABEL, ProbeKit
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions, verify
from tests.simulator import World
from tests.support.simulated_probe import IMAGE, KIT, this_run

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification

WISH = VerifyOptions(ALL)


def world_to_verify(workers: int = 2) -> World:
    """Return a cluster of a manager and workers, with overlays: swarmnet's, another's, and one without containers."""
    world = World(managers=1, workers=workers)
    world.bootstrap()
    engine = world.engine("m1")
    engine.networks.create(NetworkSpec(name="front", attachable=True, labels={MANAGED_LABEL: "sim"}))
    engine.networks.create(NetworkSpec(name="foreign", attachable=True))
    engine.networks.create(NetworkSpec(name="closed"))
    world.settle()
    return world


def look(world: World) -> ClusterState:
    """Return what an observation would; dead hosts are failures."""
    hosts, failures = [], []
    for host in world.inventory.hosts:
        if world.machines[host.name].powered:
            hosts.append(HostFacts(host=host.name, engine=world.engine(host.name).facts()))
        else:
            failures.append(HostFailure(host=host.name, reason="no route to host"))
    manager = world.engine("m1")
    return ClusterState(
        hosts=tuple(hosts),
        failures=tuple(failures),
        swarm=manager.swarm(),
        nodes=manager.nodes.list(),
        networks=manager.networks.list(),
        services=manager.services.list(),
    )


def run(world: World, wish: VerifyOptions = WISH, *, kit: ProbeKit = KIT) -> Verification:
    return verify(world.ports(), look(world), wish, kit=kit, run=this_run())


def traces(world: World) -> list[str]:
    """Return what is labelled as a probe's, and the probe's image."""
    world.settle()
    store = world.store("m1")
    found = [service.spec.name for service in store.services.values() if PROBE_LABEL in service.spec.labels]
    for machine in world.machines.values():
        found += [box.name for box in machine.containers.values() if PROBE_LABEL in box.labels]
        found += [image for image in machine.images if image == IMAGE]
    return found
