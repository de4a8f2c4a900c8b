"""Tasks that engines hear of and forget: both ends of a task's time on its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.service import PublishedPort, PublishMode
from tests.simulator.discovery import End

if TYPE_CHECKING:
    from swarmnet.model.service import ServiceSpec
    from tests.simulator.store import ServiceRecord, Store, TaskRecord


def given(spec: ServiceSpec, mode: PublishMode) -> tuple[PublishedPort, ...]:
    """Return a service's ports of one mode, those filled in that the engine chooses."""
    first = 30000 if mode is PublishMode.INGRESS else 32768
    mine = [port for port in spec.ports or () if port.mode is mode]
    return tuple(port.model_copy(update={"published": port.published or first}) for port in mine)


def join(store: Store, service: ServiceRecord, task: TaskRecord) -> None:
    """Let every engine hear of a task that begins."""
    attachments = {one.network: one.aliases or () for one in service.spec.networks or ()}
    doors = tuple(port.published or 0 for port in given(service.spec, PublishMode.INGRESS))
    task.ends = tuple(
        End(
            service=service.id,
            name=service.spec.name,
            network=name,
            address=addresses[0].partition("/")[0],
            virtual=service.virtual_ips.get(name, "").partition("/")[0],
            aliases=attachments.get(name, ()),
            doors=() if name in attachments else doors,
        )
        for name, addresses in task.networks.items()
        if addresses  # of the hosts' own LAN, engines tell each other nothing
    )
    for end in task.ends:
        store.discovery.join(end)


def leave(store: Store, task: TaskRecord) -> None:
    """Let every engine hear of the end of a task."""
    for end in task.ends:
        store.discovery.leave(end)
    task.ends = ()
