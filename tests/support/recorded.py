"""What real engines said (see ``record_cases``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine.wire.parts import as_list, as_object, as_text

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

VERSIONS = ("20.10", "26.1", "28.5")


def recorded(version: str) -> JsonObject:
    """Return all that one engine said."""
    text = (Path(__file__).parent / "recorded" / f"{version}.json").read_text()
    return cast("JsonObject", json.loads(text))


def objects(version: str, kind: str) -> list[JsonObject]:
    """Return one recorded list."""
    return [as_object(entry) for entry in as_list(recorded(version)[kind])]


def named(version: str, kind: str, name: str) -> JsonObject:
    """Return one object of a recorded list."""
    for entry in objects(version, kind):
        if name in (as_text(entry.get("Name")), as_text(as_object(entry.get("Spec")).get("Name"))):
            return entry
    raise KeyError(name)
