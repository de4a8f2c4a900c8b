from __future__ import annotations

import pytest

from swarmnet.errors import DocumentError
from swarmnet.model.plan import Risk
from swarmnet.model.state import ClusterState, KeyStanding
from swarmnet.operations.playbook import key_file
from tests.support.clusters import blank, inventory, swarm
from tests.support.plans import book, plan, refusal, reported

STEP = "- swarm: {autolock: true, unlock_key_file: /keys/shop}"
HOSTS = inventory()


def autolocked(standing: KeyStanding, *, on: bool = True) -> ClusterState:
    state = swarm(HOSTS).model_copy(update={"unlock_key_file": standing})
    assert state.swarm is not None
    spec = state.swarm.spec.model_copy(update={"autolock": on})
    return state.model_copy(update={"swarm": state.swarm.model_copy(update={"spec": spec})})


def test_a_new_swarm_with_autolock_keeps_its_key_before_anyone_joins() -> None:
    made = plan(STEP, blank(HOSTS), HOSTS)
    assert reported(made)[:3] == [
        "swarm.init swarm shop on m1",
        "swarm.keep-unlock-key unlock key in /keys/shop",
        "swarm.join-manager node m2",
    ]
    assert made.actions[0].risk is Risk.DISRUPTIVE


def test_switching_autolock_on_is_shown_as_a_risk_and_followed_by_keeping_the_key() -> None:
    made = plan(STEP, autolocked(KeyStanding.ABSENT, on=False), HOSTS)
    assert reported(made) == ["swarm.update swarm shop", "swarm.keep-unlock-key unlock key in /keys/shop"]
    assert made.worst_risk is Risk.DISRUPTIVE
    assert "stay locked until `swarmnet unlock`" in made.actions[0].why


def test_a_key_that_a_killed_run_did_not_keep_is_kept_by_the_next() -> None:
    assert reported(plan(STEP, autolocked(KeyStanding.ABSENT), HOSTS)) == [
        "swarm.keep-unlock-key unlock key in /keys/shop"
    ]


def test_nothing_is_left_to_do_once_the_key_is_in_its_file() -> None:
    assert plan(STEP, autolocked(KeyStanding.KEPT), HOSTS).is_empty


def test_a_file_with_something_else_is_refused_by_its_name() -> None:
    for on in (True, False):
        said = refusal(STEP, autolocked(KeyStanding.OTHER, on=on), HOSTS)
        assert "/keys/shop does not contain this swarm's unlock key" in said
        assert "not overwritten" in said


def test_autolock_without_a_place_for_its_key_is_refused_unless_it_is_on_already() -> None:
    step = "- swarm: {autolock: true}"
    assert "unlock_key_file: PATH" in refusal(step, autolocked(KeyStanding.ABSENT, on=False), HOSTS)
    assert plan(step, autolocked(KeyStanding.ABSENT), HOSTS).is_empty


def test_switching_autolock_off_says_what_that_gives_away() -> None:
    made = plan("- swarm: {autolock: false}", autolocked(KeyStanding.KEPT), HOSTS)
    assert reported(made) == ["swarm.update swarm shop"]
    assert "read the swarm's secrets" in made.actions[0].why
    assert made.worst_risk is Risk.DISRUPTIVE


def test_a_key_file_without_autolock_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentError, match="has no effect without 'autolock: true'") as raised:
        book("- swarm: {unlock_key_file: /keys/shop}")
    assert [problem.line for problem in raised.value.problems] == [4]


def test_the_key_s_file_is_below_the_playbook_s_folder_unless_its_path_is_absolute() -> None:
    for written, meant in (("k", "books/k"), ("/k", "/k"), ("~/k", "~/k")):
        step = book(f"- swarm: {{autolock: true, unlock_key_file: '{written}'}}").steps[0]
        assert step.operation.placed("books").key_file() == meant


def test_a_playbook_without_autolock_has_no_key_to_look_at() -> None:
    assert key_file(book("- swarm: {}")) is None
    assert key_file(book(STEP)) == "/keys/shop"
