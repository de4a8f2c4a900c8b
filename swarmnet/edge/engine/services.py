"""Services and tasks, configs and secrets, as a manager answers for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swarmnet.edge.engine.calls import Request, quoted
from swarmnet.edge.engine.networks import EngineNetworks, targets
from swarmnet.edge.engine.wire.parts import as_labels, as_list, as_object
from swarmnet.edge.engine.wire.service import (
    Names,
    service_from_wire,
    service_to_wire,
    spec_from_wire,
    task_from_wire,
    updated,
)
from swarmnet.edge.engine.wire.swarm import config_from_wire, config_to_wire, secret_from_wire, secret_to_wire
from swarmnet.errors import NotFoundError
from swarmnet.model.merge import lay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue, Labels, Secret
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.swarm import Config, ConfigSpec, SecretSpec, StoredSecret

_RUNTIMES = ("container", "attachment")


class EngineServices(EngineNetworks):
    """The workload of a swarm."""

    def services(self) -> tuple[Service, ...]:
        """Return all services, networks by name."""
        seen = self._list("services")
        attached = {target for service in seen for target in targets(service.get("Spec"))}
        addressed = {str(address.get("NetworkID")) for service in seen for address in _virtual_ips(service)}
        known = self.names_of(attached | addressed)
        if not attached <= set(known.values()):
            # Engines refuse to remove a network that a service is attached to: the list of networks was cut, since
            # the leader was lost. This fails until there is another one.
            self._send(Request("look at the swarm", "GET", "/swarm"))
            known = self.names_of(attached | addressed)
        names = Names(networks=known)
        with self._asking("list services"):
            return tuple(service_from_wire(service, names) for service in seen)

    def create_service(self, spec: ServiceSpec) -> str:
        """Create a service and return its id."""
        what = f"create service {spec.name}"
        return self._made(Request(what, "POST", "/services/create", service_to_wire(spec, self._ids(what, spec))))

    def update_service(self, service_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Merge the managed fields into the present spec and write the result; labels are merged.

        ``whole`` writes ``spec`` as it is.
        """
        what = f"update service {spec.name}"
        path = f"/services/{quoted(service_id)}"
        seen = as_object(self._send(Request(what, "GET", path)))
        self._check_version(what, seen, version)
        present = as_object(seen.get("Spec"))
        read_as = Names(networks=self.names_of(targets(present)))
        with self._asking(what):
            wanted = spec if whole else lay(spec_from_wire(present, read_as), spec)
        body = updated(present, wanted, read_as, self._ids(what, wanted, read_as))
        self._send(Request(what, "POST", f"{path}/update", body, {"version": version}))

    def remove_service(self, service_id: str) -> None:
        """Remove a service; its tasks end later."""
        self._send(Request(f"remove service {service_id}", "DELETE", f"/services/{quoted(service_id)}"))

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks; one is on a network when its spec says so, before it has an address there.

        Attachments of containers are tasks of a runtime of their own, which engines list only when asked.
        """
        seen = self._list("tasks", {"runtime": list(_RUNTIMES)} if service is None else {"service": [service]})
        with self._asking("list tasks"):
            tasks = [(task_from_wire(task), targets(task.get("Spec"))) for task in seen]
        if network is None:
            return tuple(task for task, _ in tasks)
        network_id = self.names_of([target for _, wanted in tasks for target in wanted]).get(network, network)
        return tuple(task for task, wanted in tasks if network in task.networks or network_id in wanted)

    def configs(self) -> tuple[Config, ...]:
        """Return all configs, data included."""
        seen = self._list("configs")
        with self._asking("list configs"):
            return tuple(config_from_wire(config) for config in seen)

    def create_config(self, spec: ConfigSpec) -> str:
        """Create a config and return its id."""
        return self._made(Request(f"create config {spec.name}", "POST", "/configs/create", config_to_wire(spec)))

    def update_config_labels(self, config_id: str, version: int, labels: Labels) -> None:
        """Replace a config's labels."""
        self._label("config", config_id, version, labels)

    def _label(self, kind: str, object_id: str, version: int, labels: Labels) -> None:
        """Replace the labels of a config or secret; all the rest must be sent as it is."""
        what, path = f"label {kind} {object_id}", f"/{kind}s/{quoted(object_id)}"
        seen = as_object(self._send(Request(what, "GET", path)))
        self._check_version(what, seen, version)
        body: JsonObject = {**as_object(seen.get("Spec")), "Labels": dict(labels)}
        self._send(Request(what, "POST", f"{path}/update", body, {"version": version}))

    def remove_config(self, config_id: str) -> None:
        """Remove a config that no service uses."""
        self._send(Request(f"remove config {config_id}", "DELETE", f"/configs/{quoted(config_id)}"))

    def secrets(self) -> tuple[StoredSecret, ...]:
        """Return all secrets, without their data."""
        seen = self._list("secrets")
        with self._asking("list secrets"):
            return tuple(secret_from_wire(secret) for secret in seen)

    def create_secret(self, spec: SecretSpec, data: Secret) -> str:
        """Create a secret and return its id."""
        return self._made(Request(f"create secret {spec.name}", "POST", "/secrets/create", secret_to_wire(spec, data)))

    def update_secret_labels(self, secret_id: str, version: int, labels: Labels) -> None:
        """Replace a secret's labels."""
        self._label("secret", secret_id, version, labels)

    def remove_secret(self, secret_id: str) -> None:
        """Remove a secret that no service uses."""
        self._send(Request(f"remove secret {secret_id}", "DELETE", f"/secrets/{quoted(secret_id)}"))

    def _list(self, kind: str, filters: Mapping[str, list[str]] | None = None) -> list[JsonObject]:
        """Return the JSON of all objects of a kind (docker-py has no types for these lists)."""
        params = {"filters": json.dumps(filters)} if filters else None
        return self._objects(Request(f"list {kind}", "GET", f"/{kind}", params=params))

    def _ids(self, what: str, spec: ServiceSpec, known: Names | None = None) -> Names:
        """Look up what the spec names; an unknown network is left to the engine, which has the best error message."""
        used = {kind: spec.uses(kind) for kind in ("Config", "Secret")}
        configs = {config.spec.name: config.id for config in self.configs()} if used["Config"] else {}
        secrets = {secret.spec.name: secret.id for secret in self.secrets()} if used["Secret"] else {}
        self._check_known(what, "config", used["Config"], configs)
        self._check_known(what, "secret", used["Secret"], secrets)
        networks = {**self.network_ids()} if spec.networks else {}
        return Names({**(known or Names()).networks, **networks}, configs, secrets)

    def _check_known(self, what: str, kind: str, wanted: tuple[str, ...], known: dict[str, str]) -> None:
        missing = [name for name in wanted if name not in known]
        if missing:
            raise NotFoundError(self.host, f"{what}: there is no {kind} {', '.join(missing)}", status=404)


def _virtual_ips(service: JsonObject) -> list[dict[str, str]]:
    addresses: list[JsonValue] = as_list(as_object(service.get("Endpoint")).get("VirtualIPs"))
    return [as_labels(address) for address in addresses]
