"""The images that a simulated host has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from swarmnet.model.host_image import Image
from swarmnet.model.placement_codecs import Platform

AMD64 = Platform(os="linux", architecture="amd64")


class Shelf(dict[str, Image]):
    """The images of one host by their names; one without a name is there by its id."""

    def add(self, reference: str, platform: Platform = AMD64) -> None:
        """Put an image there whose content is its name."""
        digest = hashlib.sha256(reference.encode()).hexdigest()
        self[reference] = Image(reference=reference, id=f"sha256:{digest}", platform=platform)

    def found(self, reference: str) -> Image | None:
        """Return an image by its name or id."""
        return self.get(reference) or next((one for one in self.values() if one.id == reference), None)


@dataclass
class Registries:
    """What registries ask for, and have."""

    logins: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """User and password, by the registry's name."""
    platforms: dict[str, tuple[Platform, ...]] = field(default_factory=dict)
    """What images run on, by their reference, where that is not what the hosts are."""
