"""The one comparison of what is wanted with what was seen; playbooks, restores and drift share it.

A step manages what it says: the comparison shows what an update would change, which is the present spec with the wanted
one laid over it (:mod:`swarmnet.model.merge`). ``exact`` also finds what is there and not wanted, at any depth. What
engines treat alike is equal: a field that is left out and its default, sets in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.engine_json import contains, same_json
from swarmnet.model.fields import Effect, lines
from swarmnet.model.merge import COUNTERS, Spec, lay
from swarmnet.model.network import Scope
from swarmnet.model.network_codecs import filled
from swarmnet.model.plan import Change
from swarmnet.model.service import ServiceMode
from swarmnet.model.service_codecs import port_text
from swarmnet.model.swarm import SwarmSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from swarmnet.model.base import Document, JsonValue, Labels
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.network import Network, NetworkSpec
    from swarmnet.model.plain_container import PlainContainer
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.swarm import NodeSpec

__all__ = [
    "INIT_ONLY",
    "PRESENCE_OPTIONS",
    "SERIAL_OPTION",
    "VNI_OPTION",
    "container_changes",
    "endpoint_changes",
    "network_changes",
    "node_changes",
    "numbered",
    "port_text",
    "service_changes",
    "spec_changes",
    "swarm_changes",
]

VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
SERIAL_OPTION = "com.docker.network.ipam.serial"
"""Added by the allocator to the IPAM options of overlays that have any (moby cnmallocator)."""
PRESENCE_OPTIONS = frozenset({"encrypted", "dsr"})
"""Options that the overlay driver reads by presence, whatever their value (moby ov_network.go)."""

INIT_ONLY: Mapping[str, JsonValue] = {name: line.default for name, line in lines(SwarmSpec).items() if line.outside}
"""What ``swarm init`` sets for good, with the engine's defaults."""


def numbered(wanted: NetworkSpec, seen: Network) -> NetworkSpec:
    """Return a network as it is, with its VXLAN identifiers where some are asked for: as many, others are its own."""
    asked = wanted.options.get(VNI_OPTION)
    if asked is None or not seen.vnis:  # one that is only predicted has none
        return seen.spec
    present = ",".join(str(vni) for vni in seen.vnis[: asked.count(",") + 1])
    return seen.spec.model_copy(update={"options": seen.spec.options | {VNI_OPTION: present}})


