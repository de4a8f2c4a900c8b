"""Which tasks of a service an update replaces, and how, so that no engine forgets a port or a name, or keeps one.

Engines know a service's load balancer on a network by the service and its ports in the mesh, and give it names and a
virtual address with its first task, take them with its last (libnetwork, ``service_common.go``). While tasks of before
and of after an update run side by side, that goes wrong, without a word and for good (seen on 20.10, 26.1 and 28.5):

- aliases that change on a network: new ones are never found, old ones lead to the service as long as it is there;
- ``endpoint_mode``: the name leads to the old virtual address, which no longer belongs to a task, and not to the new;
- ports in the mesh: when the last old task goes, the address goes with it, and no port answers on any node; with tasks
  replaced one by one, connections come to the last one alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from swarmnet.model.compare import service_changes
from swarmnet.model.fields import Effect
from swarmnet.model.merge import merge, without_labels
from swarmnet.model.placement import matches
from swarmnet.model.service import Attachment, EndpointMode, PublishMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.service import ServiceSpec, Task
    from swarmnet.model.swarm import Node

OFF_LABEL = "io.swarmnet.networks"
"""Label on a service that is off networks for a moment: its attachments, for the next run if this one is killed."""
_ATTACHMENTS = TypeAdapter(tuple[Attachment, ...])


def ended_tasks(
    now: ServiceSpec, wanted: ServiceSpec, tasks: Iterable[Task], nodes: Callable[[], Iterable[Node]]
) -> frozenset[str]:
    """Return the ids of those of a service's tasks that its update ends; one that ends none never begins.

    Labels, scale and policies end none; placement alone ends those on nodes that do not meet it any more; anything
    else ends all, ports and the mode of the address included (seen on 20.10, 26.1 and 28.5; swarmkit#2496).

    Args:
        now: the service as it is.
        wanted: the desired service, in full.
        tasks: what there is of the service.
        nodes: gives the swarm's nodes; asked only where placement alone decides.
    """
    effects = _effects(now, wanted)
    if wanted.mode.is_job and effects:  # whatever changes, it runs again
        return frozenset(task.id for task in tasks)
    ending = {effect for effect in effects if effect.restarts_tasks}
    forced = _forced(wanted) > _forced(now)
    if not ending and not forced:
        return frozenset()
    met = set()
    if ending == {Effect.MOVES_TASKS} and not forced:
        met = {node.id for node in nodes() if matches(wanted.constraints or (), node)}
    return frozenset(task.id for task in tasks if task.node_id not in met)


def renewing(now: ServiceSpec, wanted: ServiceSpec) -> ServiceSpec:
    """Return the wanted service so that its update replaces all tasks where ports or the address's mode change.

    A task that once outlived a change of its constraints outlives that of the ports, too, and serves the old ones for
    ever: the updater compares the endpoints of such a task no more. Seen on 20.10, 26.1 and 28.5: the new port of the
    mesh is closed on every node, while the service reports it as published. One more forced update opens it.
    """
    return renewed(wanted, now) if Effect.RESTARTS_ENDPOINT in _effects(now, wanted) else wanted


def renewed(wanted: ServiceSpec, now: ServiceSpec) -> ServiceSpec:
    """Return the wanted service so that its update replaces all tasks, whatever else it changes."""
    forced: JsonObject = {"TaskTemplate": {"ForceUpdate": _forced(now) + 1}}
    return wanted.model_copy(update={"extra": merge(wanted.extra, forced)})


def apart(now: ServiceSpec, wanted: ServiceSpec, tasks: Callable[[], Iterable[Task]]) -> ServiceSpec | None:
    """Return what to write first, so that tasks of before and after never share a load balancer that differs.

    It is the wanted service off those networks, and without its ports in the mesh: the second write puts them on, with
    load balancers of their own. A run that is killed in between leaves a difference that the next one finds. None
    where one write does.

    Args:
        now: the service as it is.
        wanted: the desired service, in full.
        tasks: gives what there is of the service; asked only where it decides.
    """
    if wanted.mode.is_job:
        return None
    moves = _mode(now) is not _mode(wanted)
    before = {one.network: set(one.aliases or ()) for one in now.networks or ()}
    after = {one.network: set(one.aliases or ()) for one in wanted.networks or ()}
    by_address = _mode(now) is EndpointMode.VIP
    off = {name for name in before.keys() & after.keys() if moves or (by_address and before[name] != after[name])}
    doors = bool(_mesh(now) and _mesh(wanted)) and _mesh(now) != _mesh(wanted)
    joins = after.keys() - before.keys() or (_mesh(wanted) and not _mesh(now))
    if not (off or doors or joins):
        return None
    there = [task for task in tasks() if task.state == "running"]
    # A killed run may have taken the service off: tasks of before run on.
    left = {name for task in there for name in task.networks} - before.keys()
    off |= left & after.keys()
    doors = doors or bool(_mesh(wanted) and not _mesh(now) and left - after.keys())
    if not (off or doors) or not (left or _overlaps(wanted, there)):
        return None
    kept = tuple(one for one in wanted.networks or () if one.network not in off)
    noted = {OFF_LABEL: _ATTACHMENTS.dump_json(wanted.networks or ()).decode()} if off else {}
    own = tuple(one for one in wanted.ports or () if one.mode is not PublishMode.INGRESS)
    return wanted.model_copy(
        update={
            "networks": kept if off else wanted.networks,
            "labels": wanted.labels | noted,
            "ports": own if doors or moves else wanted.ports,
            "endpoint_mode": now.endpoint_mode if moves else wanted.endpoint_mode,
        }
    )


def resumed(wanted: ServiceSpec, now: ServiceSpec) -> ServiceSpec:
    """Return the wanted service with the networks that a killed run took it off, where its step names none."""
    note = now.labels.get(OFF_LABEL)
    if note is None or wanted.networks is not None:
        return wanted
    try:
        return wanted.model_copy(update={"networks": _ATTACHMENTS.validate_json(note)})
    except ValidationError:  # someone else's label
        return wanted


def unnoted(spec: ServiceSpec) -> ServiceSpec:
    """Return the service without the note of what ``apart`` took it off."""
    return without_labels(spec, (OFF_LABEL,))


def _overlaps(wanted: ServiceSpec, running: Sequence[Task]) -> bool:
    """Return whether old tasks still run when the first new one begins."""
    starts_first = wanted.update is not None and wanted.update.order == "start-first"
    return len(running) > 1 or (bool(running) and starts_first)


def _mode(spec: ServiceSpec) -> EndpointMode:
    return spec.endpoint_mode or EndpointMode.VIP


def _mesh(spec: ServiceSpec) -> set[tuple[int, int | None, str]]:
    ports = (one for one in spec.ports or () if one.mode is PublishMode.INGRESS)
    return {(one.target, one.published, one.protocol.value) for one in ports}


def _effects(now: ServiceSpec, wanted: ServiceSpec) -> set[Effect]:
    return {change.effect for change in service_changes(wanted, now, exact=True)}


def _forced(spec: ServiceSpec) -> int:
    template = spec.extra.get("TaskTemplate")
    count = template.get("ForceUpdate") if isinstance(template, dict) else None
    return count if isinstance(count, int) else 0
