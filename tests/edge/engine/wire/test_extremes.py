"""The extreme value of every field that engines show: it is read, and what is sent back is what was there (A15, H11).

The fields are those of recorded engines, so that a field of a later recording is tried by itself. Each is given the
edges of its type in Go, and words that no engine of today knows.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.edge.engine.wire.engine import container_from_inspect, container_from_wire, facts_from_wire
from swarmnet.edge.engine.wire.network import network_from_wire
from swarmnet.edge.engine.wire.parts import as_object, as_text, pruned
from swarmnet.edge.engine.wire.service import service_from_wire, service_to_wire, spec_from_wire, task_from_wire
from swarmnet.edge.engine.wire.swarm import (
    config_from_wire,
    config_to_wire,
    node_from_wire,
    node_spec_from_wire,
    node_spec_to_wire,
    secret_from_wire,
    swarm_from_wire,
    swarm_to_wire,
)
from swarmnet.edge.engine.wire.swarm import spec_from_wire as swarm_spec_from_wire
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.state import SwarmStanding
from tests.edge.engine.wire.test_wire_service import names_of
from tests.support.recorded import VERSIONS, objects, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.base import Document, JsonObject, JsonValue

Path = tuple[str | int, ...]

NUMBERS: tuple[JsonValue, ...] = (-(2**63), -1, 0, 1, 65536, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
TEXTS: tuple[JsonValue, ...] = ("a-word-of-next-year", "x" * 100_000, "\u2028 \u00e9\u4e2d \x7f", "0", "1" * 5000)
PLAIN = {"Subnet", "IPRange", "Gateway", "AuxiliaryAddresses", "DefaultAddrPool", "Data"}
"""Texts whose form the engine itself checks: a block of addresses, base64."""


def leaves(value: JsonValue, path: Path = ()) -> Iterator[Path]:
    """Yield the place of everything that is neither an object nor a list with entries."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


def at(value: JsonValue, path: Path) -> JsonValue:
    for step in path:
        value = value[step]  # type: ignore[index]  # the path is one of this value's
    return value


def with_value(whole: JsonObject, path: Path, value: JsonValue) -> JsonObject:
    """Return the object with another value at a path; what is not on the path is shared, not copied."""
    changed = copy(whole)
    holder: Any = changed
    for step in path[:-1]:
        holder[step] = copy(holder[step])
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def extremes(present: JsonValue, path: Path) -> tuple[JsonValue, ...]:
    match present:
        case bool():
            return (True, False)
        case int() | float():
            return NUMBERS
        case str() if not PLAIN & set(path):
            return TEXTS
        case list() | dict() | None:
            return (None,)
        case _:
            return ()


def variants(whole: JsonObject) -> Iterator[tuple[Path, JsonObject]]:
    for path in leaves(whole):
        for value in extremes(at(whole, path), path):
            yield path, with_value(whole, path, value)


def stated(value: JsonValue) -> JsonValue:
    """Return what is said: engines leave out what is empty or zero, and read it so."""
    if isinstance(value, dict):
        kept = {key: stated(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [], "", 0, False)}
    return [stated(item) for item in value] if isinstance(value, list) else value


def service_and_back(version: str) -> Callable[[JsonObject], JsonValue]:
    names = names_of(version)
    return lambda seen: service_to_wire(spec_from_wire(seen, names), names)


def node_and_back(seen: JsonObject) -> JsonValue:
    return node_spec_to_wire(seen, node_spec_from_wire(seen))


def swarm_and_back(seen: JsonObject) -> JsonValue:
    return swarm_to_wire(swarm_spec_from_wire(seen))


def config_and_back(seen: JsonObject) -> JsonValue:
    return config_to_wire(config_from_wire({"Spec": seen}).spec)


def specs(version: str) -> Iterator[tuple[JsonObject, Callable[[JsonObject], JsonValue]]]:
    """Yield the specs of one recorded engine, and how each comes in and goes out again."""
    yield as_object(as_object(recorded(version)["swarm"])["Spec"]), swarm_and_back
    for service in objects(version, "services"):
        yield as_object(service["Spec"]), service_and_back(version)
    for node in objects(version, "nodes"):
        yield as_object(node["Spec"]), node_and_back
    for config in objects(version, "configs"):
        yield as_object(config["Spec"]), config_and_back


