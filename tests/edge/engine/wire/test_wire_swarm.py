"""The swarm, nodes, configs and secrets on the wire."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.parts import as_object, pruned
from swarmnet.edge.engine.wire.swarm import (
    config_from_wire,
    config_to_wire,
    node_from_wire,
    node_spec_from_wire,
    node_spec_to_wire,
    secret_from_wire,
    secret_to_wire,
    spec_from_wire,
    swarm_from_wire,
    swarm_to_wire,
)
from swarmnet.model.base import Secret
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.swarm import ConfigSpec, NodeSpec, SecretSpec, SwarmSpec
from tests.support.recorded import VERSIONS, objects, recorded

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

texts = st.text(min_size=1, max_size=8)
labels = st.dictionaries(texts, st.text(max_size=8), max_size=3)
swarm_specs = st.builds(
    SwarmSpec,
    task_history=st.none() | st.integers(0, 2**60),
    cert_expiry=st.none() | st.integers(3600 * 10**9, 10**15).map(lambda nanos: nanos / 10**9),
    heartbeat=st.none() | st.integers(1, 10**12).map(lambda nanos: nanos / 10**9),
    snapshot_interval=st.none() | st.integers(0, 2**63),
    autolock=st.none() | st.booleans(),
    labels=labels,
    extra=st.sampled_from([{}, {"Name": "default", "Raft": {"KeepOldSnapshots": 2**60}}]),
)


@given(swarm_specs)
def test_every_swarm_spec_comes_back_as_it_was_sent(spec: SwarmSpec) -> None:
    assert spec_from_wire(swarm_to_wire(spec)) == spec


@given(st.builds(ConfigSpec, name=texts, data=st.binary(max_size=40), labels=labels))
def test_every_config_comes_back_as_it_was_sent(spec: ConfigSpec) -> None:
    assert config_from_wire({"Spec": config_to_wire(spec)}).spec == spec


def test_a_secrets_outside_comes_back_without_its_data() -> None:
    spec = SecretSpec(name="s", labels={"l": "v"}, extra={"Driver": {"Name": "vault"}})
    body = secret_to_wire(spec, Secret("canary"))
    assert b64decode(str(body.pop("Data"))) == b"canary"
    assert secret_from_wire({"Spec": body}).spec == spec


@given(st.builds(NodeSpec, role=st.sampled_from(Role), availability=st.sampled_from(Availability), labels=labels))
def test_every_node_spec_comes_back_as_it_was_sent(spec: NodeSpec) -> None:
    assert node_spec_from_wire(node_spec_to_wire({}, spec)) == spec


def test_a_node_update_sends_what_is_not_managed_as_it_is() -> None:
    present: JsonObject = {"Role": "manager", "Availability": "drain", "Labels": {"old": "1"}, "Name": "n"}
    body = node_spec_to_wire(present, NodeSpec(labels={"new": "2"}))
    assert body == {"Role": "manager", "Availability": "drain", "Labels": {"new": "2"}, "Name": "n"}


@pytest.mark.parametrize("address", ["0.0.0.0", "", "::"])  # noqa: S104  # what a leader said
def test_a_leader_without_an_address_of_its_own_has_the_managers(address: str) -> None:
    seen: JsonObject = {"Status": {"Addr": address}, "ManagerStatus": {"Addr": "10.0.0.1:2377"}}
    assert node_from_wire(seen).address == "10.0.0.1"


@pytest.mark.parametrize("version", VERSIONS)
class TestRecorded:
    def test_a_swarm_spec_loses_nothing_on_the_way_there_and_back(self, version: str) -> None:
        seen = as_object(as_object(recorded(version)["swarm"])["Spec"])
        assert pruned(swarm_to_wire(spec_from_wire(seen))) == pruned(seen)

    def test_a_fresh_swarm_has_the_engines_defaults(self, version: str) -> None:
        swarm = swarm_from_wire(as_object(recorded(version)["swarm"]))
        spec = swarm.spec
        assert (spec.default_addr_pool, spec.subnet_size, spec.data_path_port) == (("10.0.0.0/8",), 24, 4789)
        assert (spec.task_history, spec.cert_expiry, spec.heartbeat) == (5, 7_776_000.0, 5.0)
        assert (spec.snapshot_interval, spec.autolock) == (10_000, False)
        assert len(swarm.ca_digest) == 64

    def test_the_only_node_is_the_leader(self, version: str) -> None:
        (node,) = (node_from_wire(seen) for seen in objects(version, "nodes"))
        assert (node.status, node.reachability, node.is_leader) == ("ready", "reachable", True)
        assert node.manager_address == f"{node.address}:2377"
        assert node.spec == NodeSpec(role=Role.MANAGER, availability=Availability.ACTIVE)
        assert (node.engine_version.startswith(version), node.platform) == (True, "linux/x86_64")

    def test_configs_and_secrets_are_read(self, version: str) -> None:
        (config,) = (config_from_wire(seen) for seen in objects(version, "configs"))
        (secret,) = (secret_from_wire(seen) for seen in objects(version, "secrets"))
        assert config.spec == ConfigSpec(name="conf", data=b"data", labels={"c": "1"})
        assert secret.spec == SecretSpec(name="sec", labels={"s": "1"})
