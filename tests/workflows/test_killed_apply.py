"""An apply whose process is killed after any write: nothing is given back, and the next one makes the cluster whole."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.model.lock import LOCK_NAME
from swarmnet.operations.playbook import with_contents
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.build import build
from swarmnet.workflows.apply import apply
from tests.simulator import World
from tests.simulator.world import Request
from tests.support.goals import SITE, goal, operator, terms

if TYPE_CHECKING:
    from swarmnet.workflows.apply import Goal

PLAYBOOK = (
    SITE.replace("  - swarm: {}\n", "  - swarm: {}\n  - node: {labels: {site: main}}\n")
    + """\
  - network: {name: local, driver: bridge, subnets: [{subnet: 172.29.7.0/24}]}
    on: m1
  - config: {name: page, from: {env: WORD}}
  - secret: {name: word, from: {env: WORD}}
  - service: {name: web, image: "story:1", networks: [front], secrets: [word]}
"""
)
MANY = 100
WRITES = 12
"""What is written at least: see the story of the same name on real engines."""


class Killed(BaseException):
    """The process ends at this point: no handler of errors sees it."""


class LastRequests(list[Request]):
    """The requests of a process that dies after so many writes: neither it nor its clean-up asks for anything more."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    def append(self, request: Request, /) -> None:
        if not self.left:
            raise Killed
        self.left -= request.is_write
        super().append(request)


def wanted(world: World) -> Goal:
    playbook = with_contents(parse_playbook(PLAYBOOK.encode(), "site.yml"), LocalContents({"WORD": "hush"}))
    plan = partial(build, playbook, inventory=world.inventory)
    return replace(goal(world.inventory, PLAYBOOK), make_plan=plan)


def world_after(writes: int) -> tuple[World, bool]:
    """Return a world in which an apply was killed after so many writes, and whether it had any left to do."""
    world = World(managers=1, workers=1)
    for machine in world.machines.values():
        machine.images.add("story:1")
    world.requests = LastRequests(writes)
    killed = True
    with contextlib.suppress(Killed):
        apply(world.ports(), wanted(world), terms())
        killed = False
    world.requests = []
    return world, killed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_wherever_an_apply_is_killed_the_next_one_makes_the_cluster_whole() -> None:
    kills, killed = 0, True
    for writes in range(MANY):
        world, killed = world_after(writes)
        again = replace(terms(), operator=operator("next", alive=False))

        report = apply(world.ports(), wanted(world), again)

        assert (report.failed, report.pending) == (False, ()), writes
        store = world.store("m1")
        networks = [net.spec.name for net in store.networks.values()]
        assert sorted(networks) == ["back", "front", "ingress"], writes
        assert [node.spec.labels for node in world.engine("m1").nodes.list()] == [{"site": "main"}] * 2, writes
        assert [one.spec.name for one in world.engine("m1").services.list()] == ["web"], writes
        assert LOCK_NAME not in {one.spec.name for one in world.engine("m1").configs.list()}, writes
        assert [file for machine in world.machines.values() for file in machine.lock_files] == [], writes
        kills += killed
        if not killed:
            break

    assert not killed
    assert kills >= WRITES
