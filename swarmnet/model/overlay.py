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


def merge(below: Mapping[str, JsonValue], above: Mapping[str, JsonValue]) -> JsonObject:
    """Return both JSON objects in one; where both have an object, the objects are merged, else ``above`` wins."""
    merged: JsonObject = dict(below)
    for key, value in above.items():
        present = merged.get(key)
        merged[key] = merge(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return merged
