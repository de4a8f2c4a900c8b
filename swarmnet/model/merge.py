"""Laying a wanted spec over a present one: what the wish does not manage stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from swarmnet.model.service import ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.swarm import SwarmSpec

Spec = TypeVar("Spec", "ServiceSpec", "SwarmSpec")


def lay(present: Spec, wanted: Spec) -> Spec:
    """Return ``present`` with every managed field of ``wanted`` in its place.

    None is not managed. Labels are merged, so labels of others stay; ``extra`` is merged in depth, so ForceUpdate and
    all parts without a field stay. Lists replace lists. An image that is wanted without digest keeps the digest that
    its tag was resolved to, which moves only when the tag itself is written anew.
    """
    managed = {name: value for name in type(wanted).model_fields if (value := getattr(wanted, name)) is not None}
    if isinstance(present, ServiceSpec):
        managed |= {"image": present.image} if present.image.partition("@")[0] == managed["image"] else {}
    managed["labels"] = {**present.labels, **wanted.labels}
    managed["extra"] = merge(present.extra, wanted.extra)
    return present.model_copy(update=managed)


def replace(present: ServiceSpec, wanted: ServiceSpec) -> ServiceSpec:
    """Return ``wanted`` as it is, so that nothing else of ``present`` stays; what changes by itself stays present's.

    That is the count of forced updates, whose change alone would end all tasks, and the digest of an image that is
    wanted without one.
    """
    template = present.extra.get("TaskTemplate")
    forced = template.get("ForceUpdate") if isinstance(template, dict) else None
    kept: JsonObject = {} if forced is None else {"TaskTemplate": {"ForceUpdate": forced}}
    image = present.image if present.image.partition("@")[0] == wanted.image else wanted.image
    return wanted.model_copy(update={"image": image, "extra": merge(wanted.extra, kept)})


def merge(below: Mapping[str, JsonValue], above: Mapping[str, JsonValue]) -> JsonObject:
    """Return both JSON objects in one; where both have an object, the objects are merged, else ``above`` wins."""
    merged: JsonObject = dict(below)
    for key, value in above.items():
        present = merged.get(key)
        merged[key] = merge(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return merged
