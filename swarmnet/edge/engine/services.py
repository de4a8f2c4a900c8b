"""Services and tasks, as a manager answers for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.networks import targets
from swarmnet.edge.engine.wire.log import entries_from_wire, since_to_wire
from swarmnet.edge.engine.wire.parts import as_labels, as_list, as_object
from swarmnet.edge.engine.wire.service import (
    Names,
    service_from_wire,
    service_to_wire,
    spec_from_wire,
    task_from_wire,
    updated,
)
from swarmnet.errors import NotFoundError
from swarmnet.model.merge import lay

if TYPE_CHECKING:
    from swarmnet.edge.engine.calls import EngineCalls
    from swarmnet.edge.engine.contents import Contents
    from swarmnet.edge.engine.networks import NetworkStore
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.log import LogEntry
    from swarmnet.model.service import Service, ServiceSpec, Task

LOG_BYTES = 8 * 1024 * 1024
LOG_TIMEOUT = 60.0
"""Seconds: a manager waits for nodes that do not answer."""
_RUNTIMES = ("container", "attachment")


class ServiceStore(EnginePart):
    """The workload of a swarm."""

    word: ClassVar[str] = "services"

    def __init__(self, calls: EngineCalls, networks: NetworkStore, contents: Contents) -> None:
        super().__init__(calls)
        self._networks = networks
        self._contents = contents

    def list(self) -> tuple[Service, ...]:
        """Return all services, networks by name."""
        seen = self._calls.listed("services")
        attached = {target for service in seen for target in targets(service.get("Spec"))}
        addressed = {str(address.get("NetworkID")) for service in seen for address in _virtual_ips(service)}
        before = {target for service in seen for target in targets(service.get("PreviousSpec"))}
        known = self._networks.names_of(attached | addressed | before)
        if not attached <= set(known.values()):
            # Engines refuse to remove a network that a service is attached to: the list of networks was cut, since
            # the leader was lost. This fails until there is another one.
            self._calls.send(Request("look at the swarm", "GET", "/swarm"))
            known = self._networks.names_of(attached | addressed | before)
        names = Names(networks=known)
        with self._calls.asking("list services"):
            return tuple(service_from_wire(service, names) for service in seen)

    def create(self, spec: ServiceSpec) -> str:
        """Create a service and return its id."""
        what = f"create service {spec.name}"
        return self._calls.made(Request(what, "POST", "/services/create", service_to_wire(spec, self._ids(what, spec))))

    def update(self, object_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Merge the managed fields into the present spec and write the result; labels are merged.

        ``whole`` writes ``spec`` as it is.
        """
        what = f"update service {spec.name}"
        path = f"/services/{quoted(object_id)}"
        seen = as_object(self._calls.send(Request(what, "GET", path)))
        self._calls.check_version(what, seen, version)
        present = as_object(seen.get("Spec"))
        read_as = Names(networks=self._networks.names_of(targets(present)))
        with self._calls.asking(what):
            wanted = spec if whole else lay(spec_from_wire(present, read_as), spec)
        body = updated(present, wanted, read_as, self._ids(what, wanted, read_as))
        self._calls.send(Request(what, "POST", f"{path}/update", body, {"version": version}))

    def remove(self, object_id: str) -> None:
        """Remove a service; its tasks end later."""
        self._calls.send(Request(f"remove service {object_id}", "DELETE", f"/services/{quoted(object_id)}"))

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks; one is on a network when its spec says so, before it has an address there.

        Attachments of containers are tasks of a runtime of their own, which engines list only when asked.
        """
        seen = self._calls.listed("tasks", {"runtime": list(_RUNTIMES)} if service is None else {"service": [service]})
        with self._calls.asking("list tasks"):
            tasks = [(task_from_wire(task), targets(task.get("Spec"))) for task in seen]
        if network is None:
            return tuple(task for task, _ in tasks)
        network_id = self._networks.names_of([target for _, wanted in tasks for target in wanted]).get(network, network)
        return tuple(task for task, wanted in tasks if network in task.networks or network_id in wanted)

    def log(self, service: str, *, tail: int | None = None, since: str | None = None) -> tuple[LogEntry, ...]:
        """Return what the tasks of a service printed, in the order of time; of much, the last 8 MiB.

        The manager collects it from the nodes. Tasks with a terminal print without frames (Engine API, attach).
        """
        what, path = "read a service's log", f"/services/{quoted(service)}"
        template = as_object(
            as_object(as_object(self._calls.send(Request(what, "GET", path))).get("Spec"))["TaskTemplate"]
        )
        framed = as_object(template.get("ContainerSpec")).get("TTY") is not True
        params: dict[str, str | int | bool] = {"stdout": "true", "stderr": "true", "timestamps": "true"}
        params |= {"details": "true", "tail": "all" if tail is None else tail}
        params |= {} if since is None else {"since": since_to_wire(since)}
        request = Request(what, "GET", f"{path}/logs", params=params, timeout=LOG_TIMEOUT)
        printed = self._calls.printed(request, keep=LOG_BYTES, framed=framed)
        with self._calls.asking(what):
            return entries_from_wire(printed)

    def _ids(self, what: str, spec: ServiceSpec, known: Names | None = None) -> Names:
        """Look up what the spec names; an unknown network is left to the engine, which has the best error message."""
        used = {kind: spec.uses(kind) for kind in ("Config", "Secret")}
        configs = {config.spec.name: config.id for config in self._contents.configs.list()} if used["Config"] else {}
        secrets = {secret.spec.name: secret.id for secret in self._contents.secrets.list()} if used["Secret"] else {}
        self._check_known(what, "config", used["Config"], configs)
        self._check_known(what, "secret", used["Secret"], secrets)
        networks = {**self._networks.ids()} if spec.networks else {}
        return Names({**(known or Names()).networks, **networks}, configs, secrets)

    def _check_known(self, what: str, kind: str, wanted: tuple[str, ...], known: dict[str, str]) -> None:
        missing = [name for name in wanted if name not in known]
        if missing:
            raise NotFoundError(self.host, f"{what}: there is no {kind} {', '.join(missing)}", status=404)


def _virtual_ips(service: JsonObject) -> list[dict[str, str]]:
    addresses: list[JsonValue] = as_list(as_object(service.get("Endpoint")).get("VirtualIPs"))
    return [as_labels(address) for address in addresses]
