"""Verify with real ports on the hosts of a lab, and what it could leave there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.operator.probe_image import packed
from swarmnet.edge.session import Session
from swarmnet.model.events import ignore
from swarmnet.parse.inventory import parse_inventory
from swarmnet.verify.probes.run import Run
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.workflows.fleet.observe import WITH_TASKS, observe
from tests.support.commands import docker

if TYPE_CHECKING:
    from swarmnet.lab import Lab
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.verification import Verification

HOSTS = ("m1", "m2", "m3")


def inventory(lab: Lab) -> Inventory:
    return parse_inventory(lab.inventory.read_bytes(), name=str(lab.inventory), folder=lab.inventory.parent).inventory


def session(lab: Lab, listener: Listener = ignore) -> Session:
    """Return connections to the hosts of a lab, as commands make them."""
    clock = SystemClock()
    return Session(
        inventory(lab),
        lambda host, opened: Engine(host, opened, clock=clock),
        start_inside,
        clock=clock,
        listener=listener,
    )


def run(lab: Lab, wish: VerifyOptions, listener: Listener = ignore) -> Verification:
    me = Run(f"t{os.getpid()}", f"here:{os.getpid()}", lambda _operator: False)
    with session(lab, listener) as ports:
        return verify(ports, observe(ports, WITH_TASKS), wish, kit=packed(), run=me)


def load_probe(lab: Lab) -> str:
    """Bring the probe's image to every host, and return its name: it has a python3."""
    kit = packed()
    with session(lab) as ports:
        for host in ports.inventory.hosts:
            ports.engine(host.name).load_image(kit.archive or b"")
    return kit.reference


def traces(lab: Lab) -> dict[str, list[str]]:
    """Return every container, image and network of each host, and the services of the swarm.

    The engine's own bridge is left out: 20.10 makes it at the first attachment to any overlay, and keeps it.
    """
    lists = (("ps", "-aq"), ("images", "-q"), ("volume", "ls", "-q"), ("network", "ls", "--format", "{{.Name}}"))
    found = {
        host: sorted(line for words in lists for line in docker(lab, host, *words).split() if line != "docker_gwbridge")
        for host in HOSTS
    }
    return {**found, "services": docker(lab, "m1", "service", "ls", "-q").split()}
