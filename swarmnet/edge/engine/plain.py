"""Containers outside of services that steps describe: how they were made, and the writes that change them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.wire.container import SEVERAL_API, limits_to_wire, made_from_wire, plain_to_wire
from swarmnet.edge.engine.wire.engine import endpoint_to_wire
from swarmnet.edge.engine.wire.parts import as_object, as_text
from swarmnet.errors import EngineError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.plain_container import Made, PlainContainer

_TELLS_ALL = "1.51"
_STOP = 60.0
"""Seconds for an engine's answer besides the time that a container has to stop."""
_ENDLESS = 600.0
"""Seconds for a container that engines never kill (``--stop-timeout -1``)."""


class PlainContainers(EnginePart):
    """The containers of one engine that are not tasks."""

    word: ClassVar[str] = "containers"

    def made(self, container: str) -> Made | None:
        """Return how a container (name or id) was made; None where there is none."""
        what = f"look at container {container}"
        try:
            seen = as_object(self._get(what, f"/containers/{quoted(container)}/json"))
        except NotFoundError:
            return None
        try:
            image = as_object(self._get(what, f"/images/{quoted(as_text(seen.get('Image')))}/json"))
        except NotFoundError:  # removed by force while the container uses it
            image = {}
        with self._calls.asking(what):
            return made_from_wire(seen, image)

    def _get(self, what: str, path: str) -> JsonObject:
        return as_object(self._calls.send(Request(what, "GET", path, newest=_TELLS_ALL)))

    def create(self, name: str, spec: PlainContainer, endpoints: Sequence[EndpointSpec]) -> str:
        """Create a container that does not run yet, on its networks, and return its id."""
        what = f"create container {name}"
        with self._calls.asking(what):
            version = self._calls.version()
        body = plain_to_wire(spec, endpoints, version)
        made = self._calls.made(Request(what, "POST", "/containers/create", body, {"name": name}), "Id")
        try:
            for endpoint in endpoints[1:] if version < SEVERAL_API else ():
                place: JsonObject = {"Container": made, "EndpointConfig": endpoint_to_wire(endpoint)}
                self._calls.send(Request(what, "POST", f"/networks/{quoted(endpoint.network)}/connect", place))
        except EngineError:
            self.remove(made)
            raise
        return made

    def update(self, container: str, spec: PlainContainer) -> None:
        """Change the limits and the restart rule that ``spec`` names, in place; engines take no limit away."""
        path = f"/containers/{quoted(container)}/update"
        self._calls.send(Request(f"update container {container}", "POST", path, limits_to_wire(spec)))

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        path = f"/containers/{quoted(container)}/rename"
        self._calls.send(Request(f"rename container {container} to {name}", "POST", path, params={"name": name}))

    def start(self, container: str, limit: float = 60.0) -> None:
        """Start a container within ``limit`` seconds; one that runs is left as it is."""
        what, path = f"start container {container}", f"/containers/{quoted(container)}/start"
        self._calls.send(Request(what, "POST", path, timeout=self._calls.allowed(limit)))

    def stop(self, container: str, grace: float | None) -> None:
        """Stop a container, and kill it after ``grace`` seconds; one that does not run is left as it is."""
        seconds = -1 if grace is None else math.ceil(grace)
        path, params = f"/containers/{quoted(container)}/stop", {"t": seconds}
        limit = self._calls.allowed(_STOP + (_ENDLESS if grace is None else seconds))
        self._calls.send(Request(f"stop container {container}", "POST", path, params=params, timeout=limit))

    def remove(self, container: str) -> None:
        """Remove a container, running or not, and none of its volumes; one that does not exist is not an error."""
        path = f"/containers/{quoted(container)}"
        try:
            self._calls.send(Request(f"remove container {container}", "DELETE", path, params={"force": "true"}))
        except NotFoundError:
            return
