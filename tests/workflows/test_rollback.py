"""What ``rollback`` promises, on simulated engines."""

from __future__ import annotations

import pytest

from swarmnet.errors import RefusedError, UsageError
from swarmnet.workflows.apply import apply
from swarmnet.workflows.rollback import rollback
from tests.simulator import World
from tests.support.goals import run, terms

PLAYBOOK = 'schema: 1\nname: s\nsteps:\n  - swarm: {{}}\n  - service: {{name: web, image: "nginx:{tag}"}}\n'


def test_a_service_is_as_before_its_last_update_and_a_second_look_finds_nothing_to_do() -> None:
    world = World(managers=1)
    run(world, PLAYBOOK.format(tag=1))
    run(world, PLAYBOOK.format(tag=2))
    ports = world.ports()

    report = apply(ports, rollback(ports, "web"), terms())

    assert (report.failed, report.pending) == (False, ())
    assert [one.spec.image for one in world.engine("m1").services.list()] == ["nginx:1"]
    assert {one.state for one in world.engine("m1").tasks() if one.desired_state == "running"} == {"running"}


def test_a_service_that_was_never_updated_has_nothing_to_go_back_to() -> None:
    world = World(managers=1)
    run(world, PLAYBOOK.format(tag=1))
    ports = world.ports()

    with pytest.raises(RefusedError, match="keeps no earlier version of service web"):
        rollback(ports, "web")
    with pytest.raises(UsageError, match="no service 'wbe'"):
        rollback(ports, "wbe")
