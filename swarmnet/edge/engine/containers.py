"""Containers of one engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from swarmnet.edge.engine.calls import EngineCalls, Request, quoted
from swarmnet.edge.engine.wire.engine import (
    container_from_inspect,
    container_from_wire,
    container_to_wire,
    endpoint_to_wire,
    needs_inspect,
)
from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.border import text_at

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.ports import ContainerSpec
    from swarmnet.model.state import Container

LOG_BYTES = 64 * 1024
_LOG_LINES = 2000
_TELLS_MAC = "1.51"
"""Later versions do not tell a MAC address that was asked for from one that the engine chose; engine 29 speaks it."""


class EngineContainers(EngineCalls):
    """Run temporary containers, and list those of others."""

    def containers(self, *, label: str | None = None, publishing: int | None = None) -> tuple[Container, ...]:
        """Return all containers, or those with a label, or those that publish a port of the host.

        Those that others put on networks of their own are inspected for what they asked: one request each.
        """
        filters: dict[str, list[str]] = {} if label is None else {"label": [label]}
        filters |= {} if publishing is None else {"publish": [str(publishing)]}
        params: dict[str, str | int | bool] = {"all": "true", "filters": json.dumps(filters)}
        seen = self.objects(Request("list containers", "GET", "/containers/json", params=params))
        return tuple(found for entry in seen if (found := self._container(entry)) is not None)

    def _container(self, entry: JsonObject) -> Container | None:
        """Return one container, or None if it went away between list and inspect."""
        if not needs_inspect(entry):
            return container_from_wire(entry)
        what = "look at a container"
        try:
            with self.asking(what):
                path = f"/containers/{quoted(text_at(entry, 'Id'))}/json"
                request = Request(what, "GET", path, newest=_TELLS_MAC)
            return container_from_inspect(container_from_wire(entry), as_object(self.send(request)))
        except NotFoundError:
            return None

    def start_container(self, spec: ContainerSpec) -> str:
        """Create and start a container, and connect it to its networks; what cannot be started is removed again.

        It runs on its first network before it is connected to the others. Engines from 25 on join the networks of a
        start in any order, and refuse it unless they know the first one by then; a worker knows a network of the swarm
        only once it has joined it (seen on 28.5: of six starts on ten networks, one succeeded).
        """
        what = f"start container {spec.name}"
        request = Request(what, "POST", "/containers/create", container_to_wire(spec), {"name": spec.name})
        container_id = self.made(request, "Id")
        try:
            self.send(Request(what, "POST", f"/containers/{quoted(container_id)}/start"))
            for endpoint in spec.endpoints[1:]:
                self._connect(what, container_id, endpoint.spec)
        except EngineError:
            self.remove_container(container_id)
            raise
        return container_id

    def _connect(self, what: str, container_id: str, endpoint: EndpointSpec) -> None:
        body: JsonObject = {"Container": container_id, "EndpointConfig": endpoint_to_wire(endpoint)}
        self.send(Request(what, "POST", f"/networks/{quoted(endpoint.network)}/connect", body))

    def connect_container(self, container_id: str, endpoint: EndpointSpec) -> None:
        """Put a container on a network, running or not.

        A worker knows networks of the swarm by their name alone, and asks the managers for them.
        """
        self._connect(f"connect container {container_id[:12]} to {endpoint.network}", container_id, endpoint)

    def disconnect_container(self, container_id: str, network: str) -> None:
        """Take a container off a network (name or id); raises ``EngineError`` where it is not on it."""
        what = f"disconnect container {container_id[:12]} from {network}"
        body: JsonObject = {"Container": container_id, "Force": False}
        self.send(Request(what, "POST", f"/networks/{quoted(network)}/disconnect", body))

    def container_log(self, container_id: str) -> bytes:
        """Return the last 64 KiB that the container printed, of its last 2000 lines."""
        params: dict[str, str | int | bool] = {"stdout": "true", "stderr": "true", "tail": _LOG_LINES}
        path = f"/containers/{quoted(container_id)}/logs"
        return self.printed(Request("read a container's log", "GET", path, params=params), keep=LOG_BYTES)

    def remove_container(self, container_id: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; one that does not exist is not an error."""
        path = f"/containers/{quoted(container_id)}"
        request = Request(
            f"remove container {container_id[:12]}", "DELETE", path, params={"force": "true", "v": "true"}
        )
        try:
            self.send(request)
        except NotFoundError:
            return
        except ConflictError as error:
            # Another client is removing it right now: nothing is left to do.
            if "already in progress" not in error.message:
                raise
