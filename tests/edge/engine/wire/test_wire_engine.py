"""Facts and containers on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.multiplex import Frames
from swarmnet.edge.engine.wire.engine import (
    container_from_inspect,
    container_from_wire,
    container_to_wire,
    facts_from_wire,
    membership_from_wire,
    needs_inspect,
)
from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint, SwarmStanding
from tests.support.recorded import VERSIONS, objects, recorded

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject


def test_a_manager_without_a_quorum_does_not_answer_for_the_cluster() -> None:
    seen: JsonObject = {
        "LocalNodeState": "active",
        "ControlAvailable": True,
        "Error": "The swarm does not have a leader",
    }
    membership = membership_from_wire(seen)
    assert (membership.state, membership.is_manager) == (SwarmStanding.ACTIVE, False)


def test_an_engine_outside_of_any_swarm_is_inactive() -> None:
    assert membership_from_wire({"LocalNodeState": "inactive", "RemoteManagers": None}).state is SwarmStanding.INACTIVE


def test_a_container_without_networks_gets_none() -> None:
    body = container_to_wire(ContainerSpec(name="c", image="i", argv=("a", "b"), labels={}))
    assert as_object(body["HostConfig"])["NetworkMode"] == "none"
    assert (body["Entrypoint"], body["Cmd"]) == (["a"], ["b"])


def test_a_container_is_made_on_one_network_since_old_engines_take_one() -> None:
    endpoints = (Endpoint(network="a", ipv4="10.0.0.9"), Endpoint(network="b"))
    body = container_to_wire(ContainerSpec(name="c", image="i", argv=("a",), labels={}, endpoints=endpoints))
    asked = as_object(as_object(body["NetworkingConfig"])["EndpointsConfig"])
    assert set(asked) == {"a"}
    assert as_object(asked["a"])["IPAMConfig"] == {"IPv4Address": "10.0.0.9"}


@pytest.mark.parametrize("step", [1, 3, 100])
def test_frames_are_put_together_wherever_the_stream_is_cut(step: int) -> None:
    stream = b"\x01\0\0\0\0\0\0\x03out" + b"\x02\0\0\0\0\0\0\x03err" + b"\x01\0\0\0\0\0\0\x01!" + b"\x01\0\0\0\0\0\0\0"
    frames = Frames(1 << 20)
    for start in range(0, len(stream), step):
        frames.feed(stream[start : start + step])
    assert (bytes(frames.stdout), bytes(frames.stderr)) == (b"out!", b"err")


@pytest.mark.parametrize("version", VERSIONS)
class TestRecorded:
    def test_facts_name_the_engine_and_its_place_in_the_swarm(self, version: str) -> None:
        facts = facts_from_wire(as_object(recorded(version)["info"]), "1.41")
        assert facts.version.startswith(version)
        assert "+" not in facts.version
        assert facts.membership.is_manager
        assert facts.membership.managers == (f"{facts.membership.address}:2377",)

    def test_a_standalone_container_tells_what_it_asked_for(self, version: str) -> None:
        seen = recorded(version)
        entry = next(box for box in objects(version, "containers") if box["Names"] == ["/standalone"])
        assert needs_inspect(entry)
        box = container_from_inspect(container_from_wire(entry), as_object(seen["standalone"]))
        (endpoint,) = box.endpoints
        assert (endpoint.network, endpoint.ipv4, endpoint.aliases) == ("local", "10.61.0.77", ("box",))
        assert endpoint.address == "10.61.0.77"

    def test_containers_of_tasks_name_their_service(self, version: str) -> None:
        boxes = [container_from_wire(box) for box in objects(version, "containers")]
        assert {"plain", "everywhere"} <= {box.service for box in boxes}
