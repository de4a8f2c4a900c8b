"""Healthy clusters of many shapes on real engines: verify gives none of them a cause."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from swarmnet.model.report import Status
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.commands import docker
from tests.support.labs import fresh_name
from tests.support.live_verify import inventory, load_probe, run
from tests.support.waiting import seen, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.report import Verdict

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
THREE = ("26.1", "20.10", "28.5")
IMAGE = "demo:1"
LISTENER = "listener:1"
"""The probe's image, which has a Python: busybox has no server that listens on UDP."""
LOGS = (LISTENER, "python3", "-I", "-S", "-c",
        "import socket\ns = socket.socket(2, 2)\ns.bind(('', 9000))\nwhile 1: s.recv(99)")  # fmt: skip
WEB = (IMAGE, "httpd", "-f", "-p", "80", "-h", "/www")
OVERLAY = ("network", "create", "-d", "overlay")
SERVICE = ("service", "create", "-d", "--stop-grace-period", "1s")
FRONT = (*OVERLAY, "--attachable", "front")
KERNELS = {"no-ipvs", "no-esp"}
"""What is true of hosts that share a kernel without IPVS or ESP: not proved, and said once."""
ENGINES = {"ipv6-hangs"}
"""What is true of every engine before 29.8: their published ports hang by IPv6."""


@dataclass(frozen=True)
class Shape:
    """A cluster: its hosts, and the docker commands that a manager gets after the swarm is there."""

    commands: tuple[tuple[str, ...], ...] = (FRONT,)
    engines: tuple[str, ...] = THREE
    hosts: int = 3
    managers: int = 1
    kernel: str = "shared"
    init: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    """A command that is begun just before verify, and goes on meanwhile."""


