"""Scenario: a service's name, and its alias, give its virtual address on every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.scenarios.names.lookups import LookupScenario

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Scene, Station


class ServiceNames(LookupScenario):
    """The probe service's name and alias."""

    name: ClassVar[str] = "dns-service"
    summary: ClassVar[str] = "DNS look-ups of a service's name and alias from every host"
    noun: ClassVar[str] = "name"
    needs_service: ClassVar[bool] = True

    def networks(self, scene: Scene) -> tuple[Network, ...]:
        """Return the networks where the service has a virtual address."""
        return scene.balanced

    def wanted(self, scene: Scene, _station: Station, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return both names with the virtual address."""
        service = scene.service
        if service is None or network not in service.virtual_ips:
            return {}
        address = (service.virtual_ips[network],)
        return {
            "the service": (f"{service.name}.{network}", address),
            "the service's alias": (f"{service.alias}.{network}", address),
        }
