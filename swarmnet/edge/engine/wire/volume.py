"""Volumes in the engine's JSON and in ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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


def volume_to_wire(spec: VolumeSpec) -> JsonObject:
    """Return the body that creates a volume: it calls the options otherwise than the list does."""
    return {
        "Name": spec.name,
        "Driver": spec.driver,
        "DriverOpts": dict(spec.options),
        "Labels": dict(spec.labels),
    }
