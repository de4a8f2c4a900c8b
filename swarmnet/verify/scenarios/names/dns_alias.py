"""Scenario: every probe's alias gives its address, on every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.scenarios.names.lookups import LookupScenario

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Scene, Station


class Aliases(LookupScenario):
    """Aliases of containers on other hosts."""

    name: ClassVar[str] = "dns-alias"
    summary: ClassVar[str] = "DNS look-ups of container aliases from every host"
    noun: ClassVar[str] = "alias"

    def networks(self, scene: Scene) -> tuple[Network, ...]:
        """Return none where probes are tasks of a service, which have no alias of their own."""
        return scene.networks if any(station.alias for station in scene.ready) or not scene.ready else ()

    def wanted(self, scene: Scene, station: Station, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the other probes' aliases."""
        return {
            other.host: (f"{other.alias}.{network}", (other.addresses[network],))
            for other in scene.ready
            if other.host != station.host and network in other.addresses
        }
