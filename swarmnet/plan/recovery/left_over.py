"""What a restore leaves different from its backup: by the same comparison as ``backup diff``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.differences import Difference, Kind
from swarmnet.model.restore_report import Skip
from swarmnet.plan.recovery.describe import own
from swarmnet.plan.recovery.drift import drift
from swarmnet.plan.recovery.host_map import seen_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.recovery.steps import Restoration

_MADE_WHOLE = ("network", "service", "config", "secret")
"""Objects that an action makes exactly as the backup has them; of the others it changes some fields."""


def left(found: Restoration, plan: Plan, state: ClusterState) -> tuple[Skip, ...]:
    """Return everything that differs from the backup once the plan was carried out, and why.

    Nothing is left exactly when ``backup diff`` shows nothing then: what has a reason of its own comes first, then
    whatever else the comparison finds.

    Args:
        found: the restoration that the plan is of.
        plan: what will be done; empty when it is done.
        state: what is there now.
    """
    done = {action.target.lower() for action in plan.actions if action.target.startswith(_MADE_WHOLE)}
    told = {skip.what.lower() for skip in found.skips}
    old_names = {new: old for old, new in found.hosts.items()}
    before = seen_as(found.document.state, state, found.hosts, found.inventory)
    differences = drift(before, own(plan.predicted if plan.actions else state)).differences
    more = (one for one in differences if one.object.lower() not in done and not _is_told(one, told))
    return (*found.skips, *(Skip(what=one.object, why=_why(one, found, old_names)) for one in more))


def _is_told(difference: Difference, told: set[str]) -> bool:
    """Tell whether a reason was given: for the object, for its host, or for the one field that differs."""
    word, _blank, name = difference.object.lower().partition(" ")
    host = name if word == "node" else name.rpartition(" on ")[2] if " on " in name else ""
    fields = {change.path for change in difference.changes}
    return difference.object.lower() in told or f"host {host}" in told or (bool(fields) and fields <= told)


def _why(difference: Difference, found: Restoration, old_names: dict[str, str]) -> str:
    if difference.kind is Kind.ADDED:
        return "the backup has none of that name; it is left alone"
    if any(_is_left_out(difference.object, found, old_names)):
        return f"left out by {found.selection.by}"
    if difference.kind is Kind.MISSING:
        return "it is missing, and this restore does not create it"
    fields = ", ".join(change.path for change in difference.changes)
    return f"it stays different from the backup: {fields}"


def _is_left_out(what: str, found: Restoration, old_names: dict[str, str]) -> Iterator[bool]:
    kind, _blank, name = what.partition(" ")
    plain = name.partition(" on ")[0] if kind == "network" else old_names.get(name, name)
    yield from (other[0] == kind and other[1].lower() == plain.lower() for other in found.selection.left_out)
