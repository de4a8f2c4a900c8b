"""Scenario: every host's probe gets its nonce back from every other one, by UDP."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.verify.scenarios.pairs.matrix import MatrixScenario


class UdpMatrix(MatrixScenario):
    """Datagrams between all ordered pairs, each with a nonce and the answering host's name."""

    name: ClassVar[str] = "udp"
    summary: ClassVar[str] = "UDP with a nonce between all ordered pairs of hosts"
    kind: ClassVar[str] = "udp"
