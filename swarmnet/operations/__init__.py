"""Playbook operations: one file each, registered in ``BY_NAME``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.operations.kind import Operation


class _Operations(Mapping[str, "type[Operation]"]):
    """Operations by the word of their step; each is loaded when it is first asked for."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, word: str) -> type[Operation]:
        module, _, name = self._places[word].partition(":")
        return cast("type[Operation]", getattr(import_module(f"{__name__}.{module}"), name))

    def __contains__(self, word: object) -> bool:
        return word in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


BY_NAME: Mapping[str, type[Operation]] = _Operations(
    {
        "swarm": "swarm.operation:SwarmOperation",
        "node": "swarm.node:NodeOperation",
        "docker_gwbridge": "network.mesh:GatewayOperation",
        "ingress": "network.mesh:IngressOperation",
        "network": "network.operation:NetworkOperation",
        "config": "content.config:ConfigOperation",
        "secret": "content.secret:SecretOperation",
        "volume": "volume.operation:VolumeOperation",
        "image": "image.operation:ImageOperation",
        "container": "container.operation:ContainerOperation",
        "connect": "container.connect:ConnectOperation",
        "service": "service.operation:ServiceOperation",
        "stack": "stack:StackOperation",
        "command": "command:CommandOperation",
        "wait": "wait:WaitOperation",
        "expect": "expect.operation:ExpectOperation",
    }
)
"""Every operation that a playbook may use, in the order of the reference. A playbook loads those of its steps."""
