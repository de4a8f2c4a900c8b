"""Placement constraints as engines read them: ``node.labels.zone == a`` and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.constraint import ENGINE_LABEL, NODE_LABEL, PROPERTIES, Constraint
from swarmnet.model.placement import eligible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.service import Platform, ServiceSpec
    from swarmnet.model.swarm import Node


LABEL_PREFIXES = (NODE_LABEL, ENGINE_LABEL)


def fault(text: str) -> str | None:
    """Return what is wrong with a constraint; engines accept unknown keys, and then no node ever matches."""
    found = Constraint.parse(text)
    if found is None or not found.value:
        return f"constraint {text!r} is not of the form KEY == VALUE or KEY != VALUE"
    keys = ", ".join([*PROPERTIES, NODE_LABEL + "NAME", ENGINE_LABEL + "NAME"])
    return None if found.is_known else f"constraint {text!r} asks for an unknown key; known: {keys}"


def contradictions(texts: Iterable[str]) -> Iterator[str]:
    """Yield pairs of constraints that no node meets together; addresses are blocks, of which two may overlap."""
    asked = [one for one in map(Constraint.parse, texts) if one is not None and one.key != "node.ip"]
    for index, one in enumerate(asked):
        for other in asked[:index]:
            same = one.value.lower() == other.value.lower()
            both = {one.operator, other.operator}
            if one.key == other.key and ((both == {"=="} and not same) or (both == {"==", "!="} and same)):
                spread = f"; to spread tasks over the values write 'spread: [{one.key}]'" if _is_label(one) else ""
                yield f"constraints {other} and {one} contradict each other: no node meets both{spread}"


def _is_label(one: Constraint) -> bool:
    return one.key.startswith(LABEL_PREFIXES)


def wanted_tasks(spec: ServiceSpec, nodes: Iterable[Node]) -> int:
    """Return how many tasks the service wants now."""
    if spec.mode.is_everywhere:
        return len(eligible(spec, nodes))
    tasks = 1 if spec.replicas is None else spec.replicas
    return tasks if spec.max_concurrent is None else min(tasks, spec.max_concurrent)


def runs_on(wanted: Platform, platform: str) -> bool:
    """Return whether a node of this platform, such as linux/x86_64, runs images of the wanted one.

    As swarmkit's filter does it: what is not named is any, and kernels and images call some machines differently.
    """
    os, _, machine = platform.lower().partition("/")
    return wanted.os.lower() in ("", os) and _machine(wanted.architecture.lower()) in ("", _machine(machine))


def _machine(word: str) -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(word, word)
