"""The way from one container or machine to another, layer by layer, up to the first that is broken."""

from __future__ import annotations

from pydantic import Field

from swarmnet.model.base import Document, JsonValue
from swarmnet.model.report import Status

ORDER = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK)
"""What a way is by its layers: one that is broken, or not known, ends it; a warning does not."""


class Layer(Document):
    """One thing that the way needs."""

    name: str
    """container, target, network, name, overlay, loss, size, port, balancer, answer; outwards route, firewall,
    masquerade; inwards program, firewall, balancer, published; from a host, host comes first."""
    status: Status
    detail: str
    """For people; no program reads it."""
    cause: str | None = None
    """The stable id of what is wrong, as in the findings of verify."""
    fix: str | None = None
    evidence: dict[str, JsonValue] = Field(default_factory=dict)


class Path(Document):
    """The layers from one asker; those after a broken one are not there, since they say nothing."""

    source: str
    """Who asked: ``web.2 on w1``."""
    host: str = ""
    """The host of the container that asked; empty for machines."""
    layers: tuple[Layer, ...]

    @property
    def status(self) -> Status:
        """The worst of its layers."""
        seen = {layer.status for layer in self.layers}
        return next(one for one in ORDER if one in seen)


class Trace(Document):
    """What was asked, and the way from each asker."""

    cluster: str
    source: str
    target: str
    """Empty where only the source's containers are looked at."""
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    """What could not be removed."""

    @property
    def status(self) -> Status:
        """The worst of its paths; one path that works does not excuse another one."""
        seen = {path.status for path in self.paths}
        return next((one for one in ORDER if one in seen), Status.INCONCLUSIVE)
