"""The simulator keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.containers import ContainerContract
from tests.contract.control import ControlContract
from tests.contract.images import ImageContract
from tests.contract.labels import LabelContract
from tests.contract.networks import NetworkContract
from tests.contract.suite import IMAGE, MISSING, Cluster, EngineContract
from tests.contract.updates import UpdateContract
from tests.contract.volumes import PluginContract, VolumeContract
from tests.simulator import World

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestSimulatedEngine(
    PluginContract,
    LabelContract,
    ControlContract,
    UpdateContract,
    NetworkContract,
    VolumeContract,
    ImageContract,
    ContainerContract,
    EngineContract,
):
    @pytest.fixture(params=["28.5", "29"])
    def cluster(self, request: pytest.FixtureRequest) -> Iterator[Cluster]:
        world = World(managers=1, workers=1)
        for machine in world.machines.values():
            machine.run_engine(request.param)
        world.bootstrap()
        world.missing_images.add(MISSING)
        for machine in world.machines.values():
            machine.images.add(IMAGE)
        with Cluster.of(world.engine("m1"), world.engine("w1"), world.clock) as made:
            yield made
