"""Joining a swarm: what the engine says meanwhile, and what is left when it fails."""

from __future__ import annotations

import json

import pytest

from swarmnet.edge.engine.engine import Engine
from swarmnet.errors import ConvergenceError, EngineError
from swarmnet.model.base import Secret
from swarmnet.model.ports import JoinAddress
from tests.simulator import SimulatedClock
from tests.support.http_server import Talker, say

JOIN = "POST /v1.45/swarm/join"
INFO = "GET /v1.45/info"
LEAVE = "POST /v1.45/swarm/leave?force=false HTTP/1.1"
FORCED = "POST /v1.45/swarm/leave?force=true HTTP/1.1"
MANAGER = "You are attempting to leave the swarm on a node that is participating as a manager."
TRYING = "Timeout was reached before node joined. The attempt to join the swarm will continue in the background."


def standing(state: str, address: str = "10.0.0.2", error: str = "") -> bytes:
    return say(json.dumps({"Swarm": {"LocalNodeState": state, "NodeAddr": address, "NodeID": "n2", "Error": error}}))


def join(talker: Talker) -> SimulatedClock:
    clock = SimulatedClock()
    engine = Engine("w1", talker.open, clock)
    engine.join_swarm(JoinAddress("10.0.0.2", data_path="10.1.0.2"), remote="10.0.0.1:2377", token=Secret("canary"))
    return clock


def leaves(talker: Talker) -> list[str]:
    return [line for line in talker.lines if "/leave" in line]


def late(talker: Talker, state: str) -> Engine:
    """Return an engine that is pending until it refuses to leave, as a manager, and a moment later has that state."""
    refused = say(json.dumps({"message": MANAGER}), status=503)
    talker.answers = {JOIN: [say(json.dumps({"message": TRYING}), status=503)], LEAVE.rpartition(" ")[0]: [refused]}
    talker.answer = standing("pending")

    def tick() -> None:
        if leaves(talker):
            talker.answer = standing(state)

    clock = SimulatedClock()
    clock.on_tick = tick
    return Engine("w1", talker.open, clock)


def test_a_join_names_one_manager_and_the_addresses(talker: Talker) -> None:
    talker.answers = {JOIN: [say("")], INFO: [standing("active")]}
    join(talker)
    body = json.loads(talker.heard[1].body)
    assert body == {
        "ListenAddr": "0.0.0.0:2377",
        "AdvertiseAddr": "10.0.0.2",
        "DataPathAddr": "10.1.0.2",
        "RemoteAddrs": ["10.0.0.1:2377"],
        "JoinToken": "canary",
    }


def test_a_join_looks_at_the_engine_once_and_tells_who_the_node_is(talker: Talker) -> None:
    seen = {"LocalNodeState": "active", "NodeAddr": "10.0.0.2", "NodeID": "n2"}
    talker.answers = {JOIN: [say("")], INFO: [say(json.dumps({"Swarm": seen}))]}
    engine = Engine("w1", talker.open, SimulatedClock())
    assert engine.join_swarm(JoinAddress("10.0.0.2"), remote="10.0.0.1:2377", token=Secret("canary")) == "n2"
    assert [line.removesuffix(" HTTP/1.1") for line in talker.lines[1:]] == [JOIN, INFO]
    engine.close()


def test_a_slow_join_is_waited_for(talker: Talker) -> None:
    trying = say(json.dumps({"message": TRYING}), status=503)
    talker.answers = {JOIN: [trying], INFO: [standing("pending"), standing("pending"), standing("active")]}
    join(talker)
    assert not leaves(talker)


def test_an_engine_that_stays_pending_is_made_to_leave(talker: Talker) -> None:
    trying = say(json.dumps({"message": TRYING}), status=503)
    talker.answers = {JOIN: [trying]}
    talker.answer = standing("pending")
    with pytest.raises(ConvergenceError, match="last seen: pending"):
        join(talker)
    assert talker.lines[-1] == LEAVE


def test_an_engine_that_gave_up_is_not_waited_for(talker: Talker) -> None:
    trying = say(json.dumps({"message": TRYING}), status=503)
    talker.answers = {JOIN: [trying]}
    talker.answer = standing("error", error="no route to host")
    with pytest.raises(ConvergenceError, match="no route to host"):
        join(talker)
    assert talker.lines[-3:] == [f"{INFO} HTTP/1.1", f"{INFO} HTTP/1.1", LEAVE]


def test_a_manager_that_joined_just_before_it_should_leave_stays(talker: Talker) -> None:
    engine = late(talker, "active")
    assert engine.join_swarm(JoinAddress("10.0.0.2"), remote="10.0.0.1:2377", token=Secret("canary")) == "n2"
    assert leaves(talker) == [LEAVE]


@pytest.mark.parametrize("state", ["pending", "error"])
def test_a_manager_that_refuses_to_leave_and_does_not_come_in_is_forced(talker: Talker, state: str) -> None:
    engine = late(talker, state)
    with pytest.raises(ConvergenceError, match="last seen: pending"):
        engine.join_swarm(JoinAddress("10.0.0.2"), remote="10.0.0.1:2377", token=Secret("canary"))
    assert leaves(talker) == [LEAVE, FORCED]


def test_a_refused_join_does_not_leave_what_was_there_before(talker: Talker) -> None:
    refused = say(json.dumps({"message": "This node is already part of a swarm."}), status=503)
    talker.answers = {JOIN: [refused], INFO: [standing("active")]}
    with pytest.raises(EngineError):
        join(talker)
    assert not leaves(talker)


def test_an_engine_that_advertises_another_address_is_reported(talker: Talker) -> None:
    talker.answers = {JOIN: [say("")], INFO: [standing("active", address="10.9.9.9")]}
    with pytest.raises(EngineError, match=r"advertises 10\.9\.9\.9 instead of 10\.0\.0\.2"):
        join(talker)
