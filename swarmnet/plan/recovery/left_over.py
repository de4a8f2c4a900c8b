"""What a restore leaves different from its backup: by the same comparison as ``backup diff``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.differences import What
from swarmnet.model.plan import Skip
from swarmnet.model.ref import Ref
from swarmnet.operations.kinds import REMOVABLE
from swarmnet.operations.network.ingress import ingress_of
from swarmnet.plan.recovery.describe import own
from swarmnet.plan.recovery.drift import drift
from swarmnet.plan.recovery.host_map import seen_as

if TYPE_CHECKING:
    from swarmnet.model.differences import Difference
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.recovery.steps import Restoration


def left(found: Restoration, plan: Plan, state: ClusterState) -> tuple[Skip, ...]:
    """Return everything that differs from the backup once the plan was carried out, and why.

    Nothing is left exactly when ``backup diff`` shows nothing then: what has a reason of its own comes first, then
    whatever else the comparison finds.

    Args:
        found: the restoration that the plan is of.
        plan: what will be done; empty when it is done.
        state: what is there now.
    """
    # An action creates an object of these kinds exactly as the backup has it; of the others it changes some fields.
    done = {action.object.key for action in plan.actions if action.object.kind in REMOVABLE}
    before = seen_as(found.document.state, state, found.hosts, found.inventory)
    differences = drift(before, own(plan.predicted if plan.actions else state)).differences
    done |= _made_with_the_swarm(found, state)
    more = (one for one in differences if one.ref.key not in done and not is_explained(one, found.skips))
    return (*found.skips, *(Skip(object=one.ref, why=_why(one, found)) for one in more))


def _made_with_the_swarm(found: Restoration, state: ClusterState) -> set[tuple[str, str, str | None]]:
    """Return the ingress network where the swarm is not there yet: engines make it with the swarm."""
    ingress = ingress_of(found.document.state)
    if state.swarm is not None or ingress is None:
        return set()
    return {Ref(kind="network", name=ingress.spec.name).key}


def is_explained(difference: Difference, skips: tuple[Skip, ...]) -> bool:
    """Return whether a reason was given: for the object, for its host, or for each field that differs."""
    whole = {skip.object.key for skip in skips if skip.field is None}
    ref = difference.ref
    host = ref.name if ref.kind == "node" else ref.host
    fields = {change.path for change in difference.changes}
    explained = {skip.field for skip in skips if skip.object.key == ref.key}
    by_fields = bool(fields) and fields <= explained
    return ref.key in whole or by_fields or (host is not None and ("host", host.lower(), None) in whole)


def _why(difference: Difference, found: Restoration) -> str:
    if difference.kind is What.ADDED:
        return "the backup does not have it; it stays"
    if found.is_left_out(difference.ref):
        return f"left out by {found.selection.by}"
    if difference.kind is What.MISSING:
        return "it is missing, and this restore does not create it"
    fields = ", ".join(change.path for change in difference.changes)
    return f"it stays different from the backup: {fields}"
