"""The kinds of objects that comparing, pruning, restoring and resetting loop over: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmnet.model.kind import RemovableKind
from swarmnet.operations.container.kind import ContainerKind
from swarmnet.operations.content.kinds import ConfigKind, SecretKind
from swarmnet.operations.network.kind import NetworkKind
from swarmnet.operations.service.kind import ServiceKind
from swarmnet.operations.swarm.kind import NodeKind
from swarmnet.operations.volume.kind import VolumeKind

if TYPE_CHECKING:
    from swarmnet.model.kind import Kind

KINDS: tuple[Kind[Any], ...] = (
    NodeKind(),
    ServiceKind(),
    ContainerKind(),
    NetworkKind(),
    ConfigKind(),
    SecretKind(),
    VolumeKind(),
)
"""In the order in which they are compared and removed: users before what they use."""

REMOVABLE: dict[str, RemovableKind[Any]] = {kind.word: kind for kind in KINDS if isinstance(kind, RemovableKind)}
"""By their word."""
