"""The backup that apply and restore take before they change anything, under the lock that they hold already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import SwarmnetError
from swarmnet.workflows.backup import Order, create, since
from swarmnet.workflows.fleet.observe import RECORDED
from swarmnet.workflows.fleet.settle import observe_settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.backup import Reason
    from swarmnet.model.ports import Ports
    from swarmnet.model.sealed import Vault, WritableRepository
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.backup import Taken

WITHOUT = "nothing was changed; to continue without a safety backup, add --no-backup"


@dataclass(frozen=True, slots=True)
class SafetyBackup:
    """Saves a cluster as it is; a ``Safeguard`` of ``workflows.apply.Terms``."""

    vault: Callable[[], Vault]
    """Called when there is something to save: it may ask for a passphrase."""
    repository: WritableRepository
    reason: Reason
    tool: str
    new_id: Callable[[], str]
    taken: Callable[[Taken], None]
    """Gets what was written."""

    def __call__(self, ports: Ports, seen: ClusterState, hosts: frozenset[str] | None) -> None:
        """Write a backup of the swarm, partial where hosts do not answer; there is none to write before one exists.

        Args:
            ports: the world.
            seen: what the plan is for; its silent hosts are not tried again.
            hosts: those that the run looks at; None means all.

        Raises:
            SwarmnetError: it could not be written; the hint says how to go on without.
        """
        if seen.swarm is None:
            return
        order = Order(
            cluster=ports.inventory.cluster,
            backup_id=self.new_id(),
            created=ports.clock.now(),
            tool=self.tool,
            reason=self.reason,
            inventory=ports.inventory,
        )

        def observe() -> ClusterState:
            state = observe_settled(ports, replace(RECORDED, hosts=hosts, missing=seen.failures))
            return state.model_copy(update={"moved": since(ports, state)})

        try:
            done = create(order, observe, vault=self.vault(), repository=self.repository, listener=ports.listener)
        except SwarmnetError as error:
            error.hint = f"{error.hint}; {WITHOUT}" if error.hint else WITHOUT
            raise
        self.taken(done)
