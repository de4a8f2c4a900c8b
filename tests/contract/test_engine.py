"""Real engines of all three versions keep the contract, reached over SSH as operators reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import Session
from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from swarmnet.model.hosts import Role
from swarmnet.model.ports import JoinAddress
from swarmnet.model.swarm import SwarmSpec
from swarmnet.parse.inventory import parse_inventory
from tests.contract.containers import ContainerContract
from tests.contract.control import ControlContract
from tests.contract.images import ImageContract
from tests.contract.labels import LabelContract
from tests.contract.networks import NetworkContract
from tests.contract.suite import IMAGE, Cluster, EngineContract
from tests.contract.updates import UpdateContract
from tests.contract.volumes import PluginContract, VolumeContract
from tests.support.labs import fresh_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.edge.engine.client import StreamLike

CLOCK = SystemClock()


def make_engine(host: str, open_stream: Callable[[], StreamLike]) -> Engine:
    return Engine(host, open_stream, CLOCK)


@pytest.fixture(scope="class", params=["20.10", "26.1", "28.5"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Two hosts in a swarm: made once for each version, about 4 s."""
    with Lab.up(LabSpec(name=fresh_name(), hosts=2, engines=(str(request.param),))) as lab:
        make_image(lab, IMAGE)
        path = lab.inventory
        inventory = parse_inventory(path.read_bytes(), name=str(path), folder=path.parent).inventory
        with Session(inventory, make_engine, start_inside) as session:
            manager, worker = (session.engine(host.name) for host in lab.hosts)
            addresses = [host.address for host in lab.hosts]
            manager.init_swarm(SwarmSpec(), JoinAddress(str(addresses[0])))
            token = manager.join_token(Role.WORKER)
            worker.join_swarm(JoinAddress(str(addresses[1])), remote=f"{addresses[0]}:2377", token=token)
            with Cluster.of(manager, worker, CLOCK) as made:
                yield made


@pytest.mark.lab
class TestRealEngine(
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
    """One swarm a version; see the suite."""
