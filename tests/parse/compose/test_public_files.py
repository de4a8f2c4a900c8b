"""Twelve stack files as public ones are: nothing of them is refused, and a second plan of each is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.operations.content.source import ContentSource
from swarmnet.operations.playbook import Playbook, with_contents
from swarmnet.operations.written import WrittenStep
from swarmnet.parse.compose.playbook import with_stacks
from swarmnet.parse.compose.stack import Files, Order, convert
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.write import playbook_text
from swarmnet.plan.build import build
from tests.simulator import World
from tests.support.simulated_state import run, seen
from tests.support.stacks import ENVIRONMENT, NAMES, STACKS

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan

CONTENTS = LocalContents(ENVIRONMENT)
OTHERS = """\
schema: 1
name: others
steps:
  - swarm: {}
  - network: {name: public}
  - config: {name: settings_v3, exact: true, from: {text: x}}
  - secret: {name: files_admin_v2, exact: true, from: {env: DB_PASS}}
"""
"""What the external networks, configs and secrets of the files are."""


def read(path: str) -> bytes:
    return CONTENTS.read(ContentSource(file=path), folder=str(STACKS))


def site(*steps: str) -> Playbook:
    text = "\n".join([OTHERS.rstrip(), *steps])
    playbook = with_stacks(parse_playbook(text.encode(), str(STACKS / "p.yml")), read, ENVIRONMENT)
    return with_contents(playbook, CONTENTS)


def planned(world: World, playbook: Playbook) -> Plan:
    return build(playbook, seen(world), world.inventory)


def test_there_are_twelve() -> None:
    assert len(NAMES) == 12


@pytest.mark.parametrize("name", NAMES)
def test_a_public_stack_file_is_deployed_and_a_second_plan_is_empty(name: str) -> None:
    world = World(managers=1, workers=2)
    playbook = site(f"  - stack: {{file: {name}.yml, name: {name}}}")

    run(world, planned(world, playbook))

    assert [action for action in planned(world, playbook).actions if not action.always] == []
    services = [one.spec for one in seen(world).services]
    assert services
    assert {one.labels["com.docker.stack.namespace"] for one in services} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_its_converted_playbook_plans_nothing_after_the_step_and_the_step_nothing_after_it(name: str) -> None:
    found = convert(Order((f"{name}.yml",), name), Files(read), ENVIRONMENT)
    steps = [WrittenStep(one.kind, one.arguments, together=one.together) for one in found.steps]
    text, _begins = playbook_text(name, steps)
    book = site(*text.partition("steps:\n")[2].splitlines())
    stack = site(f"  - stack: {{file: {name}.yml, name: {name}}}")

    for first, second in ((book, stack), (stack, book)):
        world = World(managers=1, workers=2)
        run(world, planned(world, first))
        assert planned(world, second).actions == ()


def test_all_twelve_are_read_by_the_official_schema() -> None:
    check = Draft202012Validator(get_builtin_schema("vendor.compose-spec"))
    for name in NAMES:
        document = yaml.safe_load((STACKS / f"{name}.yml").read_text(encoding="utf-8"))
        assert [error.message for error in check.iter_errors(document)] == [], name
