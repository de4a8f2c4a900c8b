"""When a look at a cluster is worth a second one."""

from __future__ import annotations

import pytest

from swarmnet.errors import IncompleteError
from swarmnet.model.events import Progress
from swarmnet.workflows.fleet.observe import EVERYTHING
from swarmnet.workflows.fleet.settle import SETTLE_LIMIT, observe_settled
from tests.simulator import World
from tests.support.goals import run


def swarm() -> World:
    world = World(managers=3, workers=1)
    world.bootstrap()
    return world


def test_a_settled_cluster_is_looked_at_once() -> None:
    world = swarm()

    observe_settled(world.ports(), EVERYTHING)

    assert [request.host for request in world.requests if request.verb == "facts"].count("w1") == 1
    assert world.clock.monotonic() == 0


def test_an_election_is_waited_for_and_reported() -> None:
    world = swarm()
    reported: list[str] = []
    for host in ("m2", "m3"):
        world.stop_engine(host)

    def revive() -> None:
        if world.clock.monotonic() > SETTLE_LIMIT / 2:
            world.start_engine("m2")

    world.clock.on_tick = revive
    # A manager without a leader, while most of the inventory's managers answer: m1 alone is not a majority.
    one = world.inventory.model_copy(update={"hosts": world.inventory.hosts[:1]})
    ports = world.ports(
        one, listener=lambda event: reported.append(event.text) if isinstance(event, Progress) else None
    )

    state = observe_settled(ports, EVERYTHING)

    assert state.swarm is not None
    assert reported == [
        "waiting up to 30 s: m1 have no leader; a majority of the managers answers, so they will elect one"
    ]


def test_a_lost_majority_is_not_waited_for() -> None:
    world = swarm()
    for host in ("m2", "m3"):
        world.kill(host)

    with pytest.raises(IncompleteError, match="no quorum: start m2 and m3"):
        run(world)

    assert world.clock.monotonic() == 0
