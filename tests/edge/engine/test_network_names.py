"""Services know networks by their ids; their names come from a list that engines cut when the leader is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.engine import Engine
from swarmnet.errors import NotAManagerError
from tests.simulator import SimulatedClock
from tests.support.http_server import Talker, say

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORKS = "GET /v1.45/networks"
SWARM = "GET /v1.45/swarm"
FRONT = {"Id": "n1", "Name": "front", "Driver": "overlay", "Scope": "swarm"}
SERVICE = {
    "ID": "s1",
    "Version": {"Index": 7},
    "Spec": {
        "Name": "web",
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": "demo:1"}, "Networks": [{"Target": "n1"}]},
    },
}


@pytest.fixture
def talker() -> Iterator[Talker]:
    missing = say(json.dumps({"message": "network not found"}), status=404)
    with Talker() as talker:
        talker.answers = {
            "GET /v1.45/services": [say(json.dumps([SERVICE]))],
            f"{NETWORKS}/host?scope=swarm": [missing] * 9,
            f"{NETWORKS}/bridge?scope=swarm": [missing] * 9,
        }
        yield talker


def attached(talker: Talker) -> list[str]:
    (service,) = Engine("m1", talker.open, SimulatedClock()).services.list()
    return [one.network for one in service.spec.networks or ()]


def test_a_service_keeps_the_names_of_its_networks_though_the_leader_was_lost_between_two_lists(talker: Talker) -> None:
    talker.answers |= {NETWORKS: [say("[]"), say(json.dumps([FRONT]))], SWARM: [say("{}")]}
    assert attached(talker) == ["front"]


def test_services_are_not_listed_while_the_names_of_their_networks_are_unknown(talker: Talker) -> None:
    leaderless = say(json.dumps({"message": "rpc error: The swarm does not have a leader."}), status=503)
    talker.answers |= {NETWORKS: [say("[]")], SWARM: [leaderless]}
    with pytest.raises(NotAManagerError):
        attached(talker)


def test_names_that_are_known_cost_no_further_question(talker: Talker) -> None:
    talker.answers |= {NETWORKS: [say(json.dumps([FRONT]))]}
    assert attached(talker) == ["front"]
    assert not [line for line in talker.lines if line.startswith(SWARM)]
