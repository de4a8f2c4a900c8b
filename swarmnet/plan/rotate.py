"""Plans that replace tokens, CA or unlock key. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.plan import Plan
from swarmnet.model.ref import Ref
from swarmnet.operations.swarm.rotate import RotateCa, RotateTokens, RotateUnlockKey

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState


def rotated_tokens(state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that replaces both join tokens."""
    why = "hosts can join with the new tokens alone; members stay"
    return _plan(RotateTokens(object=Ref(kind="join tokens", name=inventory.cluster), why=why), state, inventory)


def rotated_ca(state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that replaces the certificate authority.

    Raises:
        RefusedError: a node cannot renew its certificate now, or a rotation goes on.
    """
    if state.swarm is not None and state.swarm.root_rotation:
        raise RefusedError("the CA is being rotated already", hint="wait until that has ended")
    late = [node.name for node in state.nodes if node.status != "ready"]
    if late:
        raise RefusedError(
            f"{', '.join(late)} is not ready, and the rotation would wait for its certificate without end",
            hint="bring it back, or remove it: swarmnet node remove",
        )
    why = "every node gets a new certificate; the join tokens change, too"
    return _plan(RotateCa(object=Ref(kind="ca", name=inventory.cluster), why=why), state, inventory)


def rotated_unlock_key(path: str, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that replaces the unlock key and writes the new one to a file.

    Raises:
        RefusedError: the swarm is not autolocked.
    """
    if state.swarm is None or not state.swarm.spec.autolock:
        raise RefusedError("the swarm has no unlock key: autolock is off", hint="set 'autolock: true' in a swarm step")
    why = f"the new key is written to {path}; the old one unlocks nothing any more"
    action = RotateUnlockKey(object=Ref(kind="unlock key", name=inventory.cluster), why=why, path=path)
    return _plan(action, state, inventory)


def _plan(action: Action, state: ClusterState, inventory: Inventory) -> Plan:
    if state.swarm is None:
        raise RefusedError("there is no swarm")
    return Plan(cluster=inventory.cluster, actions=(action,), predicted=state)
