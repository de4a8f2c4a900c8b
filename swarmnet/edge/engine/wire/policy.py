"""Resources, update and restart policies of services in the engine's JSON and in ours.

Each is taken whole or not at all; a key that is absent there means what the model's default says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from swarmnet.edge.engine.wire.parts import Parts, as_object, made, nanoseconds
from swarmnet.model.service import Resources, RestartPolicy, UpdatePolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.base import JsonObject

_LEAST_MEMORY = 4 * 1024 * 1024
_POLICY_WORDS = {"failure_action": ("pause", "continue", "rollback"), "order": ("stop-first", "start-first")}
_RESTART_WORDS = {"condition": ("any", "on-failure", "none")}

Policy = TypeVar("Policy", UpdatePolicy, RestartPolicy)


def take_resources(parts: Parts, path: tuple[str, ...]) -> Resources | None:
    """Take processors and memory; other limits (pids, devices) stay."""
    cpus = memory = None
    if isinstance(nanos := parts.look(*path, "NanoCPUs"), int) and nanos > 0:
        cpus = parts.take_seconds(*path, "NanoCPUs")  # counted in billionths, too
    if isinstance(limit := parts.look(*path, "MemoryBytes"), int) and limit >= _LEAST_MEMORY:
        memory = parts.take_int(*path, "MemoryBytes")
    return None if cpus is None and memory is None else Resources(cpus=cpus, memory=memory)


def resources_to_wire(resources: Resources | None) -> JsonObject | None:
    """Return limits or reservations as the engine takes them."""
    if resources is None:
        return None
    body: JsonObject = {}
    if resources.cpus is not None:
        body["NanoCPUs"] = nanoseconds(resources.cpus)
    if resources.memory is not None:
        body["MemoryBytes"] = resources.memory
    return body


def take_policy(parts: Parts, key: str) -> UpdatePolicy | None:
    """Take how tasks are replaced, if all of it has a field."""
    return _take(parts, (key,), UpdatePolicy, _policy, _POLICY_WORDS)


def _policy(inner: Parts) -> dict[str, object]:
    ratio = inner.look("MaxFailureRatio")
    return {
        "parallelism": inner.take_int("Parallelism") or 0,
        "delay": inner.take_seconds("Delay"),
        "failure_action": inner.take_text("FailureAction"),
        "monitor": inner.take_seconds("Monitor"),
        "max_failure_ratio": inner.take("MaxFailureRatio") if isinstance(ratio, (int, float)) else None,
        "order": inner.take_text("Order"),
    }


def policy_to_wire(policy: UpdatePolicy | None) -> JsonObject | None:
    """Return an update or rollback policy as the engine takes it."""
    if policy is None:
        return None
    return {
        "Parallelism": policy.parallelism,
        "Delay": nanoseconds(policy.delay),
        "FailureAction": policy.failure_action,
        "Monitor": nanoseconds(policy.monitor),
        "MaxFailureRatio": policy.max_failure_ratio,
        "Order": policy.order,
    }


def take_restart(parts: Parts, path: tuple[str, ...]) -> RestartPolicy | None:
    """Take when tasks are started anew, if all of it has a field."""
    return _take(parts, path, RestartPolicy, _restart, _RESTART_WORDS)


def _restart(inner: Parts) -> dict[str, object]:
    return {
        "condition": inner.take_text("Condition"),
        "delay": inner.take_seconds("Delay"),
        "max_attempts": inner.take_int("MaxAttempts"),
        "window": inner.take_seconds("Window"),
    }


def restart_to_wire(restart: RestartPolicy | None) -> JsonObject | None:
    """Return a restart policy as the engine takes it."""
    if restart is None:
        return None
    body: JsonObject = {
        "Condition": restart.condition,
        "Delay": nanoseconds(restart.delay),
        "MaxAttempts": restart.max_attempts,
    }
    # Engines leave a window of zero out, unless it is sent.
    return body | ({"Window": nanoseconds(restart.window)} if restart.window else {})


def _take(
    parts: Parts,
    path: tuple[str, ...],
    model: type[Policy],
    read: Callable[[Parts], dict[str, object]],
    words: Mapping[str, tuple[str, ...]],
) -> Policy | None:
    """Take a part whole; nothing is taken where it holds a key without a field, or a word that is not known."""
    seen = as_object(parts.look(*path))
    if not seen:
        return None
    inner = Parts(seen)
    stated = {name: value for name, value in read(inner).items() if value is not None}
    if inner.rest() or any(stated.get(name, known[0]) not in known for name, known in words.items()):
        return None
    policy = made(model, stated)
    if policy is not None:
        parts.take(*path)
    return policy
