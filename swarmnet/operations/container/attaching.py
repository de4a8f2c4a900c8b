"""Put a container on networks of the swarm: the one wait of all steps that start or connect one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import NotAttachedError, NotFoundError
from swarmnet.model.clock import wait_until
from swarmnet.model.ports import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import Container

ATTACH_LIMIT = 60.0
"""Seconds for managers to attach a container, and for its node to find its networks; each network may add to it."""
_A_NETWORK = 20.0
"""Seconds that an engine waits for its managers, network by network."""


def start_attached(ports: Ports, host: str, container: str, name: str) -> None:
    """Start a container, again if need be.

    Engines from 25 on join the networks of a container in any order, and refuse the start unless they know the one
    that its ``NetworkMode`` names by then; a node knows it once a container of its own is there. So a start of one that
    ``docker run`` made on several networks of the swarm succeeds by chance (seen on 26.1 and 28.5, on managers, too).

    Args:
        ports: the world.
        host: where the container is.
        container: its name or id.
        name: what people call it.

    Raises:
        ConvergenceError: no attempt succeeded in time; the message has the engine's last words.
        NotFoundError: the container is gone.
    """
    engine = ports.engine(host)
    seen = next((one for one in engine.containers() if container in (one.id, one.name)), None)
    limit = max(ATTACH_LIMIT, _A_NETWORK * len(seen.endpoints if seen else ()))
    start = partial(engine.plain.start, container, limit)
    _until_attached(ports, host, container, start, what=f"the networks of container {name} on {host}", limit=limit)


def connect_attached(ports: Ports, host: str, container: Container, endpoint: EndpointSpec) -> None:
    """Put a container on a network, again if need be; one that does not run joins it when it starts.

    Raises:
        ConvergenceError: no attempt succeeded in time; the message has the engine's last words.
        NotFoundError: the container is gone.
    """
    engine, what = ports.engine(host), f"network {endpoint.network} of container {container.name} on {host}"
    connect = partial(engine.connect_container, container.id, endpoint)
    _until_attached(ports, host, container.id, connect, what=what, limit=ATTACH_LIMIT)


def _until_attached(
    ports: Ports, host: str, container: str, attempt: Callable[[], None], *, what: str, limit: float
) -> None:
    """Attempt until engine and managers are ready.

    Where the last container just left a network of the swarm, its node gives up its own copy of the network, and does
    not find it for a moment (seen on 26.1). Busy managers may take longer than the 20 s that a node waits for them.
    """

    def look() -> tuple[bool | None, str]:
        try:
            attempt()
        except NotFoundError as error:
            if ports.engine(host).plain.made(container) is None:
                raise
            return None, str(error)
        except NotAttachedError as error:
            return None, str(error)
        return True, "it is attached"

    wait_until(ports.clock, look, what=what, timeout=limit, tell=progress(ports))
