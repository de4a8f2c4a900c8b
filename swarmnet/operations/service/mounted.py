"""Mounts whose tasks would find nothing there: paths that a host has not, and volumes that stay behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.merge import lay
from swarmnet.model.placement import eligible
from swarmnet.model.service import ServiceMode
from swarmnet.model.service_mounts import MountType
from swarmnet.operations.kind import Need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.hosts import Host
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.service_mounts import Mount
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context

MISSING = 100
"""The exit code of the question is this and the number of the first path that is not there."""
_MOST = 100
_LIMIT = 10.0
_EVERYWHERE = (
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/machine-id",
    "/var/lib/docker",
)
"""What each host with an engine has, or has only once an engine runs."""
_SCRIPT = f"""n={MISSING}
for path in "$@"; do
  n=$((n + 1))
  [ -e "$path" ] && continue
  above=$path
  while [ -n "$above" ] && ! [ -e "$above" ]; do above=${{above%/*}}; done
  [ -x "${{above:-/}}" ] && exit $n
done
exit 0"""
"""A path below a folder that the login may not enter counts as there: root may see it."""


def bind_needs(spec: ServiceSpec, hosts: Iterable[Host]) -> tuple[Need, ...]:
    """Return the question whether hosts have the paths that the service mounts; none for what every host has."""
    paths = _paths(spec)
    if not paths:
        return ()
    return tuple(Need(host.name, _argv(paths), timeout=_LIMIT, own=True) for host in hosts)


def mount_warnings(spec: ServiceSpec, context: Context) -> Iterator[str]:
    """Yield paths that are missing where tasks may run, and local volumes of services that may run on several nodes."""
    seen = context.state.service(spec.name)
    whole = spec if seen is None else lay(seen.spec, spec)
    nodes = eligible(whole, context.state.nodes)
    yield from _missing(spec, {node.id for node in nodes}, context.state)
    if whole.mode is not ServiceMode.REPLICATED or len(nodes) < 2:  # noqa: PLR2004 - to move, a task needs two
        return
    for mount in spec.mounts or ():
        if _is_local(mount, context.state):
            yield (
                f"service {spec.name}: volume {mount.source} is local to a node and {len(nodes)} nodes may run its"
                f" tasks ({', '.join(sorted(node.name for node in nodes))}): a task that moves finds it empty; pin it,"
                f" such as 'constraints: [node.hostname == {nodes[0].name}]', or name a driver that shares volumes"
            )


def _paths(spec: ServiceSpec) -> tuple[str, ...]:
    found = (one.source for one in spec.mounts or () if one.type is MountType.BIND and one.source is not None)
    asked = (path.rstrip("/") for path in found if path.startswith("/") and "{{" not in path)
    common = [path for path in asked if path and not any(f"{path}/".startswith(f"{one}/") for one in _EVERYWHERE)]
    return tuple(dict.fromkeys(common))[:_MOST]


def _argv(paths: Sequence[str]) -> tuple[str, ...]:
    return ("sh", "-c", _SCRIPT, "sh", *paths)


def _missing(spec: ServiceSpec, places: set[str], state: ClusterState) -> Iterator[str]:
    paths = _paths(spec)
    lacking: dict[str, list[str]] = {}
    for facts in state.hosts if paths else ():
        number = (state.exit_code(facts.host, _argv(paths)) or 0) - MISSING - 1
        if facts.engine.membership.node_id in places and 0 <= number < len(paths):
            lacking.setdefault(paths[number], []).append(facts.host)
    for path, hosts in lacking.items():
        yield (
            f"service {spec.name}: there is no {path} on {', '.join(hosts)}, and engines refuse tasks there: make it,"
            " or keep the service off with a constraint"
        )


def _is_local(mount: Mount, state: ClusterState) -> bool:
    """Return whether each node has a volume of its own; options such as those of NFS make one of all."""
    if mount.type is not MountType.VOLUME or mount.source is None or "{{" in mount.source:
        return False
    if mount.volume is not None and (mount.volume.driver not in (None, "local") or mount.volume.options):
        return False
    there = (one.spec for facts in state.hosts for one in facts.volumes or () if one.spec.name == mount.source)
    return all(one.driver == "local" and not one.options for one in there)
