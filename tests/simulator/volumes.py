"""Named volumes of a simulated engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.volume import Volume
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from swarmnet.model.volume import VolumeSpec


class SimulatedVolumes(SwarmSide):
    """A ``Store`` of volumes."""

    def list(self) -> tuple[Volume, ...]:
        with self._asked("volumes"):
            return tuple(self._machine.volumes[name] for name in sorted(self._machine.volumes))

    def create(self, spec: VolumeSpec) -> str:
        with self._asked("volume.create", spec.name):
            if spec.driver != "local":
                raise EngineError(self.host, f"error looking up volume plugin {spec.driver}: not found", status=404)
            self._machine.volumes.setdefault(spec.name, Volume(spec=spec))
            return spec.name

    def sizes(self) -> dict[str, int]:
        with self._asked("sizes"):
            return {name: 0 for name, one in self._machine.volumes.items() if not one.spec.options}

    def remove(self, object_id: str) -> None:
        with self._asked("volume.remove", object_id):
            if object_id not in self._machine.volumes:
                raise NotFoundError(self.host, f"get {object_id}: no such volume", status=404)
            if any(object_id in one.volumes for one in self._machine.containers.values()):
                raise ConflictError(self.host, f"remove {object_id}: volume is in use", status=409)
            if object_id in self._machine.mounted:
                raise ConflictError(self.host, f"remove {object_id}: volume is in use", status=409)
            del self._machine.volumes[object_id]
