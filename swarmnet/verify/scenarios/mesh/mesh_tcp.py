"""Scenario: a TCP port that the routing mesh publishes answers on every node, also where no task is."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.verify.scenarios.mesh.mesh import MeshScenario


class MeshTcp(MeshScenario):
    """TCP, each connection a fresh one."""

    name: ClassVar[str] = "mesh-tcp"
    summary: ClassVar[str] = "a TCP port of the routing mesh answers on every node, from inside and from here"
    protocol: ClassVar[str] = "tcp"
