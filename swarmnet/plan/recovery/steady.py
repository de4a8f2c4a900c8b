"""Whether one look at a cluster is of one moment: nothing in it had changed when it was listed again. Pure.

Managers are asked for one kind of object after the other. An object that has the same version in two looks did not
change between them; so if that holds for every object, and none came or went, there is a moment between the two looks
at which the cluster was as the first one says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.plan.recovery.describe import own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.state import ClusterState

    _Versions = dict[tuple[str, str, str], int | Mapping[str, object]]


def moved(before: ClusterState, after: ClusterState) -> tuple[str, ...]:
    """Return what came, went or changed between two looks, such as ``service/web``, in alphabetical order."""
    first, second = _versions(before), _versions(after)
    keys = first.keys() | second.keys()
    return tuple(sorted({f"{kind}/{name}" for kind, name, _id in keys if _differ(first, second, (kind, name, _id))}))


def _differ(first: _Versions, second: _Versions, key: tuple[str, str, str]) -> bool:
    return key not in first or key not in second or first[key] != second[key]


def _versions(state: ClusterState) -> _Versions:
    """Return each object of the swarm with its version; engines show none of networks, so their content counts."""
    seen = own(state)
    found: _Versions = {("network", one.spec.name, one.id): one.spec.model_dump() for one in seen.networks}
    found |= {("service", one.spec.name, one.id): one.version for one in seen.services}
    found |= {("config", one.spec.name, one.id): one.version for one in seen.configs}
    found |= {("secret", one.spec.name, one.id): one.version for one in seen.secrets}
    found |= {("node", one.name, one.id): one.version for one in seen.nodes}
    return found if seen.swarm is None else {**found, ("swarm", "settings", seen.swarm.id): seen.swarm.version}
