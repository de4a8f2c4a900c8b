"""Laying a wanted spec over a present one: what the wish does not manage stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from swarmnet.model.engine_json import merged, settled
from swarmnet.model.fields import EXTRA
from swarmnet.model.service import ServiceMode, ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from swarmnet.model.base import Document, JsonObject, JsonValue
    from swarmnet.model.swarm import ConfigSpec, NodeSpec, SecretSpec, SwarmSpec

Spec = TypeVar("Spec", bound="Document")

Labelled = TypeVar("Labelled", "ServiceSpec", "SwarmSpec", "NodeSpec", "ConfigSpec", "SecretSpec")

COUNTERS = frozenset({"ForceUpdate", "ForceRotate"})
"""Keys of the engine's own JSON that count what was asked for: a number there asks for at least so many."""


def lay(present: Spec, wanted: Spec) -> Spec:
    """Return ``present`` with every managed field of ``wanted`` in its place.

    None is not managed, at any depth. Labels are merged, so labels of others stay; ``extra`` is merged in depth, so
    all parts without a field stay. Lists replace lists. What engines treat alike stays as it is: the order of a set, a
    default that is left out, the digest of an image that is wanted without one.
    """
    found = merged(present, wanted)
    return found.model_copy(update=_beside_the_fields(found, wanted))


def _beside_the_fields(found: Document, wanted: Document) -> dict[str, Any]:
    update: dict[str, Any] = {}
    if isinstance(found, ServiceSpec):
        absent = {
            "replicas": found.mode.is_everywhere,
            "max_concurrent": found.mode is not ServiceMode.REPLICATED_JOB,
            "update": found.mode.is_job,  # engines refuse it
        }
        update |= {name: None for name, is_absent in absent.items() if is_absent}
    if EXTRA in type(found).model_fields:
        update[EXTRA] = merge(getattr(found, EXTRA), getattr(wanted, EXTRA))
    return update


def without_labels(present: Labelled, names: Collection[str]) -> Labelled:
    """Return a spec without the labels of these names."""
    labels = {name: text for name, text in present.labels.items() if name not in names}
    return present.model_copy(update={"labels": labels})


def replace(present: ServiceSpec, wanted: ServiceSpec) -> ServiceSpec:
    """Return ``wanted`` as it is, so that nothing else of ``present`` stays; what engines treat alike stays present's.

    So do the count of forced updates, whose change alone would end all tasks, and the digest of an image that is
    wanted without one.
    """
    image = present.image if present.image.partition("@")[0] == wanted.image else wanted.image
    return settled(present, wanted.model_copy(update={"image": image, "extra": _forced_as(present, wanted.extra)}))


def _forced_as(present: ServiceSpec, extra: JsonObject) -> JsonObject:
    """Return the parts without a field with the present count of forced updates."""
    there, wanted = present.extra.get("TaskTemplate"), extra.get("TaskTemplate")
    forced = there.get("ForceUpdate") if isinstance(there, dict) else None
    template = {key: value for key, value in wanted.items() if key != "ForceUpdate"} if isinstance(wanted, dict) else {}
    template |= {} if forced is None else {"ForceUpdate": forced}
    rest = {key: value for key, value in extra.items() if key != "TaskTemplate"}
    return {**rest, "TaskTemplate": template} if template else rest


def merge(below: Mapping[str, JsonValue], above: Mapping[str, JsonValue]) -> JsonObject:
    """Return both JSON objects in one; where both have an object, the objects are merged, else ``above`` wins."""
    found: JsonObject = dict(below)
    for key, value in above.items():
        present = found.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            found[key] = merge(present, value)
        elif key in COUNTERS and isinstance(present, int) and isinstance(value, int):
            found[key] = max(present, value)
        else:
            found[key] = value
    return found
