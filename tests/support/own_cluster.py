"""One Swarm on hosts with kernels of their own, shared by the tests of what only works there: mesh and encryption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.commands import Operator
from tests.support.docker_view import lines
from tests.support.labs import fresh_name
from tests.support.waiting import soon

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

    def heal(self) -> None:
        """Take every fault back, and wait until each manager names the same leader and all nodes are ready.

        A manager that was cut off comes back with a higher term than the others': the leader steps down, and it cannot
        be elected itself, for its log is old. So there may be several rounds of ten to twenty seconds (seen: 71 s).
        """
        self.lab.heal_all()
        assert soon(self._is_well), [self._members(host.name) for host in self.lab.hosts]

    def _is_well(self) -> bool:
        members, *others = (self._members(host.name) for host in self.lab.hosts)
        states = sorted(line.split(" ", 1)[1] for line in members)
        return states == ["Ready Leader", "Ready Reachable", "Ready Reachable"] and others == [members, members]

    def _members(self, host: str) -> list[str]:
        return lines(self.lab, host, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}")


@pytest.fixture(scope="session")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCluster]:
    """Bring the cluster up once for the whole run (about a minute)."""
    operator = Operator(tmp_path_factory.mktemp("own"))
    spec = LabSpec(name=fresh_name(), hosts=3, engines=("26.1", "20.10", "28.5"), kernels=("own",))
    with Lab.up(spec) as lab:
        make_image(lab, IMAGE)
        inventory = str(lab.record.inventory)
        operator.types("apply", str(PLAYBOOK), "-i", inventory, "--yes")
        cluster = OwnCluster(lab, operator, inventory)
        cluster.heal()
        yield cluster


@pytest.hookimpl(trylast=True)  # after the fixtures of the test and its module
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Take the cluster down after the last test that uses it: idle kernels cost the tests that follow."""
    if uses_own_cluster(item) and not uses_own_cluster(nextitem):
        cluster = item.funcargs.get("own_cluster")
        if isinstance(cluster, OwnCluster):
            cluster.lab.down()


def uses_own_cluster(item: pytest.Item | None) -> TypeGuard[pytest.Function]:
    """Return whether a test needs the cluster, itself or through another fixture."""
    return isinstance(item, pytest.Function) and "own_cluster" in item.fixturenames
