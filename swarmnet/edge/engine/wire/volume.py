"""Volumes in the engine's JSON and in ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine.wire.parts import as_labels, as_text
from swarmnet.model.engine_json import read
from swarmnet.model.volume import Volume, VolumeSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

_ANONYMOUS = "com.docker.volume.anonymous"
"""Label of volumes that containers made for themselves, since engine 23; older ones only have such a name."""
_RANDOM = re.compile("[0-9a-f]{64}")


def volume_from_wire(seen: Mapping[str, JsonValue]) -> Volume | None:
    """Return a volume as an engine lists it; None for an anonymous one, and for a cluster volume."""
    name = as_text(seen.get("Name"))
    labels = as_labels(seen.get("Labels"))
    if _ANONYMOUS in labels or _RANDOM.fullmatch(name) or isinstance(seen.get("ClusterVolume"), dict):
        return None
    body: JsonObject = {**seen, "Labels": dict(labels), "Options": dict(as_labels(seen.get("Options")))}
    found, _ = read(VolumeSpec, body)
    return Volume(spec=VolumeSpec.model_validate({"name": name, **found}))


def size_from_wire(seen: Mapping[str, JsonValue]) -> tuple[str, int] | None:
    """Return name and bytes of a volume in the engine's account of its disk; -1 there is not known."""
    usage = seen.get("UsageData")
    size = usage.get("Size") if isinstance(usage, dict) else None
    known = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    return (as_text(seen.get("Name")), cast("int", size)) if known else None


def volume_to_wire(spec: VolumeSpec) -> JsonObject:
    """Return the body that creates a volume: it calls the options otherwise than the list does."""
    return {
        "Name": spec.name,
        "Driver": spec.driver,
        "DriverOpts": dict(spec.options),
        "Labels": dict(spec.labels),
    }
