"""Scenario: what the manager accepted was allocated."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.model.report import Status
from swarmnet.scenarios import places
from swarmnet.scenarios.control import ControlScenario
from swarmnet.scenarios.interface import Answers, Findings, Scene


class NetworksAllocated(ControlScenario):
    """Every tested network has addresses and a VNI; the engine answers 201 for networks it then cannot allocate."""

    name: ClassVar[str] = "allocation"
    summary: ClassVar[str] = "every tested network has its subnet and VNI"

    def judge(self, scene: Scene, _answers: Answers) -> Findings:
        """Return one verdict for all, or one for each network that waits for its allocation."""
        bad = [
            self.verdict(
                f"network {network.spec.name}",
                Status.FAILED,
                f"network {network.spec.name} was accepted but never allocated",
                "its subnet overlaps another one or the address pool is used up: make it again with a free subnet",
            ).model_copy(update={"broken": frozenset((places.allocated(network.spec.name),))})
            for network in scene.networks
            if not network.allocated
        ]
        if not scene.networks:
            bad = [self.verdict("networks", Status.INCONCLUSIVE, "there is no network to test")]
        fine = self.verdict("networks", Status.OK, f"all {len(scene.networks)} tested networks are allocated")
        return Findings(tuple(bad) or (fine,))
