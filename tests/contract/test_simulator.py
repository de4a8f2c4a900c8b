"""The simulator keeps the contract."""

from __future__ import annotations

import pytest

from tests.contract.suite import IMAGE, MISSING, Cluster, EngineContract
from tests.contract.updates import UpdateContract
from tests.simulator import World


class TestSimulatedEngine(UpdateContract, EngineContract):
    @pytest.fixture
    def cluster(self) -> Cluster:
        world = World(managers=1, workers=1)
        world.bootstrap()
        world.missing_images.add(MISSING)
        for machine in world.machines.values():
            machine.images.add(IMAGE)
        return Cluster(world.engine("m1"), world.engine("w1"), world.clock)
