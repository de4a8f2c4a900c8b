from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.compare import network_changes, service_changes, swarm_changes
from swarmnet.model.merge import lay
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import SwarmSpec


def network(**fields: object) -> NetworkSpec:
    return NetworkSpec.model_validate({"name": "n", **fields})


def service(**fields: object) -> ServiceSpec:
    return ServiceSpec.model_validate({"name": "s", "image": "web:1", **fields})


def paths(wanted: NetworkSpec, seen: NetworkSpec, *, exact: bool = False) -> list[str]:
    return [change.path for change in network_changes(wanted, seen, exact=exact)]


A, B = {"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ({}, {"subnets": [A | {"gateway": "10.1.0.1"}]}),
        ({"subnets": [A]}, {"subnets": [A | {"gateway": "10.1.0.1", "ip_range": "10.1.0.0/25"}]}),
        ({"subnets": [A, B]}, {"subnets": [B, A]}),
        ({"ipv6": True, "subnets": [A]}, {"ipv6": True, "subnets": [A, {"subnet": "fd00::/64"}]}),
        ({}, {"options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"}}),
        ({"ipam_options": {"a": "b"}}, {"ipam_options": {"a": "b", "com.docker.network.ipam.serial": "true"}}),
        ({"options": {"dsr": ""}}, {"options": {"dsr": "true"}}),
        ({"options": {"a": "1"}}, {"options": {"a": "1", "by.hand": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {"a": "1", "by.hand": "2"}}),
        ({}, {"scope": "swarm"}),
        ({}, {"mtu": 1400}),
        ({"subnets": [A | {"gateway": "10.1.0.9"}]}, {"subnets": [A | {"gateway": "10.1.0.9/24"}]}),
    ],
)
def test_what_the_engine_adds_or_reorders_does_not_count_as_a_difference(
    wanted: dict[str, object], seen: dict[str, object]
) -> None:
    assert paths(network(**wanted), network(**seen)) == []


@pytest.mark.parametrize(
    ("wanted", "seen", "path"),
    [
        ({"subnets": [A]}, {"subnets": [B]}, "subnets"),
        ({"subnets": [A]}, {"subnets": [A, B]}, "subnets"),
        ({"subnets": [A | {"gateway": "10.1.0.9"}]}, {"subnets": [A | {"gateway": "10.1.0.1"}]}, "subnets"),
        ({"internal": True}, {}, "internal"),
        ({"encrypted": True}, {}, "encrypted"),
        ({"encrypted": False}, {"encrypted": True}, "encrypted"),
        ({"mtu": 1400}, {}, "mtu"),
        ({"driver": "bridge"}, {}, "driver"),
        ({"options": {"a": "1"}}, {"options": {"a": "2"}}, "options.a"),
        ({"labels": {"a": "1"}}, {}, "labels.a"),
    ],
)
def test_what_differs_is_named(wanted: dict[str, object], seen: dict[str, object], path: str) -> None:
    assert paths(network(**wanted), network(**seen)) == [path]


def test_an_exact_comparison_finds_what_is_not_wanted() -> None:
    seen = network(options={"by.hand": "2"}, labels={"x": "y"})
    assert paths(network(), seen, exact=True) == ["options.by.hand", "labels.x"]


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ({"restart": {}}, {}),
        ({"update": {}}, {}),
        ({"update": {"monitor": 0}}, {"update": {"monitor": 5}}),
        ({"replicas": 1}, {}),
        ({"endpoint_mode": "vip", "ports": [], "constraints": []}, {}),
        ({"stop_grace_period": 10}, {}),
        ({}, {"replicas": 7, "env": {"A": "1"}, "hostname": "h"}),
        ({}, {"image": "web:1@sha256:" + "a" * 64}),
        ({"constraints": ["node.role==manager"]}, {"constraints": ["Node.Role == manager"]}),
        (
            {"networks": [{"network": "a", "aliases": ["x", "y"]}]},
            {"networks": [{"network": "a", "aliases": ["y", "x"]}]},
        ),
        ({"ports": [{"target": 1}, {"target": 2}]}, {"ports": [{"target": 2}, {"target": 1}]}),
        ({"extra": {"Mounts": []}}, {}),
    ],
)
def test_a_field_left_out_counts_as_the_engines_default(wanted: dict[str, object], seen: dict[str, object]) -> None:
    assert service_changes(service(**wanted), service(**seen)) == ()


@pytest.mark.parametrize("exact", [False, True])
def test_a_forced_update_changes_nothing_that_counts(*, exact: bool) -> None:
    backed_up, forced = ({"TaskTemplate": {"ForceUpdate": count, "Runtime": "container"}} for count in (0, 2))
    assert service_changes(service(extra=backed_up), service(extra=forced), exact=exact) == ()


def test_a_wanted_digest_is_compared() -> None:
    digest = "web:1@sha256:" + "a" * 64
    assert [change.path for change in service_changes(service(image=digest), service())] == ["image"]


def test_what_init_alone_sets_is_compared_with_the_engines_default() -> None:
    assert swarm_changes(SwarmSpec(subnet_size=24, task_history=5), SwarmSpec()) == ()
    assert [change.path for change in swarm_changes(SwarmSpec(task_history=0), SwarmSpec())] == ["task_history"]


labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))
services = st.builds(
    ServiceSpec,
    name=st.just("s"),
    image=st.sampled_from(["web:1", "web:2", "web:1@sha256:" + "a" * 64]),
    env=st.none() | labels,
    replicas=st.none() | st.integers(0, 3),
    labels=labels,
    hostname=st.none() | st.sampled_from(["", "h"]),
    constraints=st.none() | st.lists(st.sampled_from(["node.role==manager", "node.id!=x"])).map(tuple),
    stop_grace_period=st.none() | st.sampled_from([1.0, 10.0]),
    container_labels=st.none() | labels,
)


@given(services)
def test_nothing_differs_from_itself(spec: ServiceSpec) -> None:
    assert service_changes(spec, spec) == ()
    assert service_changes(spec, spec, exact=True) == ()


@given(services, services)
def test_what_an_update_leads_to_is_what_was_wanted(wanted: ServiceSpec, seen: ServiceSpec) -> None:
    assert service_changes(wanted, lay(seen, wanted)) == ()
