"""Which tasks of a service an update makes anew, and how it makes those anew that engines would forget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.compare import service_changes
from swarmnet.model.overlay import merge
from swarmnet.operations.constraints import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.service import ServiceSpec, Task
    from swarmnet.model.swarm import Node

_KEEPS_TASKS = ("labels.", "replicas", "update.", "rollback.")
_PLACEMENT = ("constraints", "max_replicas_per_node")
_ENDPOINT = ("ports", "endpoint_mode")


def ended_tasks(
    now: ServiceSpec, wanted: ServiceSpec, tasks: Iterable[Task], nodes: Callable[[], Iterable[Node]]
) -> frozenset[str]:
    """Return the ids of those of a service's tasks that its update ends; one that ends none never begins.

    Labels, scale and policies end none; placement alone ends those on nodes that do not meet it any more; anything
    else ends all, ports and the mode of the address included (seen on 20.10, 26.1 and 28.5; swarmkit#2496).

    Args:
        now: the service as it is.
        wanted: the service as it shall be, in full.
        tasks: what there is of the service.
        nodes: gives the swarm's nodes; asked only where placement alone decides.
    """
    ending = [path for path in _changed(now, wanted) if not path.startswith(_KEEPS_TASKS)]
    if not ending:
        return frozenset()
    met = set()
    if all(path.startswith(_PLACEMENT) for path in ending):
        met = {node.id for node in nodes() if matches(wanted.constraints or (), node)}
    return frozenset(task.id for task in tasks if task.node_id not in met)


def renewing(now: ServiceSpec, wanted: ServiceSpec) -> ServiceSpec:
    """Return the wanted service so that its update makes all tasks anew where ports or the address's mode change.

    A task that once outlived a change of its constraints outlives that of the ports, too, and serves the old ones for
    ever: the updater compares the endpoints of such a task no more. Seen on 20.10, 26.1 and 28.5: the new port of the
    mesh is closed on every node, while the service tells that it is published. One more forced update opens it.
    """
    if not any(path.startswith(_ENDPOINT) for path in _changed(now, wanted)):
        return wanted
    forced: JsonObject = {"TaskTemplate": {"ForceUpdate": _forced(now) + 1}}
    return wanted.model_copy(update={"extra": merge(wanted.extra, forced)})


def _changed(now: ServiceSpec, wanted: ServiceSpec) -> list[str]:
    return [change.path for change in service_changes(wanted, now, exact=True)]


def _forced(spec: ServiceSpec) -> int:
    template = spec.extra.get("TaskTemplate")
    count = template.get("ForceUpdate") if isinstance(template, dict) else None
    return count if isinstance(count, int) else 0
