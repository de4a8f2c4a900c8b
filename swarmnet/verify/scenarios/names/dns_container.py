"""Scenario: every probe's container name gives its address, on every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.scenarios.names.lookups import LookupScenario

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Scene, Station


class ContainerNames(LookupScenario):
    """Names of containers on other hosts."""

    name: ClassVar[str] = "dns-container"
    summary: ClassVar[str] = "DNS look-ups of container names from every host"
    noun: ClassVar[str] = "container name"

    def wanted(self, scene: Scene, station: Station, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the other probes' names."""
        return {
            other.host: (f"{other.name}.{network}", (other.addresses[network],))
            for other in scene.ready
            if other.host != station.host and network in other.addresses
        }
