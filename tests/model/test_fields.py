"""Laws of the lines of fields: each field has one, and everything that reads them agrees."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.model.base import Document
from swarmnet.model.compare import network_changes, service_changes, swarm_changes
from swarmnet.model.engine_json import Part, absorb, read, write
from swarmnet.model.fields import EXTRA, Effect, lines
from swarmnet.model.merge import lay, merge
from swarmnet.model.network import NetworkSpec, Scope
from swarmnet.model.redaction import specs
from swarmnet.model.reference import field_texts
from swarmnet.model.service import (
    CredentialSpec,
    Dns,
    Healthcheck,
    Limits,
    Logging,
    Reservations,
    RestartPolicy,
    Seccomp,
    SELinux,
    ServiceSpec,
    Task,
    UpdatePolicy,
)
from swarmnet.model.swarm import SwarmSpec
from swarmnet.operations.service.replaced_tasks import ended_tasks
from tests.edge.engine.wire.test_wire_service import FIELDS
from tests.edge.engine.wire.test_wire_service import specs as services

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

SPECS = specs()
PARTS = (
    Limits,
    Reservations,
    Logging,
    UpdatePolicy,
    RestartPolicy,
    Healthcheck,
    Dns,
    Seccomp,
    SELinux,
    CredentialSpec,
)
TASK = Task(id="t", service_id="s", node_id="n", state="running", desired_state="running")


@pytest.mark.parametrize("spec", [*SPECS, *PARTS])
def test_every_field_has_its_line(spec: type[Document]) -> None:
    assert set(lines(spec)) == set(spec.model_fields) - {EXTRA}


def test_a_field_without_a_line_is_refused() -> None:
    class Forgetful(Document):
        colour: str = ""

    with pytest.raises(TypeError, match="colour has no EngineField"):
        lines(Forgetful)


@pytest.mark.parametrize("spec", [*SPECS, *PARTS])
def test_no_two_fields_have_one_place(spec: type[Document]) -> None:
    paths = [line.path for line in lines(spec).values()]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("spec", SPECS)
def test_the_reference_describes_every_field(spec: type[Document]) -> None:
    texts = field_texts(spec)
    assert all(texts.get(name) and line.path for name, line in lines(spec).items())


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("name", "extra")])
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_every_change_of_a_field_is_seen_and_has_the_effect_of_its_line(name: str, data: st.DataObject) -> None:
    line = lines(ServiceSpec)[name]
    one, other = data.draw(FIELDS[name]), data.draw(FIELDS[name])
    seen, wanted = (ServiceSpec.model_validate({"name": "s", "image": "i", name: value}) for value in (one, other))
    found = service_changes(wanted, seen, exact=True)
    same = line.same(one, other) or (name == "image" and str(one).partition("@")[0] == other)
    assert bool(found) is not same
    assert {change.effect for change in found} <= {line.effect}


@settings(max_examples=150, deadline=None)
@given(services, services)
def test_an_update_changes_the_task_template_exactly_when_it_is_predicted_to_end_tasks(
    before: ServiceSpec, step: ServiceSpec
) -> None:
    """A1: engines compare what is written with what is there, exactly; jobs run again whatever changes."""
    before, step = (spec.model_copy(update={"extra": _unforced(spec)}) for spec in (before, step))
    present = _made_by_others(write({}, None, before))
    seen = _read(present)
    wanted = lay(seen, step.model_copy(update={"name": seen.name, "mode": seen.mode}))
    written = write(present, seen, wanted)
    effects = {change.effect for change in service_changes(wanted, seen, exact=True)}
    rewritten = any(written.get(key) != present.get(key) for key in ("TaskTemplate", "EndpointSpec"))
    assert rewritten is any(effect.restarts_tasks for effect in effects)
    ended = ended_tasks(seen, wanted, [TASK], list)
    assert bool(ended) is (written != present if seen.mode.is_job else rewritten)


@settings(max_examples=100, deadline=None)
@given(services)
def test_what_is_described_as_it_is_is_written_exactly_so(spec: ServiceSpec) -> None:
    present = _made_by_others(write({}, None, spec))
    seen = _read(present)
    assert write(present, seen, lay(seen, seen)) == present


@settings(max_examples=100, deadline=None)
@given(services, services)
def test_an_update_leaves_no_difference(before: ServiceSpec, step: ServiceSpec) -> None:
    present = write({}, None, before)
    seen = _read(present)
    wanted = lay(seen, step.model_copy(update={"name": seen.name, "mode": seen.mode}))
    assert service_changes(wanted, _read(write(present, seen, wanted)), exact=True) == ()


@settings(max_examples=100, deadline=None)
@given(services)
def test_what_gets_a_field_later_is_taken_out_of_extra(spec: ServiceSpec) -> None:
    """An old backup has in ``extra`` whatever had no field when it was taken."""
    whole = absorb(spec)
    for name in lines(ServiceSpec):
        value = getattr(whole, name)
        if value in (None, {}) or name in ("name", "image", "mode", "replicas"):
            continue
        bare = whole.model_copy(update={name: {} if name == "labels" else None})
        older = bare.model_copy(update={"extra": _kept_in_extra(whole, name)})
        assert absorb(older) == whole, name
        assert service_changes(absorb(older), whole, exact=True) == ()


@pytest.mark.parametrize("name", [name for name in lines(SwarmSpec) if name != "labels"])
def test_every_setting_of_a_swarm_is_compared_and_has_its_effect(name: str) -> None:
    wanted = SwarmSpec.model_validate({name: OTHER_SETTINGS[name]})
    assert [(change.path, change.effect) for change in swarm_changes(wanted, SwarmSpec())] == [
        (name, lines(SwarmSpec)[name].effect)
    ]


OTHER_SETTINGS: dict[str, object] = {
    "default_addr_pool": ["10.9.0.0/16"],
    "subnet_size": 25,
    "data_path_port": 7777,
    "task_history": 1,
    "cert_expiry": 7200.0,
    "heartbeat": 9.0,
    "snapshot_interval": 7,
    "autolock": True,
}
OTHER_NETWORK: dict[str, object] = {
    "driver": "bridge",
    "scope": "local",
    "attachable": True,
    "internal": True,
    "ingress": True,
    "encrypted": True,
    "mtu": 1400,
    "ipv4": False,
    "ipv6": True,
    "subnets": [{"subnet": "10.1.0.0/24"}],
    "ipam_driver": "dhcp",
    "ipam_options": {"a": "b"},
    "options": {"c": "d"},
    "labels": {"e": "f"},
    "config_only": True,
    "config_from": "template",
}


@pytest.mark.parametrize("name", [name for name, line in lines(NetworkSpec).items() if not line.identity])
def test_every_field_of_a_network_is_compared_and_has_its_effect(name: str) -> None:
    seen = NetworkSpec(name="n", scope=Scope.SWARM).stated
    wanted = NetworkSpec.model_validate({"name": "n", "scope": None, name: OTHER_NETWORK[name]})
    found = network_changes(wanted, seen)
    assert {(change.path.partition(".")[0], change.effect) for change in found} == {
        (name, lines(NetworkSpec)[name].effect)
    }


def test_parts_have_no_effect_of_their_own() -> None:
    """A part costs what its field costs."""
    parts = {line.codec.model for line in lines(ServiceSpec).values() if isinstance(line.codec, Part)}
    assert parts == set(PARTS)
    assert {line.effect for part in PARTS for line in lines(part).values()} == {Effect.UPDATE}


def test_a_count_in_extra_asks_for_at_least_so_many() -> None:
    """A14: a forced update that is asked for happens once."""
    seen = ServiceSpec(name="s", image="i", extra={"TaskTemplate": {"ForceUpdate": 2}})
    asks = {count: ServiceSpec(name="s", image="i", extra={"TaskTemplate": {"ForceUpdate": count}}) for count in (1, 3)}
    assert service_changes(asks[1], seen) == ()
    (change,) = service_changes(asks[3], seen)
    assert change.effect is Effect.RESTARTS_TASKS
    assert ended_tasks(seen, lay(seen, asks[3]), [TASK], list) == {"t"}
    assert lay(seen, asks[1]).extra == seen.extra


def _read(present: JsonObject) -> ServiceSpec:
    found, left = read(ServiceSpec, present)
    return ServiceSpec.model_validate({**found, "extra": left})


def _unforced(spec: ServiceSpec) -> JsonObject:
    """Return the parts without a field, less the count of forced updates, which has a test of its own."""
    extra = deepcopy(spec.extra)
    template = extra.get("TaskTemplate")
    if isinstance(template, dict):
        template.pop("ForceUpdate", None)
    return extra


def _made_by_others(body: JsonObject) -> JsonObject:
    """Return the JSON as the docker command writes it: with empty objects and defaults that say nothing."""
    template = body.setdefault("TaskTemplate", {})
    assert isinstance(template, dict)
    template.setdefault("Resources", {})
    template.setdefault("Placement", {})
    resources, container = template["Resources"], template["ContainerSpec"]
    assert isinstance(resources, dict)
    assert isinstance(container, dict)
    resources.setdefault("Limits", {})
    container.setdefault("DNSConfig", {})
    container.setdefault("StopGracePeriod", 10_000_000_000)
    return body


def _kept_in_extra(whole: ServiceSpec, name: str) -> JsonObject:
    """Return ``extra`` as it was before a field had its line: with the engine's JSON of that field."""
    value: JsonValue = write({}, None, whole)
    keys = lines(ServiceSpec)[name].keys
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    for key in reversed(keys):
        value = {key: value}
    assert isinstance(value, dict)
    return merge(whole.extra, value)
