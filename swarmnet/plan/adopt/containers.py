"""Containers outside of services as steps; hosts whose containers are alike share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.container.operation import KEPT_RUNNING, ContainerOperation, ends_with_its_run
from swarmnet.operations.written import WrittenStep, spelled, written
from swarmnet.plan.adopt.networks import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plain_container import Made, PlainContainer
    from swarmnet.model.state import ClusterState, Container


def containers(state: ClusterState, inventory: Inventory) -> Iterator[WrittenStep]:
    """Yield a step for each container that is to run: it runs, or its restart rule says so."""
    found = [
        (facts.host, _arguments(one, one.made, facts.engine.hostname))
        for facts in state.hosts
        for one in sorted(facts.containers, key=lambda one: one.name)
        if one.made is not None and not _why_not(one)
    ]
    yield from shared(ContainerOperation.name_in_playbook, found, inventory)


def unwritten_containers(state: ClusterState) -> Iterator[str]:
    """Yield the containers that no step describes, each reason once."""
    reasons: dict[str, list[str]] = {}
    for facts in state.hosts:
        for one in facts.containers:
            why = _why_not(one)
            if why and PROBE_LABEL not in one.labels and one.service is None:
                reasons.setdefault(why, []).append(f"{one.name} on {facts.host}")
    for why, names in reasons.items():
        yield f"containers without a step, {why}: {', '.join(sorted(names))}"
    nameless = [
        f"{one.name} on {facts.host} ({', '.join(one.made.volumes)})"
        for facts in state.hosts
        for one in facts.containers
        if one.made is not None and one.made.volumes and not _why_not(one)
    ]
    if nameless:
        yield f"volumes without a name are not in the file; these containers have some: {', '.join(sorted(nameless))}"


def named_secrets(state: ClusterState) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each container with a step, and its variables."""
    for facts in state.hosts:
        for one in facts.containers:
            if one.made is not None and not _why_not(one):
                yield f"container {one.name} on {facts.host}", one.made.spec.env or {}


def _why_not(one: Container) -> str:
    """Return why a container has no step; empty where it has one."""
    if one.service is not None or PROBE_LABEL in one.labels:
        return "they come by themselves"
    if one.made is None:
        return "since it is not known how they were made"
    if ends_with_its_run(one):
        return "since they go when they end (--rm)"
    if not one.running and one.made.whole.restart not in KEPT_RUNNING:
        return "since they have ended"
    return ""


def _arguments(one: Container, made: Made, hostname: str) -> JsonObject:
    spec, places = _said(made.spec), tuple(place.spec for place in one.endpoints)
    if spec.hostname == hostname and [place.network for place in places] == ["host"]:
        spec = spec.model_copy(update={"hostname": None})  # engines write the host's own there
    arguments = written(ContainerOperation, spec)
    if places and not _is_usual(places):
        annotation = ContainerOperation.model_fields["networks"].rebuild_annotation()
        arguments["networks"] = spelled(annotation, places)
    return arguments


def _said(spec: PlainContainer) -> PlainContainer:
    """Return a container without what engines write down where no one asked for it."""
    host = spec.extra.get("HostConfig")
    left = {key: value for key, value in (host if isinstance(host, dict) else {}).items() if _UNSAID.get(key) != value}
    rest: JsonObject = {key: value for key, value in spec.extra.items() if key != "HostConfig"}
    limits = spec.limits
    if limits is not None and limits.memory and limits.swap == 2 * limits.memory:
        limits = limits.model_copy(update={"swap": None})
    return spec.model_copy(update={"extra": {**rest, **({"HostConfig": left} if left else {})}, "limits": limits})


def _is_usual(places: tuple[EndpointSpec, ...]) -> bool:
    """Return whether these are the places of a container that asked for none."""
    (first, *others) = places
    asked = first.ipv4, first.ipv6, first.mac, first.aliases, first.options
    return first.network == "bridge" and not others and not any(asked)


_UNSAID: Mapping[str, JsonValue] = {"IpcMode": "private", "ShmSize": 64 << 20, "CgroupnsMode": "private"}
"""What engines 20.10 to 28.5 write into each container, on hosts with the newer control groups."""
