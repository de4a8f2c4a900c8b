"""The hosts of an old cluster and those that take their places. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.service import Service, ServiceSpec
    from swarmnet.model.state import ClusterState

_PLACE = re.compile(r"\s*node\.(id|hostname)\s*(==|!=)\s*(.+?)\s*", re.IGNORECASE)


def host_map(old: Iterable[str], new: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return old host names to new ones: as mapped, else by the same name; hosts without a place are left out.

    Raises:
        UsageError: a mapping names hosts that do not exist, or one new host twice.
    """
    before, after = set(old), set(new)
    for source, target in mapping.items():
        if source not in before:
            raise UsageError(f"--map {source}={target}: the backup has no host {source!r}", hint=_known(before))
        if target not in after:
            raise UsageError(f"--map {source}={target}: there is no host {target!r} now", hint=_known(after))
    taken = set(mapping.values())
    found = {name: name for name in before & after if name not in mapping and name not in taken} | dict(mapping)
    if len(set(found.values())) != len(found):
        raise UsageError("two hosts of the backup are mapped to one new host", hint="one each; leave some out instead")
    return found


def places(before: ClusterState, after: ClusterState, hosts: Mapping[str, str]) -> dict[str, str]:
    """Return node ids and hostnames of the old cluster to the hostnames of the new one."""
    result: dict[str, str] = {}
    for old, new in hosts.items():
        was, now = before.facts(old), after.facts(new)
        if was is not None and now is not None:
            result[was.engine.membership.node_id] = now.engine.hostname
            result[was.engine.hostname] = now.engine.hostname
    return result


def moved(spec: ServiceSpec, where: Mapping[str, str]) -> ServiceSpec:
    """Return a service whose constraints name the nodes that took the places of those it named."""
    if spec.constraints is None:
        return spec
    return spec.model_copy(update={"constraints": tuple(_moved(one, where) for one in spec.constraints)})


def seen_as(before: ClusterState, after: ClusterState, hosts: Mapping[str, str]) -> ClusterState:
    """Return an old state in the words of a new one, so that only real differences are left between them."""
    where = places(before, after, hosts)

    def service(one: Service) -> Service:
        return one.model_copy(update={"spec": moved(one.spec, where)})

    facts = tuple(one.model_copy(update={"host": hosts.get(one.host, one.host)}) for one in before.hosts)
    return before.model_copy(update={"hosts": facts, "services": tuple(service(one) for one in before.services)})


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(names))}"


def _moved(constraint: str, where: Mapping[str, str]) -> str:
    match = _PLACE.fullmatch(constraint)
    if match is None or match[3] not in where:
        return constraint
    return f"node.hostname{match[2]}{where[match[3]]}"
