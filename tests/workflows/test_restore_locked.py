"""B16: a restore onto managers that are locked says so at once, with the command that unlocks them."""

from __future__ import annotations

import pytest

from swarmnet.errors import IncompleteError
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import prepare
from tests.simulator import World
from tests.workflows.test_restore_choices import HOSTS, Story


def test_b16_locked_managers_are_named_at_once() -> None:
    world = World(inventory=HOSTS)
    world.bootstrap(SwarmSpec(autolock=True))
    world.kill("m1")
    world.revive("m1")
    restore = Story().restore()
    begun = world.clock.monotonic()
    with pytest.raises(IncompleteError, match="m1 is locked") as raised:
        prepare(world.ports(), restore.goal(Permissions()))
    assert "swarmnet unlock" in str(raised.value.hint)
    assert world.clock.monotonic() - begun < 10
