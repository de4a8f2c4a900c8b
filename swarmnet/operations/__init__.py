"""Playbook operations: one file each, registered in ``ALL``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.operations.command import CommandOperation
from swarmnet.operations.config import ConfigOperation
from swarmnet.operations.network import NetworkOperation
from swarmnet.operations.node import NodeOperation
from swarmnet.operations.secret import SecretOperation
from swarmnet.operations.service import ServiceOperation
from swarmnet.operations.swarm import SwarmOperation

if TYPE_CHECKING:
    from swarmnet.operations.interface import Operation

ALL: tuple[type[Operation], ...] = (
    SwarmOperation,
    NodeOperation,
    NetworkOperation,
    ConfigOperation,
    SecretOperation,
    ServiceOperation,
    CommandOperation,
)
"""Every operation that a playbook may use."""

BY_NAME = {operation.name_in_playbook: operation for operation in ALL}
