"""Scenario: a UDP port that the routing mesh publishes answers on every node, also where no task is."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.verify.scenarios.mesh.mesh import MeshScenario


class MeshUdp(MeshScenario):
    """UDP, each datagram from a port of its own: the balancer keeps clients by address and port for 300 s."""

    name: ClassVar[str] = "mesh-udp"
    summary: ClassVar[str] = "a UDP port of the routing mesh answers on every node, from inside and from here"
    protocol: ClassVar[str] = "udp"
