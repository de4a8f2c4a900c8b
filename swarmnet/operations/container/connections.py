"""Connect a container to a network, connect it again otherwise, and take it off."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConvergenceError, SwarmnetError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.find import called
from swarmnet.model.merge import lay
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.state import Container, Endpoint
from swarmnet.operations.container.attaching import connect_attached
from swarmnet.operations.state_edits import with_container

if TYPE_CHECKING:
    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.model.state import ClusterState


class _OnContainer(Action):
    """An action on one container of a host."""

    host: str
    container: str

    stage: ClassVar[Rank] = Rank.CONTAINER

    def _found(self, engine: EnginePort) -> Container:
        """Return the container as it is now.

        Raises:
            ConvergenceError: it is gone.
        """
        found = called(engine.containers(), self.container)
        if found is None:
            raise ConvergenceError(f"container {self.container} on {self.host} is gone", hint="plan again")
        return found


class ConnectContainer(_OnContainer):
    """Put a container on a network."""

    kind: Literal["endpoint.connect"] = "endpoint.connect"
    spec: EndpointSpec

    sign: ClassVar[Sign] = Sign.CREATE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the container on the network."""
        return with_endpoint(state, self.host, self.container, self.spec)

    def run(self, ports: Ports) -> None:
        """Connect it; raises the engine's own error, or that of a wait for its managers."""
        connect_attached(ports, self.host, self._found(ports.engine(self.host)), self.spec)


class ReconnectContainer(_OnContainer):
    """Take a container off a network and put it on again with other addresses or names."""

    kind: Literal["endpoint.reconnect"] = "endpoint.reconnect"
    spec: EndpointSpec

    risk: Risk = Risk.DISRUPTIVE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the container on the network as wanted."""
        return with_endpoint(state, self.host, self.container, self.spec)

    def run(self, ports: Ports) -> None:
        """Connect it again, with what it has now where the step leaves something out.

        Raises:
            ConvergenceError: the engine refuses. The container is back as it was.
        """
        engine = ports.engine(self.host)
        found = self._found(engine)
        before = endpoint_of(found, self.spec.network)
        if before is None:
            connect_attached(ports, self.host, found, self.spec)
            return
        engine.disconnect_container(found.id, self.spec.network)
        try:
            connect_attached(ports, self.host, found, lay(before.spec, self.spec))
        except SwarmnetError as error:
            _put_back(ports, self.host, found, before.spec, error)
            raise ConvergenceError(f"{error}; the container is back as it was", hint=error.hint) from error


class DisconnectContainer(_OnContainer):
    """Take a container off a network."""

    kind: Literal["endpoint.disconnect"] = "endpoint.disconnect"
    network: str

    risk: Risk = Risk.DISRUPTIVE
    sign: ClassVar[Sign] = Sign.REMOVE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without the container on the network."""
        seen = state.container(self.host, self.container)
        return state if seen is None else with_container(state, _without(seen, self.network), self.host)

    def run(self, ports: Ports) -> None:
        """Disconnect it, unless it is off the network already."""
        engine = ports.engine(self.host)
        found = self._found(engine)
        if endpoint_of(found, self.network) is not None:
            engine.disconnect_container(found.id, self.network)


def _put_back(ports: Ports, host: str, found: Container, before: EndpointSpec, error: SwarmnetError) -> None:
    """Connect a container as it was before an attempt that failed with ``error``."""
    try:
        connect_attached(ports, host, found, before)
    except SwarmnetError as another:
        message = f"{error}; the container is off network {before.network}, which it cannot join again: {another}"
        raise ConvergenceError(message, hint="apply again once the managers answer") from another


def endpoint_of(container: Container, network: str) -> Endpoint | None:
    """Return the place of a container on a network; None where it has none."""
    return next((one for one in container.endpoints if one.network == network), None)


def with_endpoint(state: ClusterState, host: str, container: str, endpoint: EndpointSpec) -> ClusterState:
    """Return the state with the container on a network, laid over the place that it has there."""
    seen = state.container(host, container)
    if seen is None:
        return state
    before = endpoint_of(seen, endpoint.network)
    asked = endpoint if before is None else lay(before.spec, endpoint)
    fields = {name: value for name, value in asked.model_dump().items() if value is not None}
    after = Endpoint.model_validate({**fields, "hardware": asked.mac or ""})
    others = _without(seen, endpoint.network)
    return with_container(state, others.model_copy(update={"endpoints": (*others.endpoints, after)}), host)


def _without(seen: Container, network: str) -> Container:
    return seen.model_copy(update={"endpoints": tuple(one for one in seen.endpoints if one.network != network)})
