"""A field that an engine of the swarm does not know is refused: engines leave it out without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.model.engine_json import Part
from swarmnet.model.fields import lines, needed
from swarmnet.model.network import NetworkSpec
from swarmnet.model.service import Service, ServiceMode, ServiceSpec
from swarmnet.model.swarm import SwarmSpec
from swarmnet.model.version import ENGINES, ApiVersion, api_of_engine
from swarmnet.operations.kind import Context
from swarmnet.operations.network.checks import too_old_for_network
from swarmnet.operations.service.restored import RestoredService
from tests.operations.service.test_service import HOSTS, holding, step
from tests.report.service_sample import SERVICE
from tests.report.test_shown import NETWORK, SWARM
from tests.simulator.machine import ENGINES as PROFILES
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from swarmnet.model.state import ClusterState

LIMITS = {"limits": "{memory: 64M, swap: 128M}"}


def young_fields(spec: BaseModel) -> Iterator[tuple[str, str, Any]]:
    """Yield each field of a filled spec with a first API version, or with a part that has one, and its value."""
    for name, line in lines(type(spec)).items():
        value = getattr(spec, name)
        if isinstance(line.codec, Part):
            for inner, since, one in young_fields(value):
                yield f"{name}.{inner}", since, type(value)(**{inner: one})
        elif line.since is not None:
            yield name, line.since, value


SERVICE_FIELDS = [(path.partition(".")[0], since, value) for path, since, value in young_fields(SERVICE)]
NETWORK_FIELDS = list(young_fields(NETWORK))


def with_engine(state: ClusterState, version: str, api: str, *hosts: str) -> ClusterState:
    """Return the state with another engine on these hosts, in their own words and in those of the managers."""
    facts = tuple(
        one.model_copy(update={"engine": one.engine.model_copy(update={"version": version, "api_version": api})})
        if one.host in hosts
        else one
        for one in state.hosts
    )
    nodes = tuple(
        one.model_copy(update={"engine_version": version if one.hostname in hosts else "29.4.0"}) for one in state.nodes
    )
    return state.model_copy(update={"hosts": facts, "nodes": nodes})


def on(version: str, api: str, *hosts: str) -> ClusterState:
    """Return a swarm of newest engines, except on these hosts."""
    newest = with_engine(holding(), *PROFILES["29"], "m1", "w1")
    return with_engine(newest, version, api, *hosts)


def test_the_samples_use_every_field_with_a_first_version() -> None:
    assert {since for _, since, _ in (*SERVICE_FIELDS, *NETWORK_FIELDS)} <= set(ENGINES)
    assert not list(needed(SWARM)), "add a check for the settings of the swarm"
    assert lines(SwarmSpec)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("field", "since", "value"), SERVICE_FIELDS, ids=str)
def test_a_field_of_a_service_is_refused_on_each_engine_that_is_too_old(
    profile: str, field: str, since: str, value: object
) -> None:
    version, api = PROFILES[profile]
    spec = ServiceSpec.model_validate({"name": "web", "image": "web:1", field: value})
    state = on(version, api, "w1")
    context = Context(state=state, inventory=HOSTS, hosts=HOSTS.hosts)
    found = RestoredService(spec=spec).problems(context)
    assert bool(found) is (ApiVersion.parse(api) < ApiVersion.parse(since))
    assert all(f"w1 has {version}" in one for one in found)


@pytest.mark.parametrize(("field", "since", "value"), SERVICE_FIELDS, ids=str)
def test_a_service_that_is_there_as_it_was_needs_no_newer_engine(field: str, since: str, value: object) -> None:
    """A cluster of several versions may have it: an engine that knew the field made it."""
    del since
    spec = ServiceSpec.model_validate({"name": "web", "image": "web:1", "replicas": 1, field: value})
    there = Service(id="s1", version=1, spec=spec)
    state = on(*PROFILES["20.10"], "m1", "w1")
    context = Context(state=state.model_copy(update={"services": (there,)}), inventory=HOSTS, hosts=HOSTS.hosts)

    assert RestoredService(spec=spec).problems(context) == ()
    changed = RestoredService(spec=spec.model_copy(update={"replicas": 9, "mode": ServiceMode.REPLICATED}))
    assert changed.problems(context)


def test_a_step_over_a_service_that_is_there_as_written_needs_no_newer_engine() -> None:
    state, text = on("28.5.2", "1.51", "m1", "w1"), step(**LIMITS)
    made = plan(text, on(*PROFILES["29"]), HOSTS)
    there = state.model_copy(update={"services": made.predicted.services})

    assert plan(text, there, HOSTS).actions == ()
    assert "needs engine 29.0" in refusal(step(**LIMITS, replicas="7"), there, HOSTS)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("field", "since", "value"), NETWORK_FIELDS, ids=str)
def test_a_field_of_a_network_is_refused_on_each_engine_that_is_too_old(
    profile: str, field: str, since: str, value: object
) -> None:
    version, api = PROFILES[profile]
    spec = NetworkSpec.model_validate({"name": "n", "driver": "bridge", field: value})
    context = Context(state=on(version, api, "w1"), inventory=HOSTS, hosts=HOSTS.hosts)
    found = list(too_old_for_network(spec, context))
    assert bool(found) is (ApiVersion.parse(api) < ApiVersion.parse(since))
    assert all(f"w1 has {version}" in one for one in found)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_mount_of_the_cluster_is_refused_on_managers_that_are_too_old(profile: str) -> None:
    version, api = PROFILES[profile]
    text = step(mounts="[{type: cluster, source: group:fast, target: /d}]", constraints="[node.role == worker]")
    if ApiVersion.parse(api) >= ApiVersion(1, 42):
        assert plan(text, on(version, api, "m1"), HOSTS).actions
    else:
        said = refusal(text, on(version, api, "m1"), HOSTS)
        assert f"p.yml:4:3: service web: mounts.type: cluster needs engine 23.0; manager m1 has {version}: " in said
        assert said.endswith("upgrade, or write another mounts.type")


def test_a_manager_that_is_too_old_counts_though_it_runs_no_task() -> None:
    text = refusal(step(**LIMITS, constraints="[node.role == worker]"), on("28.5.2", "1.51", "m1"), HOSTS)
    assert "limits.swap needs engine 29.0; manager m1 has 28.5.2: upgrade, or leave limits.swap out" in text
    assert text.startswith("p.yml:4:")


def test_a_node_that_the_constraints_rule_out_does_not_count() -> None:
    state = on("28.5.2", "1.51", "w1")
    assert "w1 has 28.5.2" in refusal(step(**LIMITS), state, HOSTS)
    context = Context(state=state, inventory=HOSTS, hosts=HOSTS.hosts)
    spec = ServiceSpec.model_validate(
        {"name": "web", "image": "i", "limits": {"swap": 1}, "constraints": ["node.role==manager"]}
    )
    assert RestoredService(spec=spec).problems(context) == ()


def test_a_node_that_did_not_answer_is_known_by_what_managers_say() -> None:
    state = on("26.1.5", "1.45", "w1")
    state = state.model_copy(update={"hosts": tuple(one for one in state.hosts if one.host != "w1")})
    assert "w1 has 26.1.5" in refusal(step(**LIMITS), state, HOSTS)


@pytest.mark.parametrize(
    ("version", "api"), [*PROFILES.values(), ("28.3.0", "1.51"), ("23.0.6", "1.42"), ("", "0.0"), ("dev", "0.0")]
)
def test_the_api_of_an_engine_is_known_by_its_version(version: str, api: str) -> None:
    known = min(ApiVersion.parse(api), max(map(ApiVersion.parse, ENGINES)))
    assert api_of_engine(version) == known
