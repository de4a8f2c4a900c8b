"""Containers of tasks on simulated hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.service_mounts import MountType
from swarmnet.model.state import SERVICE_LABEL, Container, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulator.store import NetworkRecord, ServiceRecord, TaskRecord


def volumes_of(service: ServiceRecord) -> tuple[str, ...]:
    """Return the named volumes that tasks of a service mount."""
    mounts = service.spec.mounts or ()
    return tuple(one.source for one in mounts if one.type is MountType.VOLUME and one.source is not None)


def container_of(service: ServiceRecord, task: TaskRecord, networks: Iterable[NetworkRecord]) -> Container:
    return Container(
        id=task.container_id or "",
        name=f"{service.spec.name}.{task.slot or task.node_id}.{task.id}",
        image=service.spec.image,
        running=True,
        condition="running",
        labels={SERVICE_LABEL: service.spec.name, **(service.spec.container_labels or {})},
        service=service.spec.name,
        volumes=volumes_of(service),
        endpoints=tuple(
            Endpoint(
                network=network.spec.name,
                network_id=network.id,
                address=(*task.networks[network.spec.name], *_of_host(network))[0].partition("/")[0],
            )
            for network in networks
        ),
    )


def _of_host(network: NetworkRecord) -> tuple[str, ...]:
    """Return the address that a host itself gives; none where a manager does."""
    return (network.lease(),) if network.spec.on_lan else ()
