"""Playbook operations: one file each, registered in ``ALL``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.operations.command import CommandOperation
from swarmnet.operations.container.connect import ConnectOperation
from swarmnet.operations.container.operation import ContainerOperation
from swarmnet.operations.content.config import ConfigOperation
from swarmnet.operations.content.secret import SecretOperation
from swarmnet.operations.network.mesh import GatewayOperation, IngressOperation
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.operations.stack import StackOperation
from swarmnet.operations.swarm.node import NodeOperation
from swarmnet.operations.swarm.operation import SwarmOperation
from swarmnet.operations.volume.operation import VolumeOperation
from swarmnet.operations.wait import WaitOperation

if TYPE_CHECKING:
    from swarmnet.operations.kind import Operation

ALL: tuple[type[Operation], ...] = (
    SwarmOperation,
    NodeOperation,
    GatewayOperation,
    IngressOperation,
    NetworkOperation,
    ConfigOperation,
    SecretOperation,
    VolumeOperation,
    ContainerOperation,
    ConnectOperation,
    ServiceOperation,
    StackOperation,
    CommandOperation,
    WaitOperation,
)
"""Every operation that a playbook may use."""

BY_NAME = {operation.name_in_playbook: operation for operation in ALL}
