"""A step ``stack`` and its files: what it plans, prunes and shares with a converted playbook."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError, NoSuchFileError
from swarmnet.operations.written import WrittenStep
from swarmnet.parse.compose.playbook import with_stacks
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.write import playbook_text
from swarmnet.plan.build import build
from tests.simulator import World
from tests.support.simulated_state import run, seen
from tests.support.stacks import converted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.plan import Action
    from swarmnet.operations.playbook import Playbook

SHOP = """
services:
  web: {image: "probe:1", ports: ["8080:80"], environment: {A: 1}, deploy: {labels: [x=y]}}
  db: {image: "probe:1", container_name: base}
"""
STACK = "- swarm: {}\n- stack: {file: shop.yml, name: shop}"


def stacked(steps: str, files: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Playbook:
    def read(path: str) -> bytes:
        if path not in files:
            raise NoSuchFileError(f"no such file: {path}")
        return dedent(files[path]).lstrip("\n").encode()

    text = f"schema: 1\nname: site\nsteps:\n{steps}"
    return with_stacks(parse_playbook(text.encode(), "site/p.yml"), read, environment or {})


def planned(world: World, playbook: Playbook) -> list[tuple[str, str]]:
    plan = build(playbook, seen(world), world.inventory)
    return [(action.kind, str(action.target)) for action in plan.actions]


def applied(world: World, playbook: Playbook) -> tuple[Action, ...]:
    """Apply a playbook, insist on an empty second plan, and return what was done."""
    plan = build(playbook, seen(world), world.inventory)
    run(world, plan)
    assert planned(world, playbook) == []
    return plan.actions


def test_a_stack_is_made_and_a_second_plan_is_empty() -> None:
    world = World()

    done = applied(world, stacked(STACK, {"shop.yml": SHOP}))

    assert [str(action.target) for action in done[1:]] == [
        "network shop_default",
        "service shop_web",
        "service shop_db",
    ]
    web = seen(world).service("shop_web")
    assert web is not None
    assert web.spec.labels.items() >= {"x": "y", "com.docker.stack.namespace": "shop"}.items()


def test_what_the_file_no_longer_says_goes() -> None:
    world = World()
    applied(world, stacked(STACK, {"shop.yml": SHOP}))

    done = applied(world, stacked(STACK, {"shop.yml": 'services: {web: {image: "probe:1"}, db: {image: "probe:1"}}'}))

    assert [(one.kind, {change.path for change in one.changes}) for one in done] == [
        ("service.set", {"env.A", "ports", "labels.x"})
    ]
    web = seen(world).service("shop_web")
    assert web is not None
    assert (web.spec.env, web.spec.ports, "x" in web.spec.labels) == ({}, (), False)


def test_services_that_the_file_no_longer_has_go_only_where_the_step_prunes() -> None:
    world = World()
    applied(world, stacked(STACK, {"shop.yml": SHOP}))
    less = {"shop.yml": 'services: {web: {image: "probe:1", ports: ["8080:80"], environment: {A: 1},'}
    less = {"shop.yml": less["shop.yml"] + " deploy: {labels: [x=y]}}}"}

    assert planned(world, stacked(STACK, less)) == []
    pruning = stacked(STACK.replace("}", ", prune: true}", 2).replace("{, prune: true}", "{}"), less)
    assert planned(world, pruning) == [("stack.service", "service shop_db")]
    applied(world, pruning)
    assert seen(world).service("shop_db") is None


def test_a_scale_that_the_file_does_not_name_is_left() -> None:
    world = World()
    applied(world, stacked(STACK, {"shop.yml": SHOP}))
    scaled = {"shop.yml": SHOP.replace("container_name: base", "deploy: {replicas: 3}")}
    applied(world, stacked(STACK, scaled))

    assert planned(world, stacked(STACK, {"shop.yml": SHOP})) == []


def test_a_key_that_is_ignored_is_a_warning_of_the_plan_with_its_line() -> None:
    world = World()

    plan = build(stacked(STACK, {"shop.yml": SHOP}), seen(world), world.inventory)

    ignored = [one for one in plan.warnings if "ignored" in one]
    assert [one.partition(": tasks")[0] for one in ignored] == ["site/shop.yml:3:26: container_name: ignored"]


def test_a_converted_playbook_plans_the_same_as_the_step() -> None:
    found = converted(SHOP)
    steps = [WrittenStep(one.kind, one.arguments, together=one.together) for one in found.steps]
    text, _begins = playbook_text("shop", [WrittenStep("swarm", {}), *steps])
    world = World()
    swarm = parse_playbook(b"schema: 1\nname: s\nsteps: [{swarm: {}}]", "p.yml")
    applied(world, swarm)

    book = parse_playbook(text.encode(), "p.yml")
    as_step = build(stacked(STACK, {"shop.yml": SHOP}), seen(world), world.inventory)

    assert build(book, seen(world), world.inventory).actions == as_step.actions


@pytest.mark.parametrize(
    ("steps", "files", "said"),
    [
        (STACK, {}, "site/p.yml:5:3: no such file: shop.yml"),
        (STACK, {"shop.yml": "services: {web: {imag: x}}"}, "site/shop.yml:1:18: unknown key 'imag'"),
        (STACK, {"shop.yml": "schema: 1\nname: x\nsteps: []"}, "site/shop.yml: this is a playbook, not a Compose file"),
        (
            "- network: {name: shop_default}\n" + STACK,
            {"shop.yml": SHOP},
            "network 'shop_default' is defined twice; the first time on line 4",
        ),
        (f"{STACK}\n{STACK[11:]}", {"shop.yml": SHOP}, "service 'shop_web' is defined twice"),
        ("- stack: {file: []}", {}, "needs entries"),
    ],
)
def test_what_is_wrong_with_a_stack_is_said_with_file_and_line(steps: str, files: Mapping[str, str], said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        stacked(steps, files)

    assert said in str(caught.value)


def test_a_stack_file_given_as_a_playbook_is_recognised() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_playbook(SHOP.encode(), "shop.yml")

    assert "this is a Compose file, not a playbook for swarmnet (name it in a step, '- stack: {file: FILE" in str(
        caught.value
    )


def test_a_mount_of_the_cluster_is_refused_with_the_line_of_the_stack_file_and_the_manager_that_is_too_old() -> None:
    world = World()
    applied(world, parse_playbook(b"schema: 1\nname: s\nsteps: [{swarm: {}}]", "p.yml"))
    world.machines["m1"].run_engine("20.10")
    shop = "services:\n  web:\n    image: i\n    volumes: [{type: cluster, source: 'group:fast', target: /d}]\n"

    with pytest.raises(DocumentError) as caught:
        build(stacked(STACK, {"shop.yml": shop}), seen(world), world.inventory)

    assert "site/shop.yml:" in str(caught.value)
    assert "mounts.type: cluster needs engine 23.0; manager m1 has 20.10" in str(caught.value)


def test_files_that_were_not_read_make_the_step_impossible() -> None:
    world = World()
    text = f"schema: 1\nname: site\nsteps:\n{STACK}"

    with pytest.raises(DocumentError, match="the stack's files were not read"):
        build(parse_playbook(text.encode(), "p.yml"), seen(world), world.inventory)
