"""One Swarm on hosts with kernels of their own, shared by the tests of what only works there: mesh and encryption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.labs import fresh_name
from tests.stories.commands import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "own:1"
PLAYBOOK = Path(__file__).with_name("own_cluster.yml")


@dataclass(frozen=True)
class OwnCluster:
    """Three hosts, one of each engine version, in one swarm: m1 (26.1), m2 (20.10), m3 (28.5).

    It has what ``own_cluster.yml`` names. Tests leave it as they found it: faults healed, their own networks,
    services and containers removed.
    """

    lab: Lab
    operator: Operator
    inventory: str


@pytest.fixture(scope="session")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCluster]:
    """Bring the cluster up once for the whole run (about a minute)."""
    operator = Operator(tmp_path_factory.mktemp("own"))
    spec = LabSpec(name=fresh_name(), hosts=3, engines=("26.1", "20.10", "28.5"), kernels=("own",))
    with Lab.up(spec) as lab:
        make_image(lab, IMAGE)
        inventory = str(lab.record.inventory)
        operator.types("apply", str(PLAYBOOK), "-i", inventory, "--yes")
        yield OwnCluster(lab, operator, inventory)
