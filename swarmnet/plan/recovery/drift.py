"""What differs between two looks at a cluster, object by object and field by field.

Volatile facts never count: ids, versions, virtual IPs, VXLAN identifiers, tasks, leadership, status. What one of the
two looks could not see (an unreachable host, no manager) is named, not reported as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from swarmnet.model.compare import swarm_changes
from swarmnet.model.differences import Difference, Drift, What
from swarmnet.model.ref import Ref
from swarmnet.operations.comparing import bare, turned
from swarmnet.operations.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.kind import Kind
    from swarmnet.model.plan import Change
    from swarmnet.model.state import ClusterState

T = TypeVar("T")


def drift(before: ClusterState, after: ClusterState, *, hosts: frozenset[str] | None = None) -> Drift:
    """Return how ``after`` differs from ``before``; of the hosts' own objects only those of ``hosts``, None means all.

    Labels that say who created an object are swarmnet's own and never count.
    """
    unseen: list[str] = []
    found: list[Difference] = []
    if before.swarm is not None and after.swarm is not None:
        specs = bare(before.swarm.spec), bare(after.swarm.spec)
        found += _changed(Ref(kind="swarm"), turned(swarm_changes(*specs, exact=True)))
        for kind in KINDS:
            found += _objects(kind, kind.compared(before, after), kind.compared(after, after))
    elif before.swarm is not None or after.swarm is not None:
        unseen.append("the swarm: no manager answered in one of the two")
    seen_before, seen_after = ({facts.host for facts in state.hosts} for state in (before, after))
    for host in sorted((seen_before | seen_after) if hosts is None else hosts):
        if host in seen_before & seen_after:
            for kind in KINDS:
                local = kind.compared_on(host, before, after), kind.compared_on(host, after, before)
                found += _objects(kind, *local, host=host)
        else:
            unseen.append(f"host {host}: seen in one of the two only")
    return Drift(differences=tuple(found), unseen=tuple(unseen))


def _objects(
    kind: Kind[T], before: Mapping[str, T], after: Mapping[str, T], *, host: str | None = None
) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        ref = Ref(kind=kind.word, name=name, host=host)
        if name not in after:
            yield Difference(ref=ref, kind=What.MISSING)
        elif name not in before:
            yield Difference(ref=ref, kind=What.ADDED)
        else:
            yield from _changed(ref, kind.changes(before[name], after[name]))


def _changed(ref: Ref, changes: tuple[Change, ...]) -> Iterator[Difference]:
    if changes:
        yield Difference(ref=ref, kind=What.CHANGED, changes=changes)
