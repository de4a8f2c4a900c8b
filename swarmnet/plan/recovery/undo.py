"""``restore undo``: remove what the restore of one backup created where nothing was before, and only that. Pure.

The label ``io.swarmnet.restore`` with the backup's id says what that is. What was there before, or was replaced, stays
as it is; so do the labels of nodes, the settings of the swarm, and networks made with ``config_from``, on which engines
allow no label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plan import RESTORE_LABEL, Plan
from swarmnet.plan.prune import Doomed, with_doomed

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState


def undo(state: ClusterState, *, inventory: Inventory, backup: str, origin: str = "") -> Plan:
    """Return the plan that removes everything that the restore of this backup created; ``backup`` is its id."""
    doomed = Doomed(RESTORE_LABEL, backup, f"the restore of backup {backup[:8]} made it")
    plan = with_doomed(Plan(cluster=inventory.cluster, actions=(), origin=origin, predicted=state), doomed)
    if state.swarm is not None and state.swarm.spec.labels.get(RESTORE_LABEL) == backup:
        note = "the swarm itself was made by this restore and stays: `swarmnet reset` takes it apart"
        return plan.model_copy(update={"warnings": (*plan.warnings, note)})
    return plan
