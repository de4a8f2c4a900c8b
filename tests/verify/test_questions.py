"""All scenarios together: what each asks is asked once, and answers what the others think that it does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmnet.model.service import PublishedPort, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.verify.scenario import Answer, Answers, MeshService, Question, Scene, Station, WitnessTask
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.scenarios.balancing.balanced import FACTS, WITNESS_FACTS
from swarmnet.verify.scenarios.mesh.published import Published
from tests.support.encrypted_captures import Wire, stage, vtep
from tests.support.scenes import answers as said
from tests.support.scenes import facts

WEB = Service(
    id="s1",
    version=1,
    spec=ServiceSpec(name="web", image="web:1", ports=(PublishedPort(target=80, published=8080),)),
    published=(PublishedPort(target=80, published=8080),),
)
RUNNING = Task(id="t1", service_id="s1", node_id="n1", state="running", desired_state="running")


def whole() -> Scene:
    """Return a scene with all that scenarios ask about."""
    place = stage()
    hosts = tuple(facts(one.host, SwarmMembership(address=vtep(one.host))) for one in place.stations)
    mesh = MeshService("probe", {"tcp": 30000, "udp": 30000}, {"w1": 32768}, {"n1": "w1", "n2": "w2"})
    return replace(place, state=ClusterState(hosts=hosts, services=(WEB,), tasks=(RUNNING,)), mesh=mesh)


def asked(scene: Scene, answers: Answers) -> list[Question]:
    return [one for scenario in ALL for one in (*scenario.prelude(scene), *scenario.ask(scene, answers))]


@pytest.mark.parametrize("broken", [[], [("w1", "w2")]])
def test_questions_of_one_place_are_one_question(broken: list[tuple[str, str]]) -> None:
    """F2: two questions with one key would take each other's answer."""
    scene = whole()
    known = said(scene, broken) | Wire(scene).answers()
    known |= {(one.host, key): Answer({"ipvs": True}) for one in scene.stations for key in (FACTS, WITNESS_FACTS)}
    for answers in ({}, known):
        places: dict[tuple[str, str], Question] = {}
        for question in asked(scene, answers):
            assert places.setdefault((question.host, question.key), question) == question


def test_a_host_without_a_probe_is_asked_for_its_facts_by_its_witness() -> None:
    """F2: published ports are asked of hosts whose probe is missing, too."""
    scene = whole()
    lonely = replace(scene, stations=(Station("w1", problem="disk full"), *scene.stations[1:]))
    (question,) = [one for one in Published().ask(lonely, {}) if (one.host, one.key) == ("w1", WITNESS_FACTS)]
    assert isinstance(question, WitnessTask)
