"""What ``rotate`` promises, on simulated engines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import EngineError, RefusedError
from swarmnet.model.hosts import Host, Role
from swarmnet.model.ports import JoinAddress
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.plan.rotate import rotated_ca, rotated_tokens, rotated_unlock_key
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look
from tests.simulator import World
from tests.support.goals import terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.plan import Plan
    from swarmnet.model.report import ApplyReport


def carry_out(world: World, planner: Callable[..., Plan]) -> ApplyReport:
    goal = Goal(partial(planner, inventory=world.inventory), Look(), Permissions(), "rotate")
    report = apply(world.ports(), goal, terms())
    assert not report.failed, report
    return report


def test_an_old_token_is_refused_and_a_new_one_is_accepted() -> None:
    world = World(managers=3)
    world.bootstrap()
    engine, new = world.engine("m1"), Host(name="x1", address="192.168.9.50")
    world.add(new)
    old, address = engine.join_token(Role.WORKER), JoinAddress("192.168.9.50")
    remote = f"{world.machines['m1'].address}:2377"

    carry_out(world, rotated_tokens)

    with pytest.raises(EngineError, match="invalid join token"):
        world.engine("x1").join_swarm(address, remote=remote, token=old)
    world.engine("x1").join_swarm(address, remote=remote, token=engine.join_token(Role.WORKER))


def test_every_node_trusts_the_new_ca() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    before = world.engine("m1").swarm().ca_digest

    carry_out(world, rotated_ca)

    after = world.engine("m1").swarm().ca_digest
    assert after != before
    assert {node.ca_digest for node in world.engine("m1").nodes.list()} == {after}


def test_a_ca_is_not_rotated_while_a_node_is_down() -> None:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.stop_engine("w1")
    world.clock.sleep(60)

    with pytest.raises(RefusedError, match="w1 is not ready"):
        carry_out(world, rotated_ca)


def test_the_new_unlock_key_is_in_the_file_alone() -> None:
    world = World(managers=3)
    world.bootstrap(SwarmSpec(autolock=True))
    old = world.engine("m1").unlock_key()

    report = carry_out(world, partial(rotated_unlock_key, "/keys/new"))

    new = world.operator_files["/keys/new"]
    assert new == world.engine("m2").unlock_key() != old
    assert new.reveal().decode() not in report.model_dump_json()


def test_a_swarm_without_autolock_has_no_key_to_rotate() -> None:
    world = World(managers=1)
    world.bootstrap()
    with pytest.raises(RefusedError, match="autolock is off"):
        carry_out(world, partial(rotated_unlock_key, "/keys/new"))
