"""The real engine of one host: implements ``EnginePort`` with docker-py over streams that SSH opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from swarmnet.edge.engine_containers import EngineContainers
from swarmnet.edge.engine_dialogue import EngineDialogues
from swarmnet.edge.engine_swarm import EngineSwarm
from swarmnet.edge.wire_engine import facts_from_wire

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.state import EngineFacts


class Engine(EngineSwarm, EngineContainers, EngineDialogues):
    """One engine, ``Engine(host, open_stream, clock)``; connects at the first request. Threads may share it.

    Raises:
        EngineError: and its kinds, for what the engine refuses.
        UnreachableError: the stream broke.
        HostTimeoutError: the engine did not answer in time.
    """

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself and of its swarm membership."""
        with self._asking("look at the engine"):
            client = self._client()
            return facts_from_wire(cast("JsonObject", client.info()), client.api_version)

    def close(self) -> None:
        """Close the connections to the engine; the next request opens new ones."""
        self._api.close()
