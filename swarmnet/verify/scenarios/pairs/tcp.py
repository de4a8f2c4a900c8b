"""Scenario: every host's probe carries 1 MiB to every other one by TCP, checksum included."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.verify.scenarios.pairs.matrix import MatrixScenario


class TcpMatrix(MatrixScenario):
    """1 MiB between all ordered pairs: full-size packets, so a wrong MTU or a broken offload shows."""

    name: ClassVar[str] = "tcp"
    summary: ClassVar[str] = "TCP, 1 MiB with SHA-256, between all ordered pairs of hosts"
    kind: ClassVar[str] = "tcp"
