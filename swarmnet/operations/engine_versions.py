"""Fields that an engine of the swarm is too old for: it would leave them out without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.fields import needed
from swarmnet.model.hosts import Role
from swarmnet.model.placement import matches
from swarmnet.model.version import ApiVersion, api_of_engine, first_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


def too_old_for_service(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield the fields of a service that a manager, or a node that may run it, is too old for.

    Any manager may be the one that takes the request, and one that does not know a field drops it.
    """
    for field, since, remedy in needed(spec):
        old = [node for node in state.nodes if engine_of(node, state)[2] < ApiVersion.parse(since)]
        managers = [node for node in old if node.spec.role is Role.MANAGER]
        others = [node for node in old if node not in managers and matches(spec.constraints or (), node)]
        if managers or others:
            named = [f"manager {_words(node, state)}" for node in managers] + [_words(node, state) for node in others]
            away = ", keep the service off with a constraint" if others and not managers else ""
            yield (
                f"service {spec.name}: {field} needs engine {first_engine(since)}; {', '.join(named)}: upgrade{away},"
                f" or {remedy}"
            )


def _words(node: Node, state: ClusterState) -> str:
    name, version, _api = engine_of(node, state)
    return f"{name} has {version}"


def engine_of(node: Node, state: ClusterState) -> tuple[str, str, ApiVersion]:
    """Return what to call a node, and its engine's versions: its own word, or else what managers know of it."""
    for facts in state.hosts:
        if facts.engine.membership.node_id == node.id:
            return facts.host, facts.engine.version, facts.engine.api
    return node.name, node.engine_version or "an unknown one", api_of_engine(node.engine_version)
