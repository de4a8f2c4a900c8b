"""``--prune``: remove what swarmnet created for this cluster and no step of the playbook names any more. Pure.

The label ``io.swarmnet.managed`` with the cluster's name marks what swarmnet created; nothing else is ever removed.
Users go before what they use: services and containers, then networks that nothing uses, then configs and secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.model.ref import Ref
from swarmnet.operations.kinds import REMOVABLE
from swarmnet.operations.removal import Removal

if TYPE_CHECKING:
    from swarmnet.model.base import Labels
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState

_UNPROVIDED = "it has swarmnet's label, and no step of the playbook names it"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be removed: everything with a label's value that nothing provides."""

    label: str
    value: str
    why: str
    provided: frozenset[tuple[str, str]] = frozenset()
    """``(kind, name)`` of what stays."""
    provided_on: frozenset[tuple[str, str, str]] = frozenset()
    """``(kind, name, host)`` of what stays on one host."""

    def holds(self, kind: str, name: str, labels: Labels | None, host: str | None = None) -> bool:
        """Return whether an object is to be removed."""
        stays = (kind, name) in self.provided or (kind, name, host) in self.provided_on
        return (labels or {}).get(self.label) == self.value and not stays


def with_removals(
    plan: Plan,
    *,
    provided: frozenset[tuple[str, str]],
    provided_on: frozenset[tuple[str, str, str]] = frozenset(),
) -> Plan:
    """Return the plan followed by the removal of what swarmnet created and no step names any more.

    Args:
        plan: of the steps.
        provided: ``(kind, name)`` of what they name.
        provided_on: ``(kind, name, host)`` of what they name on single hosts.
    """
    return with_doomed(plan, Doomed(MANAGED_LABEL, plan.cluster, _UNPROVIDED, provided, provided_on))


def with_doomed(plan: Plan, doomed: Doomed) -> Plan:
    """Return the plan with a removal for each doomed object; one that is still in use stays, with a warning."""
    removals, warnings = removals_of(plan.predicted, doomed)
    predicted = plan.predicted
    for action in removals:
        predicted = action.predict(predicted)
    return plan.model_copy(
        update={
            "actions": (*plan.actions, *removals),
            "warnings": (*plan.warnings, *warnings),
            "predicted": predicted,
        }
    )


def removals_of(state: ClusterState, doomed: Doomed) -> tuple[tuple[Removal, ...], tuple[str, ...]]:
    """Return the removals for a state, and a sentence for each object that stays because something uses it."""
    removals: list[Removal] = []
    warnings: list[str] = []
    for kind in REMOVABLE.values():
        left = state
        for host, seen in kind.places(state):
            name = seen.spec.name
            if not kind.may_go(seen) or not doomed.holds(kind.word, name, seen.spec.labels, host):
                continue
            if users := sorted(set(kind.users(state, host, name))):
                warnings.append(
                    f"{Ref(kind=kind.word, name=name, host=host)} is not pruned: used by {', '.join(users)}"
                )
                continue
            removals.append(Removal.of(kind, seen, host, Permit.PRUNE, doomed.why))
            left = removals[-1].predict(left)
        state = left
    return tuple(removals), tuple(warnings)
