"""Whether nodes have what tasks reserve: swarmkit places a task only where all that it reserves is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.merge import lay
from swarmnet.model.placement import eligible
from swarmnet.operations.service.constraints import wanted_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

_MEGABYTE = 2**20


def reservation_problems(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield what one task reserves and no node has, whatever else runs there."""
    if spec.reservations is None:
        return
    whole = _whole(spec, state)
    reserved, nodes = _reserved(whole), eligible(whole, state.nodes)
    if not nodes or any(node.resources is None for node in nodes):
        return
    for what, amount in reserved.items():
        most = {node.name: _has(node).get(what, 0.0) for node in nodes}
        if amount > max(most.values()):
            each = ", ".join(f"{name}: {_amount(what, one)}" for name, one in sorted(most.items()))
            yield (
                f"service {spec.name}: a task reserves {_amount(what, amount)} {what}, and no node that may run it has"
                f" as much ({each}): reserve less, or add a node"
            )


def reservation_warnings(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield that the nodes have no room for all tasks, next to what other services reserve."""
    whole = _whole(spec, state)
    reserved = {what: amount for what, amount in _reserved(whole).items() if amount}
    nodes = eligible(whole, state.nodes)
    if not reserved or not nodes or any(node.resources is None for node in nodes):
        return
    taken = {node.id: _taken(spec.name, node, state) for node in nodes}
    places = {node.name: _places(reserved, _has(node), taken[node.id]) for node in nodes}
    if whole.mode.is_everywhere:
        full = [name for name, count in places.items() if not count]
        missing, wanted = len(full), len(nodes)
    else:
        wanted = wanted_tasks(whole, state.nodes)
        missing = max(0, wanted - sum(places.values()))
    if missing and any(places.values()):
        each = ", ".join(f"{name}: {count}" for name, count in sorted(places.items()))
        asked = " and ".join(f"{_amount(what, amount)} {what}" for what, amount in reserved.items())
        yield (
            f"service {spec.name}: each task reserves {asked}, and next to what other services reserve the nodes have"
            f" room for {wanted - missing} of {wanted} tasks ({each}): {missing} will wait"
        )
    elif missing:
        yield f"service {spec.name}: other services reserve what its tasks need on every node: they will wait for room"


def _whole(spec: ServiceSpec, state: ClusterState) -> ServiceSpec:
    seen = state.service(spec.name)
    return spec if seen is None else lay(seen.spec, spec)


def _reserved(spec: ServiceSpec) -> Mapping[str, float]:
    """Return what each task of a service reserves."""
    asked = spec.reservations
    if asked is None:
        return {}
    generic = {kind: float(number) for kind, number in (asked.generic or {}).items()}
    return {"processors": asked.cpus or 0.0, "memory": float(asked.memory or 0)} | generic


def _has(node: Node) -> Mapping[str, float]:
    """Return what a node has of each kind."""
    found = node.resources
    if found is None:
        return {}
    return {"processors": found.cpus, "memory": float(found.memory)} | dict(found.generic)


def _taken(name: str, node: Node, state: ClusterState) -> Mapping[str, float]:
    """Return what tasks of other services reserve on a node."""
    services = {one.id: one.spec for one in state.services if one.spec.name != name}
    found: dict[str, float] = {}
    for task in state.tasks:
        if task.node_id == node.id and task.desired_state == "running" and task.service_id in services:
            for what, amount in _reserved(services[task.service_id]).items():
                found[what] = found.get(what, 0.0) + amount
    return found


def _places(reserved: Mapping[str, float], has: Mapping[str, float], taken: Mapping[str, float]) -> int:
    """Return how many tasks fit on a node."""
    free = {what: has.get(what, 0.0) - taken.get(what, 0.0) for what in reserved}
    return max(0, min(int(free[what] / amount + 1e-9) for what, amount in reserved.items()))


def _amount(what: str, number: float) -> str:
    return f"{number / _MEGABYTE:.0f}M" if what == "memory" else f"{number:g}"