def network_changes(wanted: NetworkSpec, seen: NetworkSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a network differs; each change but those of labels needs a replacement."""
    wanted, seen = _comparable(wanted, seen, exact=exact)
    after = wanted.model_copy(update={"subnets": filled(wanted.subnets, seen.subnets)}) if exact else lay(seen, wanted)
    skipped = {"driver"} if after.config_only else set()
    if not wanted.subnets:
        skipped.add("subnets")
    if after.config_from is not None:  # the template has them
        skipped |= {"ipv4", "ipv6", "encrypted", "mtu", "ipam_driver"}
    return tuple(_differences(after, seen, skipped))


def service_changes(wanted: ServiceSpec, seen: ServiceSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a service differs."""
    image = wanted.image if wanted.image != seen.image.partition("@")[0] else seen.image
    after = wanted.model_copy(update={"image": image}) if exact else lay(seen, wanted)
    skipped = {"replicas"} if after.mode.is_everywhere else set()
    skipped |= set() if after.mode is ServiceMode.REPLICATED_JOB else {"max_concurrent"}
    return (*_differences(after, seen, skipped), *_extra(wanted.extra, seen.extra, exact=exact))


def spec_changes(wanted: Spec, seen: Spec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how an object differs of whose kind the fields' lines say everything."""
    return tuple(_differences(wanted if exact else lay(seen, wanted), seen))


def container_changes(wanted: PlainContainer, seen: PlainContainer) -> tuple[Change, ...]:
    """Return how a container outside of services differs from what a step says.

    A limit that is taken away needs another container: engines ignore a limit of 0 (seen on 20.10, 26.1 and 28.5).
    """
    changes = (*_differences(lay(seen, wanted), seen), *_extra(wanted.extra, seen.extra, exact=False))
    return tuple(
        one.model_copy(update={"effect": Effect.REPLACE})
        if one.path.startswith("extra.") or (one.path in _LASTING and not one.after)
        else one
        for one in changes
    )


_LASTING = frozenset(f"limits.{name}" for name in ("cpus", "memory", "swap", "reservation", "cpu_shares"))


def endpoint_changes(wanted: EndpointSpec, seen: EndpointSpec) -> tuple[Change, ...]:
    """Return how a container's place on a network differs; it is connected again for each change."""
    return tuple(_differences(lay(seen, wanted), seen))


def swarm_changes(wanted: SwarmSpec, seen: SwarmSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a swarm differs; paths in ``INIT_ONLY`` cannot be changed any more."""
    after = wanted if exact else lay(seen, wanted)
    return (*_differences(after, seen), *_extra(wanted.extra, seen.extra, exact=exact))


def node_changes(wanted: NodeSpec, seen: NodeSpec, *, exact: bool = False) -> tuple[Change, ...]:
    """Return how a node differs in role, availability and labels."""
    changes: list[Change] = []
    for name in ("role", "availability"):
        value, before = getattr(wanted, name), getattr(seen, name)
        if value is not None:
            changes += _parts(name, value.value, None if before is None else before.value)
    after = wanted.labels if exact else {**seen.labels, **wanted.labels}
    return (*changes, *_parts("labels", dict(after), dict(seen.labels)))


def _comparable(wanted: NetworkSpec, seen: NetworkSpec, *, exact: bool) -> tuple[NetworkSpec, NetworkSpec]:
    """Return both networks without what engines add by themselves, and without what they drop."""
    options = seen.options if VNI_OPTION in wanted.options else _less(seen.options, VNI_OPTION)
    stated = exact or wanted.scope is not None
    local = wanted.effective_scope is Scope.LOCAL
    after: dict[str, object] = {
        "scope": wanted.effective_scope if stated else None,
        "options": _by_presence(wanted.options),
    }
    before: dict[str, object] = {
        "scope": seen.effective_scope,
        "options": _by_presence(options),
        "ipam_options": _less(seen.ipam_options, SERIAL_OPTION),
    }
    if not local:  # engines keep no reserved addresses of networks of the swarm
        after["subnets"], before["subnets"] = (
            tuple(one.model_copy(update={"aux_addresses": {}}) for one in spec.subnets) for spec in (wanted, seen)
        )
    return wanted.model_copy(update=after), seen.model_copy(update=before)


def _differences(after: Document, before: Document, skipped: Collection[str] = ()) -> Iterable[Change]:
    """Yield each field that differs, one change for each key where both sides are mappings."""
    for name, line in lines(type(before)).items():
        new, old = getattr(after, name), getattr(before, name)
        if not (line.identity or name in skipped or new == old):
            yield from _parts(name, line.plain(new), line.plain(old), line.effect)


def _parts(path: str, after: JsonValue, before: JsonValue, effect: Effect = Effect.UPDATE) -> Iterable[Change]:
    """Yield one change, or one for each key where both sides are mappings."""
    if isinstance(after, dict) and isinstance(before, dict):
        for key in sorted({*after, *before}):
            old, new = before.get(key), after.get(key)
            if old != new or (key in after) != (key in before):
                yield Change(path=f"{path}.{key}", before=old, after=new, effect=effect)
    elif after != before:
        yield Change(path=path, before=before, after=after, effect=effect)


def _extra(wanted: Mapping[str, JsonValue], seen: Mapping[str, JsonValue], *, exact: bool) -> Iterable[Change]:
    for key in sorted({*wanted, *seen} if exact else wanted):
        before, after = _steady(seen.get(key)), _steady(wanted.get(key))
        same = contains(before, after) and (not exact or contains(after, before))
        if not same:
            yield Change(path=f"extra.{key}", before=before, after=after, effect=_effect_of(key, before, after))
        elif not exact and _asks_again(wanted.get(key), seen.get(key)):
            restarts = Effect.RESTARTS_TASKS if key == "TaskTemplate" else Effect.UPDATE
            yield Change(path=f"extra.{key}", before=seen.get(key), after=wanted.get(key), effect=restarts)


def _effect_of(key: str, before: JsonValue, after: JsonValue) -> Effect:
    """Return what a change of a part of a service without a field does; those of a swarm are updated in place."""
    if key == "Mode":
        return Effect.REPLACE
    if key == "EndpointSpec":
        return Effect.RESTARTS_ENDPOINT
    if key != "TaskTemplate":
        return Effect.UPDATE
    old, new = ({name: one for name, one in _dict(side).items() if name != "Placement"} for side in (before, after))
    return Effect.MOVES_TASKS if same_json(old, new) else Effect.RESTARTS_TASKS


def _dict(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _steady(value: JsonValue) -> JsonValue:
    """Return the engine's own JSON without what changes by itself."""
    if not isinstance(value, dict):
        return value
    return {key: _steady(inner) for key, inner in value.items() if key not in COUNTERS}


def _asks_again(wanted: JsonValue, seen: JsonValue) -> bool:
    """Return whether a count is wanted that is higher than the one that is there."""
    if not isinstance(wanted, dict):
        return False
    there = _dict(seen)
    return any(
        _count(value) > _count(there.get(key)) if key in COUNTERS else _asks_again(value, there.get(key))
        for key, value in wanted.items()
    )


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _less(options: Labels, key: str) -> Labels:
    return {name: value for name, value in options.items() if name != key}


def _by_presence(options: Labels) -> Labels:
    return {name: "" if name in PRESENCE_OPTIONS else value for name, value in options.items()}
