"""All scenarios together: what each asks is asked once, and answers what the others think that it does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import swarmnet
from swarmnet.model.service import PublishedPort, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.verify.keys import FACTS, OBSERVER_FACTS
from swarmnet.verify.scenario import Answer, Answers, MeshService, ObserverTask, OverlayProbe, Question, Setup
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.scenarios.mesh.published import Published
from tests.support.encrypted_captures import Wire, cluster, vtep
from tests.support.setups import answers as said
from tests.support.setups import facts

WEB = Service(
    id="s1",
    version=1,
    spec=ServiceSpec(name="web", image="web:1", ports=(PublishedPort(target=80, published=8080),)),
    published=(PublishedPort(target=80, published=8080),),
)
RUNNING = Task(id="t1", service_id="s1", node_id="n1", state="running", desired_state="running")


def whole() -> Setup:
    """Return a setup with all that scenarios ask about."""
    place = cluster()
    hosts = tuple(facts(one.host, SwarmMembership(address=vtep(one.host))) for one in place.probes)
    mesh = MeshService("probe", {"tcp": 30000, "udp": 30000}, {"w1": 32768}, {"n1": "w1", "n2": "w2"})
    return replace(place, state=ClusterState(hosts=hosts, services=(WEB,), tasks=(RUNNING,)), mesh=mesh)


def asked(setup: Setup, answers: Answers) -> list[Question]:
    return [one for scenario in ALL for one in (*scenario.preconditions(setup), *scenario.ask(setup, answers))]


@pytest.mark.parametrize("broken", [[], [("w1", "w2")]])
def test_questions_of_one_place_are_one_question(broken: list[tuple[str, str]]) -> None:
    """F2: two questions with one key would take each other's answer."""
    setup = whole()
    known = said(setup, broken) | Wire(setup).answers()
    known |= {
        (one.host, key): Answer({"ipvs": True}) for one in setup.probes for key in (FACTS.name, OBSERVER_FACTS.name)
    }
    for answers in ({}, known):
        places: dict[tuple[str, str], Question] = {}
        for question in asked(setup, answers):
            assert places.setdefault((question.host, question.key), question) == question


def test_a_host_without_a_probe_is_asked_for_its_facts_by_its_observer() -> None:
    """F2: published ports are asked of hosts whose probe is missing, too."""
    setup = whole()
    lonely = replace(setup, probes=(OverlayProbe("w1", problem="disk full"), *setup.probes[1:]))
    (question,) = [one for one in Published().ask(lonely, {}) if (one.host, one.key) == ("w1", OBSERVER_FACTS.name)]
    assert isinstance(question, ObserverTask)


def test_the_last_look_is_the_second_one_where_that_was_asked_even_without_an_answer() -> None:
    first: Answers = {("w1", FACTS.name): Answer({"kernel": "6.1"})}
    assert FACTS.last(first, "w1") == FACTS
    assert FACTS.last({**first, ("w1", FACTS.again.name): Answer(problem="gone")}, "w1") == FACTS.again
    assert FACTS.last({**first, ("w2", FACTS.again.name): Answer()}, "w1") == FACTS


def test_no_module_chooses_the_last_look_by_hand() -> None:
    by_hand = re.compile(r"\.again\.was_asked\([^\n]+\) else ")
    found = {path.name for path in Path(swarmnet.__file__).parent.rglob("*.py") if by_hand.search(path.read_text())}
    assert found == {"keys.py"}, "use Key.last of swarmnet.verify.keys"
