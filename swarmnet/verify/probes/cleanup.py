"""Take every trace of a run away again, and what killed runs left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, ConvergenceError, HostError, NotAManagerError
from swarmnet.model.clock import wait_until
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort
    from swarmnet.model.verification import Keep
    from swarmnet.verify.probes.images import Images
    from swarmnet.verify.probes.run import Gate, RunContext


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Removes services, containers and the image. Safe at any time, also after half a start, and twice."""

    context: RunContext
    images: Images
    gate: Gate

    def sweep(self, hosts: tuple[str, ...]) -> None:
        """Remove what killed runs left: services, then containers. A host that fails here is named later."""
        for service in self.context.state.services:
            if self.context.may_remove(service.spec.labels):
                self.context.ports.manager().services.remove(service.id)
        fan_out(hosts, lambda host: remove_containers(self.context, self.context.ports.engine(host)))

    def clear(self, hosts: tuple[str, ...], *, keep: Keep) -> tuple[str, ...]:
        """Remove service, containers, and an image that is not kept; return what was not removed, a sentence each."""
        self.gate.close()
        notes = self._remove_services()
        found = fan_out(hosts, lambda host: self._clear_host(host, keep), listener=self.context.listener)
        for host, result in found.items():
            if isinstance(result, HostError):
                notes.append(f"traces of the probe may be left on {host} ({result.message}): run verify again")
        return tuple(notes)

    def _remove_services(self) -> list[str]:
        try:
            manager = self.context.ports.manager()
            for service in manager.services.list():
                if self.context.may_remove(service.spec.labels):
                    manager.services.remove(service.id)
        except NotAManagerError as error:
            if self.context.state.swarm is not None:
                return [f"the probe service may be left ({error}): run verify again"]
        except HostError as error:
            return [f"the probe service may be left ({error}): run verify again"]
        return []

    def _clear_host(self, host: str, keep: Keep) -> bool:
        self.gate.wait_for_starts(host, timeout=self.context.timeout)
        return self._clear(self.context.ports.engine(host), keep)

    def _clear(self, engine: EnginePort, keep: Keep) -> bool:
        takes_image = self.images.is_removed_from(engine.host, keep)

        def look() -> tuple[bool | None, str]:
            left = remove_containers(self.context, engine)
            if not left and takes_image and not self._remove_image(engine):
                left = [f"a container of {self.context.kit.reference}"]
            return (True if not left else None), f"still there: {', '.join(left)}"

        try:
            return wait_until(
                self.context.ports.clock, look, what="probe containers to go", timeout=self.context.timeout
            )
        except ConvergenceError as error:
            raise HostError(engine.host, error.message) from error

    def _remove_image(self, engine: EnginePort) -> bool:
        """Remove the image; return whether it is gone, or in use by another run, which removes it at its end.

        An engine that had begun a task when its service was removed makes the container all the same, and removes it.
        """
        try:
            engine.remove_image(self.context.kit.reference)
        except ConflictError:
            there = engine.containers(label=PROBE_LABEL)
            return any(not self.context.may_remove(one.labels) for one in there)
        return True


def remove_containers(context: RunContext, engine: EnginePort, *, named: str | None = None) -> list[str]:
    """Remove this run's and forgotten containers, or one of them; return the names of those that were there."""
    seen = [one for one in engine.containers(label=PROBE_LABEL) if named in (None, one.name)]
    found = [one for one in seen if context.may_remove(one.labels)]
    for ended in fan_out((one.id for one in found), engine.remove_container).values():
        # At a conflict, the engine is at it already; the next look shows it.
        if isinstance(ended, HostError) and not isinstance(ended, ConflictError):
            raise ended
    return [container.name for container in found]
