"""What no restore of a backup brings back, read from what the backup holds: for the plan, for reports, and to show."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from swarmnet.model.backup import Loss
from swarmnet.model.constraint import Constraint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import SwarmSpec

GENERAL = (
    Loss(
        kind="engine-settings",
        what="all",
        why="daemon.json, docker0 and firewall rules such as DOCKER-USER are not part of the Engine API",
        instead="set them on the hosts before the restore",
    ),
    Loss(
        kind="previous-versions",
        what="all",
        why="engines take no earlier version of a service (PreviousSpec)",
        instead="`docker service rollback` works again after the next update",
    ),
    Loss(
        kind="node-names",
        what="all",
        why="names that the API alone gives to nodes (Spec.Name) are not kept",
        instead="nodes are called by their hostname",
    ),
    Loss(
        kind="old-network-lists",
        what="all",
        why="the place for a service's networks that API 1.44 gave up is not used any more",
        instead="they are in the task template, where all engines read them",
    ),
)
_DOCKER0 = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": "true",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",  # noqa: S104 - what docker0 says, not listened on
    "com.docker.network.bridge.name": "docker0",
}
_DOCKER0_BLOCK = "172.17.0.0/16"
_DOCKER0_MTU = (None, 1500)


def announced(document: BackupDocument) -> tuple[Loss, ...]:
    """Return all that a restore of the backup does not bring back, whatever is done."""
    return (*document.losses, *GENERAL, *_of_hosts(document), *_of_services(document), *_of_swarm(document))


def _of_hosts(document: BackupDocument) -> Iterator[Loss]:
    for facts in document.state.hosts:
        if _has_own_docker0(facts):
            yield Loss(
                kind="docker0",
                what=facts.host,
                why="its block or options are not the engine's own, and daemon.json alone can set them",
                instead=f"set them in daemon.json of the host that replaces {facts.host}",
            )
    plain = (one for facts in document.state.hosts for one in facts.containers if one.service is None and one.endpoints)
    if any(plain):
        yield Loss(
            kind="container-settings",
            what="all",
            why="of containers that are not tasks, only their places on networks are kept: addresses, aliases, MAC"
            " address, driver options, gateway priority",
            instead="give link-local addresses, links and ports again, and MAC addresses on engines before API 1.54",
        )


def _has_own_docker0(facts: HostFacts) -> bool:
    bridge = next((net.spec for net in facts.networks if net.predefined and net.spec.name == "bridge"), None)
    if bridge is None:
        return False
    blocks = [block.subnet for block in bridge.subnets if ipaddress.ip_network(block.subnet).version == 4]  # noqa: PLR2004
    plain = bridge.mtu in _DOCKER0_MTU and not bridge.ipv6 and bridge.options.items() <= _DOCKER0.items()
    return not plain or blocks not in ([], [_DOCKER0_BLOCK])


def _asks_engine(text: str) -> bool:
    found = Constraint.parse(text)
    return found is not None and found.engine_label is not None


def _of_services(document: BackupDocument) -> Iterator[Loss]:
    for service in document.state.services:
        spec = service.spec
        if labels := [one for one in spec.constraints or () if _asks_engine(one)]:
            yield Loss(
                kind="engine-labels",
                what=spec.name,
                why=f"service {spec.name} asks for {', '.join(labels)}, which daemon.json alone can set",
                instead=f"label the engines, else the tasks of {spec.name} find no node",
            )
        if spec.reservations is not None and spec.reservations.generic:
            yield Loss(
                kind="generic-resources",
                what=spec.name,
                why=f"service {spec.name} reserves generic resources, which daemon.json alone can set",
                instead=f"give the engines these resources, else the tasks of {spec.name} find no node",
            )


def _of_swarm(document: BackupDocument) -> Iterator[Loss]:
    swarm = document.state.swarm
    if swarm is not None and _own_authority(swarm.spec):
        yield Loss(
            kind="signing-ca",
            what="all",
            why="the swarm used a CA from outside; engines do not return its key",
            instead="the new swarm makes its own: docker swarm ca --rotate --ca-cert FILE --ca-key FILE",
        )


def _own_authority(spec: SwarmSpec) -> bool:
    authority = spec.extra.get("CAConfig")
    return isinstance(authority, dict) and bool(authority.get("SigningCACert"))