@pytest.mark.parametrize("version", VERSIONS)
def test_every_extreme_of_every_field_of_every_spec_goes_back_as_it_came(version: str) -> None:
    for whole, there_and_back in specs(version):
        for path, changed in variants(whole):
            if path[-1] in ("ConfigID", "SecretID"):  # an id is that of its name, which may be made again
                there_and_back(changed)
                continue
            back = stated(pruned(as_object(there_and_back(changed))))
            want = stated(pruned(changed))
            assert said_at(back, path) == said_at(want, path), path


def said_at(value: JsonValue, path: Path) -> JsonValue:
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def readers(version: str) -> Iterator[tuple[str, Callable[[JsonObject], Document]]]:
    names = names_of(version)
    yield "nodes", node_from_wire
    yield "networks", network_from_wire
    yield "services", lambda seen: service_from_wire(seen, names)
    yield "tasks", task_from_wire
    yield "configs", config_from_wire
    yield "secrets", secret_from_wire
    yield "containers", lambda seen: container_from_inspect(container_from_wire(seen), seen)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_extreme_of_every_field_that_is_shown_is_read_as_what_a_backup_can_hold(version: str) -> None:
    for kind, read in readers(version):
        for whole in objects(version, kind):
            for path, changed in variants(whole):
                assert kept(read(changed)), (kind, path)
    for path, changed in variants(as_object(recorded(version)["swarm"])):
        assert kept(swarm_from_wire(changed)), path
    for path, changed in variants(as_object(recorded(version)["info"])):
        assert kept(facts_from_wire(changed, "1.45")), path


def kept(seen: Document) -> bool:
    """Return whether a document says the same after it was written and read."""
    return type(seen).model_validate_json(seen.model_dump_json()).model_dump() == seen.model_dump()


def test_h11_keeping_all_ended_tasks_is_a_setting_like_any_other() -> None:
    seen: JsonObject = {"Orchestration": {"TaskHistoryRetentionLimit": -1}}
    assert swarm_spec_from_wire(seen).task_history == -1
    assert swarm_and_back(seen) == seen | {"Labels": {}}


def test_what_a_field_does_not_hold_is_kept_next_to_it() -> None:
    seen: JsonObject = {"CAConfig": {"NodeCertExpiry": 60 * 10**9}, "Raft": {"SnapshotInterval": -1}}
    spec = swarm_spec_from_wire(seen)
    assert (spec.cert_expiry, spec.snapshot_interval, spec.extra) == (None, None, seen)


def test_a_pool_with_host_bits_is_read_as_the_block_that_it_is() -> None:
    spec = swarm_from_wire({"DefaultAddrPool": ["10.20.30.40/16", "fd00::1/64"], "SubnetSize": 29}).spec
    assert spec.default_addr_pool == ("10.20.0.0/16", "fd00::/64")


def test_words_of_a_later_engine_are_read() -> None:
    facts = facts_from_wire({"Swarm": {"LocalNodeState": "resting", "Error": "tired"}}, "1.60")
    assert facts.membership.state is SwarmStanding.ERROR
    assert facts.membership.error == "its engine calls this 'resting', which is not known here; tired"
    node = node_spec_from_wire({"Role": "witness", "Availability": "asleep", "Labels": {"a": "b"}})
    assert (node.role, node.availability, node.labels) == (None, None, {"a": "b"})


@pytest.mark.parametrize("state", SwarmStanding)
def test_every_known_state_is_read_as_itself(state: SwarmStanding) -> None:
    assert facts_from_wire({"Swarm": {"LocalNodeState": state.value}}, "1.45").membership.state is state


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("availability", Availability)
def test_every_known_word_of_a_node_is_read_as_itself(role: Role, availability: Availability) -> None:
    node = node_spec_from_wire({"Role": as_text(role.value), "Availability": as_text(availability.value)})
    assert (node.role, node.availability) == (role, availability)
