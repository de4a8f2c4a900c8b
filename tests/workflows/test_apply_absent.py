"""An apply without a host that does not answer proves nothing of it, whatever its steps are (G5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ExitCode
from swarmnet.operations import BY_NAME
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import apply, prepare
from tests.simulator import World
from tests.support.goals import goal, run, terms
from tests.support.reports import apply_json, apply_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulator.machine import Machine

HEAD, SWARM = "schema: 1\nname: site\nsteps:\n", "  - swarm: {}\n"
STEPS = {
    "swarm": SWARM,
    "docker_gwbridge": "  - docker_gwbridge: {mtu: 1400}\n    on: w1\n" + SWARM,
    "node": SWARM + "  - node: {labels: {a: b}}\n    on: w1\n",
    "network": SWARM + "  - network: {name: own, driver: bridge, subnets: [{subnet: 10.23.0.0/24}]}\n    on: w1\n",
    "volume": SWARM + "  - volume: {name: data, options: {type: tmpfs}}\n    on: w1\n",
    "image": SWARM + "  - image: {name: 'i:1'}\n    on: w1\n",
    "container": SWARM + "  - container: {name: legacy, image: 'i:1'}\n    on: w1\n",
    "connect": SWARM + "  - connect: {container: legacy, network: own, absent: true}\n    on: w1\n",
    "command": SWARM + "  - command: {argv: [make-it], unless: [is-made]}\n    on: w1\n",
}
"""The kinds of steps that do something on hosts."""
OF_THE_CLUSTER = frozenset({"service", "config", "ingress", "wait", "stack", "secret", "expect"})
"""The kinds of steps that ask managers only: a worker that does not answer hides nothing of them."""


def applied(steps: str) -> World:
    world = World(managers=1, workers=1)
    for machine in world.machines.values():
        machine.programs |= {"make-it": fine, "is-made": fine}
    run(world, HEAD + steps)
    return world


def fine(_machine: Machine, _argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    return 0, b"", b""


def test_every_kind_of_step_is_tried_without_a_host() -> None:
    assert STEPS.keys() | OF_THE_CLUSTER == {one.name_in_playbook for one in BY_NAME.values()}


@pytest.mark.parametrize("lost", ["no power", "no engine"])
@pytest.mark.parametrize("kind", STEPS)
def test_nothing_is_called_up_to_date_without_a_host_and_the_step_is_named(kind: str, lost: str) -> None:
    world = applied(STEPS[kind])
    (world.kill if lost == "no power" else world.stop_engine)("w1")
    world.settle()
    allowed = goal(world.inventory, HEAD + STEPS[kind], Permissions(allow_missing=True))

    report = apply(world.ports(), allowed, terms())
    plan = prepare(world.ports(), allowed).plan

    assert report.exit_code == ExitCode.INCOMPLETE
    assert apply_json(report)["proved"] is False
    assert "nothing to change on the hosts that answer; w1 does not answer, so their state is unknown" in apply_text(
        report
    )
    line = 4 if kind in ("swarm", "docker_gwbridge") else 5
    reported = f"site.yml:{line}:5: w1 does not answer: what this step would do there is unknown, and is not done"
    assert reported in plan.warnings
