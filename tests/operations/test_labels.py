"""Labels are added to those that are there, so each step that writes some can also take some away (A14)."""

from __future__ import annotations

import pytest

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.errors import DocumentError
from swarmnet.model.compare import service_changes
from swarmnet.model.merge import lay
from swarmnet.model.service import ServiceSpec
from swarmnet.operations import BY_NAME
from swarmnet.operations.playbook import with_contents
from swarmnet.plan.build import build
from tests.report.service_sample import SERVICE
from tests.simulator.world import World
from tests.support.plans import book, reported
from tests.support.simulated_state import run, seen

LABELLED = {
    "swarm": "swarm: {{{}}}",
    "node": "node: {{{}}}\n  on: m1",
    "service": "service: {{name: web, image: 'probe:1', replicas: 0, {}}}",
    "config": "config: {{name: app, from: {{text: hello}}, {}}}",
    "secret": "secret: {{name: pw, from: {{env: PW}}, {}}}",
}
"""Steps whose objects engines can relabel."""
FIXED = {"network", "volume", "container"}
"""Steps whose objects keep for good the labels that they were made with."""


def test_a_step_that_writes_labels_can_take_them_away_where_engines_can() -> None:
    with_labels = {one.name_in_playbook for one in BY_NAME.values() if "labels" in one.model_fields}
    assert with_labels == LABELLED.keys() | FIXED
    removing = {one.name_in_playbook for one in BY_NAME.values() if "remove_labels" in one.model_fields}
    assert removing == LABELLED.keys()


@pytest.mark.parametrize("kind", LABELLED)
def test_a14_a_label_is_taken_away_by_its_name(kind: str) -> None:
    world = World(managers=1)
    play(world, kind, "labels: {stays: a, goes: b}")

    actions = play(world, kind, "labels: {new: c}, remove_labels: [goes, never-there]")

    assert len(actions) == 1
    assert (labels(world, kind).items() >= {"stays": "a", "new": "c"}.items(), "goes" in labels(world, kind)) == (
        True,
        False,
    )
    assert play(world, kind, "labels: {new: c}, remove_labels: [goes, never-there]") == []


@pytest.mark.parametrize("kind", LABELLED)
def test_a14_a_label_that_is_both_set_and_removed_is_refused(kind: str) -> None:
    with pytest.raises(DocumentError, match="label a is both set and removed"):
        book(f"- {LABELLED[kind].format('labels: {a: b}, remove_labels: [a]')}")
    with pytest.raises(DocumentError, match="is swarmnet's own"):
        book(f"- {LABELLED[kind].format('remove_labels: [io.swarmnet.managed]')}")


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_the_labels_of_a_content_are_those_that_the_step_says_now(kind: str) -> None:
    world = World(managers=1)
    play(world, kind, "labels: {team: a}")
    assert play(world, kind, "labels: {team: b}") == [f"content.label {kind}"]
    assert labels(world, kind)["team"] == "b"


def play(world: World, kind: str, fields: str) -> list[str]:
    """Apply the step, and return what it did."""
    steps = (
        f"- swarm: {{}}\n- {LABELLED[kind].format(fields)}" if kind != "swarm" else f"- {LABELLED[kind].format(fields)}"
    )
    playbook = with_contents(book(steps), LocalContents({"PW": "correct-horse"}))
    made = build(playbook, seen(world), world.inventory)
    run(world, made)
    return [line.rsplit(" ", 1)[0] for line in reported(made)]


def labels(world: World, kind: str) -> dict[str, str]:
    state = seen(world)
    assert state.swarm is not None
    found = {
        "swarm": [state.swarm.spec.labels],
        "node": [one.spec.labels for one in state.nodes],
        "service": [one.spec.labels for one in state.services],
        "config": [one.spec.labels for one in state.configs],
        "secret": [one.spec.labels for one in state.secrets],
    }
    (one,) = found[kind]
    return one


@pytest.mark.parametrize("field", ["env", "container_labels", "sysctls", "constraints", "ports", "networks", "mounts"])
def test_what_is_whole_is_taken_away_by_naming_none(field: str) -> None:
    assert getattr(SERVICE, field)
    nothing = ServiceSpec.model_validate(
        {"name": SERVICE.name, "image": SERVICE.image, field: type(getattr(SERVICE, field))()}
    )
    assert not getattr(lay(SERVICE, nothing), field)
    assert field in {one.path.partition(".")[0] for one in service_changes(nothing, SERVICE)}
