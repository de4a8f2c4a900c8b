"""Named volumes of single hosts: what is wanted, and what was seen. Their data is in no backup."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from swarmnet.model.base import Document, Labels
from swarmnet.model.codecs import MERGED_LABELS, OPTIONS, TEXT
from swarmnet.model.fields import Effect, EngineField


class VolumeSpec(Document):
    """What a volume should be. Engines change none of it in place, and a new volume is an empty one."""

    name: Annotated[str, EngineField("Name", TEXT, identity=True)]
    """Letters, digits, '_', '.' and '-', at least two characters."""
    driver: Annotated[str, EngineField("Driver", TEXT, "local", Effect.REPLACE)] = "local"
    """local, or a plugin's."""
    options: Annotated[Labels, EngineField("Options", OPTIONS, effect=Effect.REPLACE, hidden=True)] = Field(
        default_factory=dict
    )
    """Options of the driver; the local driver takes type, o, device and size."""
    labels: Annotated[Labels, EngineField("Labels", MERGED_LABELS, effect=Effect.NOTHING, hidden=True)] = Field(
        default_factory=dict
    )
    """Labels of the volume."""


class Volume(Document):
    """A named volume as its engine lists it."""

    spec: VolumeSpec

    @property
    def id(self) -> str:
        """What the engine finds it by: its name."""
        return self.spec.name
