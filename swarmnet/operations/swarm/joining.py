"""Which action makes a host join the swarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.hosts import Role
from swarmnet.model.ref import Ref
from swarmnet.operations.addresses import advertise_of, data_path_of
from swarmnet.operations.swarm.actions import JoinManager, JoinWorker

if TYPE_CHECKING:
    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Action
    from swarmnet.model.state import HostFacts


def join(host: Host, facts: HostFacts, why: str) -> Action:
    """Return the action that makes a host join in its role and availability.

    Raises:
        ValueError: the host has not the address or interface that the inventory names.
    """
    kind = JoinManager if host.role is Role.MANAGER else JoinWorker
    return kind(
        object=Ref(kind="node", name=host.name),
        why=why,
        host=host.name,
        advertise=advertise_of(host, facts),
        data_path=data_path_of(host, facts),
        availability=host.availability,
    )
