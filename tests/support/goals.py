"""Goals and terms for workflow tests: a playbook's text on a simulated world, answered without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

from swarmnet.errors import RefusedError
from swarmnet.model.lock import Operator
from swarmnet.operations.playbook import containers, key_file, needs, with_contents
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.build import build
from swarmnet.plan.guard import Permissions
from swarmnet.workflows.apply import Goal, Prepared, Terms, apply
from swarmnet.workflows.fleet.observe import Look

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import ApplyReport
    from swarmnet.operations.content.source import Contents
    from tests.simulator import World

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [{subnet: 10.20.0.0/24}]}
  - network: {name: back, attachable: true, subnets: [{subnet: 10.21.0.0/24}]}
"""


@dataclass
class Switch:
    """A ``Stop`` that tests pull."""

    requested: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing to give back."""


@dataclass
class Yes:
    """A ``Consent`` that agrees and remembers what it was asked."""

    shown: list[Prepared] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)
    """Whether the plan had changed, for each question."""

    def show(self, prepared: Prepared) -> None:
        self.shown.append(prepared)

    def ask(self, prepared: Prepared, *, changed: bool) -> None:
        assert prepared is self.shown[-1]
        self.asked.append(changed)


class No(Yes):
    """Answers as an operator who types anything but the cluster's name."""

    def ask(self, prepared: Prepared, *, changed: bool) -> None:
        raise RefusedError(f"the answer was not {prepared.plan.cluster} (changed: {changed})")


def operator(run: str = "t1", *, machine: str = "laptop", alive: bool = True) -> Operator:
    return Operator(user="ann", machine=machine, pid=4711, is_alive=lambda _pid: alive, token=run)


def goal(
    inventory: Inventory, text: str = SITE, permissions: Permissions | None = None, *, contents: Contents | None = None
) -> Goal:
    playbook = parse_playbook(text.encode(), "site.yml")
    playbook = playbook if contents is None else with_contents(playbook, contents)
    return Goal(
        make_plan=partial(build, playbook, inventory=inventory),
        look=Look(needs=needs(playbook, inventory), made=containers(playbook), unlock_key_file=key_file(playbook)),
        permissions=permissions or Permissions(),
        command="apply site.yml",
    )


def terms(stop: Switch | None = None, consent: Yes | None = None) -> Terms:
    return Terms(consent=consent or Yes(), operator=operator(), stop=stop or Switch())


def run(world: World, text: str = SITE, *, ports: Ports | None = None) -> ApplyReport:
    """Apply a playbook to a world, every question answered with yes."""
    return apply(ports or world.ports(), goal(world.inventory, text), terms())
