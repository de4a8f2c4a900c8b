"""A playbook's text, to its plan."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.build import build

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.playbook import Playbook


def book(steps: str) -> Playbook:
    text = "schema: 1\nname: test\nsteps:\n" + dedent(steps).strip("\n")
    return parse_playbook(text.encode(), "p.yml")


def plan(steps: str, state: ClusterState, hosts: Inventory) -> Plan:
    return build(book(steps), state, hosts)


def refusal(steps: str, state: ClusterState, hosts: Inventory) -> str:
    try:
        plan(steps, state, hosts)
    except DocumentError as error:
        return str(error)
    raise AssertionError("the playbook was accepted")


def reported(made: Plan) -> list[str]:
    return [f"{action.kind} {action.target}" for action in made.actions]
