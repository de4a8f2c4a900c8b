"""Scenario: ``tasks.NAME`` gives exactly the addresses of the service's running tasks, on every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.verify.scenarios.names.lookups import LookupScenario

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Scene, Station


class TaskNames(LookupScenario):
    """All tasks of the probe service: a missing or a dead one means that gossip did not converge."""

    name: ClassVar[str] = "dns-tasks"
    summary: ClassVar[str] = "DNS look-ups of tasks.NAME from every host"
    noun: ClassVar[str] = "tasks"
    needs_service: ClassVar[bool] = True

    def networks(self, scene: Scene) -> tuple[Network, ...]:
        """Return the networks where its tasks have addresses."""
        known = scene.service.task_addresses if scene.service else {}
        return tuple(net for net in scene.networks if known.get(net.spec.name))

    def wanted(self, scene: Scene, _station: Station, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the name with all addresses."""
        service = scene.service
        if service is None or not service.task_addresses.get(network):
            return {}
        return {"the service": (f"tasks.{service.name}.{network}", service.task_addresses[network])}
