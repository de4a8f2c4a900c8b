"""What a verification asks of each host: as much for many hosts as for few, and nothing that serves no question."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.service import PublishedPort, ServiceSpec
from swarmnet.model.verification import Level
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.simulated_probe import Paths
from tests.support.verified_world import run, world_to_verify

if TYPE_CHECKING:
    from tests.simulator import World

QUICK = VerifyOptions(tuple(one for one in ALL if one.level is Level.QUICK))
PAIRS = VerifyOptions(tuple(one for one in ALL if one.name in ("icmp", "udp", "tcp")))


def requests_of_a_worker(workers: int, wish: VerifyOptions) -> Counter[tuple[str, str]]:
    """Return what the last worker is asked, by verb; images and containers by name are one."""
    world = world_to_verify(workers)
    Paths(world)
    world.requests.clear()
    result = run(world, wish)
    assert result.status is Status.OK
    assert {len(matrix.hosts) for matrix in result.matrices} == {workers + 1}
    return Counter((one.host, one.verb) for one in world.requests if one.host == "w2")


def test_a_host_is_asked_as_often_among_twelve_as_among_three() -> None:
    assert requests_of_a_worker(2, PAIRS) == requests_of_a_worker(11, PAIRS)


def test_all_pairs_of_a_host_are_one_round_of_one_dialogue() -> None:
    asked = requests_of_a_worker(11, PAIRS)
    assert asked["w2", "dialogue"] == 2  # attached, and asked once


def observers(world: World) -> set[str]:
    run(world, QUICK)
    started = (one for one in world.requests if one.verb == "container.start")
    return {one.host for one in started if one.target.startswith("swarmnet-observer")}


def test_quick_checks_start_observers_only_where_a_service_publishes_a_port() -> None:
    world = world_to_verify()
    Paths(world)
    assert observers(world) == set()
    world.engine("m1").services.create(ServiceSpec(name="web", image="web:1", ports=(PublishedPort(target=80),)))
    world.settle()
    assert observers(world) == {"m1", "w1", "w2"}


def test_each_host_is_asked_for_the_image_once_a_run() -> None:
    world = world_to_verify()
    Paths(world)
    world.requests.clear()
    run(world, VerifyOptions(ALL))
    assert Counter(one.host for one in world.requests if one.verb == "image.pull") == Counter(("m1", "w1", "w2"))
