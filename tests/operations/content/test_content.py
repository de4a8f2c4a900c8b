"""Contents of configs and secrets: named by what they hold, rotated by new objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.errors import DocumentError, UsageError
from swarmnet.operations.content.source import ContentSource
from swarmnet.operations.playbook import with_contents
from swarmnet.plan.build import build
from tests.simulator.world import World
from tests.support.clusters import blank, inventory, swarm
from tests.support.plans import book, plan, refusal, reported
from tests.support.simulated_state import run, seen

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan

STEPS = """
- swarm: {}
- config: {name: app, from: {env: APP}}
- secret: {name: pw, from: {env: PW}}
- service: {name: web, image: "probe:1", configs: [app], secrets: [pw]}
"""


def planned(world: World, app: str, password: str) -> Plan:
    playbook = with_contents(book(STEPS), LocalContents({"APP": app, "PW": password}))
    return build(playbook, seen(world), world.inventory)


def test_new_content_is_a_new_object_and_an_update_and_the_old_one_stays() -> None:
    world = World(managers=1)
    run(world, planned(world, "one", "pw"))
    made = planned(world, "two", "pw")
    assert [line.split("-")[0] for line in reported(made)] == ["config.create config app", "service.update service web"]
    run(world, made)
    assert planned(world, "two", "pw").is_empty
    assert len(seen(world).configs) == 2


def test_content_that_comes_back_is_taken_up_again() -> None:
    world = World(managers=1)
    for app in ("one", "two"):
        run(world, planned(world, app, "pw"))
    made = planned(world, "one", "pw")
    assert [line.split("-")[0] for line in reported(made)] == ["content.write", "service.update service web"]
    run(world, made)
    assert planned(world, "one", "pw").is_empty


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_d_another_playbooks_service_gets_the_content_that_was_written_last(kind: str) -> None:
    world = World(managers=1)
    step = f"- {kind}: {{name: app, from: {{env: APP}}}}"
    for text in ("one", "two", "one"):
        contents = LocalContents({"APP": text})
        run(world, build(with_contents(book(f"- swarm: {{}}\n{step}"), contents), seen(world), world.inventory))
    objects = seen(world).configs if kind == "config" else seen(world).secrets

    run(world, plan(f"- service: {{name: web, image: 'probe:1', {kind}s: [app]}}", seen(world), world.inventory))

    (service,) = seen(world).services
    (used,) = (service.spec.configs if kind == "config" else service.spec.secrets) or ()
    assert used.source == objects[0].spec.name


def test_a_rotated_secret_shows_itself_nowhere_in_the_plan() -> None:
    world = World(managers=1)
    run(world, planned(world, "one", "first-password"))
    made = planned(world, "one", "hunter2-hunter2")
    assert [action.kind for action in made.actions] == ["secret.create", "service.update"]
    assert "hunter2" not in repr(made)
    assert "hunter2" not in made.model_dump_json(serialize_as_any=True)


def test_a_content_that_is_too_large_for_any_engine_is_refused() -> None:
    hosts = inventory(1, 0)
    for environment, said in (
        ({"APP": "x" * 1_024_000, "PW": "p"}, "config app has 1024000 bytes; engines accept 1023999: put what"),
        ({"APP": "a", "PW": "x" * 512_000}, "secret pw has 512000 bytes; engines accept 511999: encrypt what"),
    ):
        playbook = with_contents(book(STEPS), LocalContents(environment))
        with pytest.raises(DocumentError, match=rf"p\.yml:[0-9]+:3: {said}"):
            build(playbook, blank(hosts), hosts)


def with_large_config(version: str) -> Plan:
    """Plan a config of 600000 bytes for a manager with an engine of this version."""
    hosts = inventory(1, 0)
    state = swarm(hosts)
    (facts,) = state.hosts
    facts = facts.model_copy(update={"engine": facts.engine.model_copy(update={"version": version})})
    playbook = with_contents(book(STEPS), LocalContents({"APP": "x" * 600_000, "PW": "p"}))
    return build(playbook, state.model_copy(update={"hosts": (facts,)}), hosts)


def test_a_config_that_is_too_large_for_a_manager_is_refused_with_its_host_and_version() -> None:
    said = "config app has 600000 bytes; before engine 20.10.24, managers accept 511999: upgrade m1, which has 20.10.5"
    with pytest.raises(DocumentError, match=rf"p\.yml:[0-9]+:3: {said}"):
        with_large_config("20.10.5+dfsg1")


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "28.5.2", "dev"])
def test_a_large_config_is_planned_for_managers_that_take_it_and_for_those_that_do_not_say(version: str) -> None:
    assert "config.create" in {action.kind for action in with_large_config(version).actions}


def test_contents_that_were_not_read_cannot_be_planned() -> None:
    hosts = inventory(1, 0)
    assert "its contents were not read" in refusal(STEPS, blank(hosts), hosts)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"command": ["yes"]}, "yes prints more than 1048576 bytes"),
        ({"command": ["sh", "-c", "exit 3"]}, "sh exited 3"),
        ({"command": ["/nowhere/to/be/found"]}, "cannot run /nowhere/to/be/found"),
        ({"file": "~nobody-of-that-name/pw"}, "this user does not exist"),
    ],
)
def test_h3_a_source_that_gives_no_content_is_named_and_bounded(source: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        LocalContents().read(ContentSource.model_validate(source), folder="/")


def test_a_command_that_closes_its_output_is_waited_for() -> None:
    source = ContentSource(command=("sh", "-c", "echo word; exec >&-; exit 0"))
    assert LocalContents().read(source, folder="/") == b"word\n"


EXACT = "- swarm: {}\n- config: {name: page, from: {text: one}, exact: true, labels: {a: b}}\n"


def test_an_exact_config_has_its_own_name_and_one_of_others_with_the_same_content_is_taken_as_it_is() -> None:
    world = World(managers=1)
    run(world, build(with_contents(book(EXACT), LocalContents()), seen(world), world.inventory))
    (made,) = seen(world).configs
    assert (made.spec.name, made.spec.data, made.spec.labels["a"]) == ("page", b"one", "b")
    again = with_contents(book(EXACT.replace("{a: b}", "{}")), LocalContents())
    assert build(again, seen(world), world.inventory).is_empty


def test_an_exact_config_that_is_there_with_other_content_is_refused() -> None:
    world = World(managers=1)
    run(world, build(with_contents(book(EXACT), LocalContents()), seen(world), world.inventory))
    other = with_contents(book(EXACT.replace("one", "two")), LocalContents())
    with pytest.raises(DocumentError, match="config page is there with other content"):
        build(other, seen(world), world.inventory)


NAMED_EXACTLY = """
- swarm: {}
- secret: {name: token, from: {env: TOKEN}, exact: true}
- service: {name: web, image: "probe:1", secrets: [token]}
"""


def test_an_exact_secret_needs_its_value_only_where_it_is_not_there() -> None:
    world = World(managers=1)
    without = with_contents(book(NAMED_EXACTLY), LocalContents({}))
    run(world, build(with_contents(book("- swarm: {}"), LocalContents()), seen(world), world.inventory))
    with pytest.raises(DocumentError, match="secret token is not there, and its value is missing: environment"):
        build(without, seen(world), world.inventory)

    run(world, build(with_contents(book(NAMED_EXACTLY), LocalContents({"TOKEN": "x"})), seen(world), world.inventory))
    assert [one.spec.name for one in seen(world).secrets] == ["token"]
    assert build(without, seen(world), world.inventory).is_empty


def test_the_value_of_a_secret_is_not_taken_from_the_playbook_itself() -> None:
    hosts = inventory(1, 0)
    assert "the value of secret pw is in the playbook" in refusal(
        "- secret: {name: pw, from: {text: hunter2}}", blank(hosts), hosts
    )