SHAPES = {
    "one host": Shape(engines=("28.5",), hosts=1),
    "two hosts of two versions": Shape(engines=("20.10", "28.5"), hosts=2),
    "three managers of three versions": Shape(managers=3),
    "a second manager": Shape(managers=2),
    "both families": Shape(
        ((*OVERLAY, "--attachable", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd00:77::/64", "front"),),
    ),
    "none attachable": Shape(((*OVERLAY, "closed"), (*SERVICE, "--name", "web", "--network", "closed", *WEB))),
    "internal": Shape(((*OVERLAY, "--internal", "inner"), (*SERVICE, "--name", "db", "--network", "inner", *WEB))),
    "a drained node": Shape((FRONT, ("node", "update", "--availability", "drain", "m3")), managers=3),
    "a paused node": Shape((FRONT, ("node", "update", "--availability", "pause", "m3")), managers=3),
    "workers alone take tasks": Shape(
        (FRONT, (*SERVICE, "--name", "web", "--mode", "global", "--network", "front", *WEB),
         ("node", "update", "--availability", "drain", "m1")),
    ),
    "thirty overlays": Shape(tuple((*OVERLAY, "--attachable", f"net{number}") for number in range(30))),
    "a custom data path port": Shape(init=("--data-path-port", "7789")),
    "a custom MTU": Shape(((*OVERLAY, "--attachable", "--opt", "com.docker.network.driver.mtu=1400", "front"),)),
    "ports in host mode": Shape(
        (FRONT, (*SERVICE, "--name", "web", "--mode", "global", "--network", "front", "--publish",
                 "mode=host,target=80,published=8088", *WEB)),
    ),
    "no ingress network": Shape((FRONT, ("network", "rm", "ingress"))),
    "a service with no replicas": Shape(
        (FRONT, (*SERVICE, "--name", "later", "--replicas", "0", "--network", "front", *WEB))
    ),
    "twenty hosts": Shape(hosts=20, engines=("26.1",), managers=3),
    "only encrypted": Shape(
        ((*OVERLAY, "--opt", "encrypted", "--attachable", "vault"),
         (*SERVICE, "--name", "web", "--replicas", "3", "--network", "vault", *WEB)),
        kernel="own", managers=3,
    ),
    "several published ports": Shape(
        (FRONT, (*SERVICE, "--name", "web", "--replicas", "2", "--network", "front", "--publish", "8080:80",
                 "--publish", "8081:80", *WEB),
         (*SERVICE, "--name", "api", "--network", "front", "--publish", "8443:80", *WEB),
         (*SERVICE, "--no-resolve-image", "--name", "logs", "--replicas", "2", "--network", "front",
          "--publish", "9000:9000/udp", *LOGS)),
        kernel="own",
    ),
    "a service that is being updated": Shape(
        (FRONT, (*SERVICE, "--name", "web", "--replicas", "4", "--network", "front", "--publish", "8080:80",
                 "--update-delay", "15s", "--update-order", "start-first", *WEB)),
        kernel="own",
        updates=("service", "update", "-d", "--force", "web"),
    ),
    "an encrypted overlay on a custom data path port": Shape(
        (FRONT, (*OVERLAY, "--opt", "encrypted", "--attachable", "vault")),
        engines=("26.1", "28.5"), hosts=2, kernel="own", init=("--data-path-port", "7789"),
    ),
}  # fmt: skip


@contextmanager
def built(shape: Shape) -> Iterator[Lab]:
    """Bring up a lab with the swarm of a shape, its tasks running."""
    engines = shape.engines if len(shape.engines) == shape.hosts else (shape.engines[0],)
    spec = LabSpec(name=fresh_name(), hosts=shape.hosts, engines=engines, managers=shape.managers,
                   kernels=(shape.kernel,))  # type: ignore[arg-type]  # fmt: skip
    with Lab.up(spec) as lab:
        _make(lab, shape)
        yield lab


def _make(lab: Lab, shape: Shape) -> None:
    known = inventory(lab)
    first, *others = (host.name for host in lab.hosts)
    address = known.host(first).address
    make_image(lab, IMAGE)
    if any(LISTENER in words for words in shape.commands):
        reference = load_probe(lab)
        for host in lab.hosts:
            docker(lab, host.name, "tag", reference, LISTENER)
    docker(lab, first, "swarm", "init", "--advertise-addr", address, *shape.init)
    tokens = {role: docker(lab, first, "swarm", "join-token", "-q", role) for role in ("manager", "worker")}
    for name in others:
        role = "manager" if name.startswith("m") else "worker"
        docker(lab, name, "swarm", "join", "--token", tokens[role], f"{address}:2377")
    for words in shape.commands:
        if words == ("network", "rm", "ingress"):
            assert soon(lambda: lab.exec(first, ["sh", "-c", "yes | docker network rm ingress"]).exit_code == 0)
            continue
        docker(lab, first, *words)
    listed = seen(lambda: _replicas(lab, first), lambda found: all(a == b for a, b in found))
    assert all(one == other for one, other in listed), listed


def _replicas(lab: Lab, first: str) -> list[list[str]]:
    found = docker(lab, first, "service", "ls", "--format", "{{.Replicas}}").split()
    return [one.split("/") for one in found]


def loud(verdicts: tuple[Verdict, ...], *, is_changing: bool) -> list[str]:
    """Return what is neither proved nor left out, and not known of these kernels and engines, nor of updates."""
    return [
        f"{one.status} {one.cause} {one.scenario}: {one.subject}: {one.detail}"
        for one in verdicts
        if one.status not in (Status.OK, Status.SKIPPED)
        and one.cause not in KERNELS | ENGINES
        and not {root.cause for root in one.because_of} & KERNELS
        and not (is_changing and _asks_to_wait(one))
    ]


def _asks_to_wait(one: Verdict) -> bool:
    """Return whether something was not seen because tasks were replaced meanwhile."""
    return one.status is Status.INCONCLUSIVE and one.cause is None and one.detail.endswith("run verify again")


@pytest.mark.parametrize("name", SHAPES)
def test_a_healthy_cluster_gets_no_cause(name: str) -> None:
    shape = SHAPES[name]
    with built(shape) as lab:
        if shape.updates:
            docker(lab, lab.hosts[0].name, *shape.updates)
        found = run(lab, VerifyOptions(ALL)).verdicts
    assert loud(found, is_changing=bool(shape.updates)) == []
    assert any(one.status is Status.OK for one in found)
