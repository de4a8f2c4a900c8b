"""Return a service to its state before its last update. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.compare import service_changes
from swarmnet.model.merge import replace
from swarmnet.model.plan import Plan
from swarmnet.model.ref import Ref
from swarmnet.operations.service.actions import RestoreService
from swarmnet.operations.service.operation import fate
from swarmnet.operations.service.replaced_tasks import OFF_LABEL

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState


def version_before(name: str, state: ClusterState) -> ServiceSpec:
    """Return what the last update of a service wrote over.

    Raises:
        UsageError: the service does not exist.
        RefusedError: the engine keeps no version before, or one that was never meant to stay.
    """
    seen = state.service(name)
    if seen is None:
        known = ", ".join(sorted(one.spec.name for one in state.services)) or "none"
        raise UsageError(f"no service {name!r}", hint=f"services: {known}")
    if seen.previous is None:
        raise RefusedError(
            f"the engine keeps no earlier version of service {name}: it was not updated, or it was rolled back already",
            hint="apply the playbook as it was before",
        )
    if OFF_LABEL in seen.previous.labels:
        raise RefusedError(
            f"the last update of service {name} had two parts, and the engine keeps what was between them",
            hint="apply the playbook as it was before",
        )
    return seen.previous


def rolled_back(wanted: ServiceSpec, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that writes an earlier version over the present one.

    Raises:
        RefusedError: the service is gone.
    """
    seen = state.service(wanted.name)
    if seen is None:
        raise RefusedError(f"service {wanted.name} is gone", hint="apply the playbook that makes it")
    changes = service_changes(wanted, seen.spec, exact=True)
    if not changes:
        return Plan(cluster=inventory.cluster, actions=(), predicted=state)
    why, risk = fate(replace(seen.spec, wanted), seen, state)
    action = RestoreService(
        object=Ref(kind="service", name=wanted.name), why=f"rolled back: {why}", risk=risk, changes=changes, spec=wanted
    )
    warnings = ("the next apply follows the playbook: correct it, too",)
    return Plan(cluster=inventory.cluster, actions=(action,), warnings=warnings, predicted=action.predict(state))
