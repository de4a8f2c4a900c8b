"""Containers outside of services on a simulated engine, as steps describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError, EngineTimeoutError, NotFoundError
from swarmnet.model.engine_json import merged
from swarmnet.model.plain_container import Made, PlainContainer
from swarmnet.model.service_mounts import MountType
from swarmnet.model.state import Container, Endpoint
from swarmnet.model.volume import Volume, VolumeSpec
from tests.simulator.containers import SimulatedContainers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.endpoint import EndpointSpec


class SimulatedPlain(SimulatedContainers):
    """A ``PlainStore``."""

    def made(self, container: str) -> Made | None:
        with self._asked("container.made", container):
            found = self._box(container)
            if found is None:
                return None
            bare = PlainContainer(name=found.name, image=found.image)
            made = found.made or Made(spec=bare.model_copy(update={"labels": found.labels}), image=bare)
            spec = made.spec.model_copy(update={"name": found.name})
            return made.model_copy(update={"spec": spec, "exit_code": self._exit_code(found)})

    def _box(self, container: str) -> Container | None:
        boxes = self._machine.containers.values()
        return next((one for one in boxes if container in (one.id, one.name)), None)

    def _found(self, container: str) -> Container:
        found = self._box(container)
        if found is None:
            raise NotFoundError(self.host, f"No such container: {container}", status=404)
        return found

    def _exit_code(self, box: Container) -> int:
        return 0 if box.running or box.id not in self._machine.failed else 3

    def create(self, name: str, spec: PlainContainer, endpoints: Sequence[EndpointSpec]) -> str:
        with self._asked("container.create", name):
            machine = self._machine
            if spec.image not in machine.images:
                raise NotFoundError(self.host, f"No such image: {spec.image}", status=404)
            if any(box.name == name for box in machine.containers.values()):
                message = f'Conflict. The container name "/{name}" is already in use'
                raise ConflictError(self.host, message, status=409)
            for mount in spec.mounts or ():
                if mount.type is MountType.CLUSTER or (mount.type is MountType.IMAGE and not machine.knows(1, 48)):
                    raise EngineError(self.host, "invalid mount config: mount type unknown", status=400)
            container_id = machine.ids.local()
            for mount in spec.mounts or ():
                if mount.type is MountType.VOLUME and mount.source:
                    machine.volumes.setdefault(mount.source, Volume(spec=VolumeSpec(name=mount.source)))
            asked = [{key: one for key, one in place.model_dump().items() if one is not None} for place in endpoints]
            image = machine.image_specs.get(spec.image) or PlainContainer(name=name, image=spec.image)
            machine.containers[container_id] = Container(
                id=container_id,
                name=name,
                image=spec.image,
                running=False,
                labels={**image.labels, **spec.labels},
                endpoints=tuple(Endpoint.model_validate(one) for one in asked) or (Endpoint(network="bridge"),),
                made=Made(spec=spec, image=image),
            )
            return container_id

    def update(self, container: str, spec: PlainContainer) -> None:
        with self._asked("container.update", container):
            box = self._found(container)
            made = box.made or Made(spec=spec, image=spec)
            limits, restart = made.spec.limits, spec.restart or made.spec.restart
            if spec.limits is not None:
                stated = {name: value for name, value in spec.limits.model_dump().items() if value or name == "pids"}
                wanted = spec.limits.model_validate(stated)
                limits = wanted if limits is None else merged(limits, wanted)
            if limits is not None and limits.swap and limits.memory and 0 < limits.swap < limits.memory:
                message = "Memory limit should be smaller than already set memoryswap limit"
                raise EngineError(self.host, message, status=500)
            after = made.spec.model_copy(update={"limits": limits, "restart": restart})
            self._keep(box.model_copy(update={"made": made.model_copy(update={"spec": after})}))

    def rename(self, container: str, name: str) -> None:
        with self._asked("container.rename", name):
            box = self._found(container)
            if any(one.name == name for one in self._machine.containers.values()):
                message = f'Conflict. The container name "/{name}" is already in use'
                raise ConflictError(self.host, message, status=409)
            self._keep(box.model_copy(update={"name": name}))

    def start(self, container: str, limit: float = 60.0) -> None:
        del limit
        with self._asked("container.start", container):
            box = self._found(container)
            if box.running:
                return
            command = () if box.made is None else box.made.spec.command or ()
            if command[:1] and command[0].startswith("/no/"):
                message = f'failed to create task for container: exec: "{command[0]}": no such file or directory'
                raise EngineError(self.host, message, status=400)
            self._find_networks(box)
            places = tuple(self._connect(box.id, one) for one in box.endpoints)
            fails = command[:1] == ("false",)
            if fails:
                self._machine.failed.add(box.id)
                self._end_attachments(box.id)
            self._keep(box.model_copy(update={"running": not fails, "endpoints": box.endpoints if fails else places}))

    def stop(self, container: str, grace: float | None) -> None:
        with self._asked("container.stop", container):
            box = self._found(container)
            self._machine.graces[box.name] = grace
            limit = self._world.clock.patience
            if box.running and limit is not None and (grace is None or grace > limit):
                self._world.clock.sleep(limit)
                raise EngineTimeoutError(self.host, f"the engine did not answer in time to: stop container {container}")
            left = tuple(one.model_copy(update={"address": "", "hardware": ""}) for one in box.endpoints)
            self._keep(box.model_copy(update={"running": False, "endpoints": left}))
            self._end_attachments(box.id)

    def remove(self, container: str) -> None:
        with self._asked("container.remove", container):
            box = self._box(container)
            if box is not None:
                self._machine.containers.pop(box.id)
                self._end_attachments(box.id)

    def _keep(self, box: Container) -> None:
        self._machine.containers[box.id] = box
