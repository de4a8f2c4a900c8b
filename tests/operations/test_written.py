"""What is written of a spec says the same when it is read again, for each field that there is and will be."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from swarmnet.model.engine_json import absorb
from swarmnet.model.fields import EXTRA, lines
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import SwarmSpec
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.operations.swarm.operation import SwarmOperation
from swarmnet.operations.written import WrittenStep, telling, written
from swarmnet.parse.substitute import Substitution
from swarmnet.parse.write import playbook_text
from swarmnet.parse.yaml import load
from tests.edge.engine.wire.test_wire_network import specs as network_specs
from tests.edge.engine.wire.test_wire_service import specs as service_specs
from tests.edge.engine.wire.test_wire_swarm import swarm_specs

if TYPE_CHECKING:
    from swarmnet.model.base import Document, JsonObject, JsonValue
    from swarmnet.operations.kind import Operation


def again(operation: type[Operation], spec: Document) -> Operation:
    """Return the step that describes a spec, written to a file and read from it."""
    text, _begins = playbook_text("p", [WrittenStep("step", written(operation, spec))])
    complaints: list[object] = []
    fill = Substitution({}, {}, lambda *words: complaints.append(words)).fill
    steps = load(text.encode(), "p.yml").data["steps"]
    assert isinstance(steps, list)
    step = steps[0]
    assert isinstance(step, dict)
    assert complaints == []
    return operation.model_validate(fill(step["step"], ()))


def has_words(spec: Document) -> bool:
    """Return whether a file can hold a spec: no text with zero characters, no number of more than 18 digits."""
    text = json.dumps(spec.model_dump(mode="json"))
    return "\\u0000" not in text and re.search("[0-9]{19}", text) is None


def can_start(spec: ServiceSpec) -> bool:
    """Return whether a playbook may ask for a service: engines hold reservations of nothing, and never start them."""
    generic = spec.reservations.generic if spec.reservations else None
    return 0 not in (generic or {}).values()


def said(spec: Document) -> JsonObject:
    """Return what a spec says to engines, field by field."""
    found: dict[str, JsonValue] = {name: line.plain(getattr(spec, name)) for name, line in lines(type(spec)).items()}
    return found | {EXTRA: telling(getattr(spec, EXTRA, {}))}


@settings(deadline=None)
@given(service_specs.filter(has_words).filter(can_start))
def test_services(spec: ServiceSpec) -> None:
    step = again(ServiceOperation, spec)
    assert isinstance(step, ServiceOperation)
    assert said(step.written) == said(absorb(spec))


@settings(deadline=None)
@given(network_specs.filter(has_words).filter(lambda spec: spec.driver != ""))
def test_networks(spec: NetworkSpec) -> None:
    step = again(NetworkOperation, spec)
    assert isinstance(step, NetworkOperation)
    assert said(step.spec) == said(spec)


@settings(deadline=None)
@given(swarm_specs.filter(has_words))
def test_the_swarm(spec: SwarmSpec) -> None:
    step = again(SwarmOperation, spec)
    assert isinstance(step, SwarmOperation)
    read = absorb(SwarmSpec.model_validate({name: getattr(step, name) for name in SwarmSpec.model_fields}))
    assert said(read) == said(absorb(spec))


@pytest.mark.parametrize(
    ("written_spec", "expected"),
    [
        (
            {"ports": [{"target": 80, "published": 8080}, {"target": 53, "protocol": "udp", "mode": "host"}]},
            {"ports": ["8080:80", "53/udp@host"]},
        ),
        ({"ports": [{"target": 80, "name": "x"}]}, {"ports": [{"target": 80, "name": "x"}]}),
        (
            {"networks": [{"network": "a"}, {"network": "b", "aliases": ["c"]}]},
            {"networks": ["a", {"network": "b", "aliases": ["c"]}]},
        ),
        ({"limits": {"memory": 64 * 2**20, "cpus": 0.5}}, {"limits": {"cpus": 0.5, "memory": "64M"}}),
        ({"update": {"delay": 90.0, "monitor": 5.0, "parallelism": 1}}, {"update": {"delay": "90s"}}),
        ({"stop_grace_period": 0.5}, {"stop_grace_period": "500ms"}),
        ({"stop_grace_period": 10.0, "replicas": 1, "endpoint_mode": "vip", "args": []}, {}),
        (
            {"configs": [{"source": "c", "target": "/c"}, {"source": "c", "target": "/d", "mode": 0o400}]},
            {"configs": ["c", {"source": "c", "target": "/d", "mode": "0400"}]},
        ),
        ({"labels": {"io.swarmnet.managed": "shop", "a": "b"}}, {"labels": {"a": "b"}}),
        ({"extra": {"TaskTemplate": {"ForceUpdate": 3, "Runtime": "container", "New": {}}}}, {}),
    ],
)
def test_the_shortest_notation_is_taken_and_defaults_are_left_out(
    written_spec: JsonObject, expected: JsonObject
) -> None:
    spec = ServiceSpec.model_validate({"name": "web", "image": "probe:1", **written_spec})
    assert written(ServiceOperation, spec) == {"name": "web", "image": "probe:1", **expected}, json.dumps(expected)


def test_a_block_with_nothing_of_its_own_is_written_as_its_subnet() -> None:
    spec = NetworkSpec(name="n", subnets=(Subnet(subnet="10.1.0.0/24"), Subnet(subnet="fd00::/64", gateway="fd00::9")))
    assert written(NetworkOperation, spec)["subnets"] == ["10.1.0.0/24", {"subnet": "fd00::/64", "gateway": "fd00::9"}]
