"""Shapes of engine 29 (API 1.52 to 1.55), made from what 28.5 said by the history of the API.

moby, ``api/docs/CHANGELOG.md``: network inspect has ``Status`` (1.52), container inspect has lost the addresses next to
its networks and the MAC address that was asked for (1.52), services have ``SwapBytes`` and ``MemorySwappiness`` (1.52),
connect applies ``MacAddress`` (1.54), progress tells errors in ``errorDetail`` (1.48). No engine 29 was recorded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.engine.wire.engine import (
    container_from_inspect,
    container_from_wire,
    endpoint_to_wire,
    facts_from_wire,
)
from swarmnet.edge.engine.wire.network import network_from_wire
from swarmnet.edge.engine.wire.parts import as_object, pruned
from swarmnet.edge.engine.wire.service import service_to_wire, spec_from_wire
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.errors import NotFoundError
from swarmnet.model.endpoint import EndpointSpec
from tests.edge.engine.wire.test_wire_service import names_of
from tests.support.http_server import Talker, say
from tests.support.recorded import named, objects, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue

BEFORE = "28.5"
GONE = (
    *("Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "SecondaryIPAddresses"),
    *("SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress"),
    *("IPPrefixLen", "IPv6Gateway", "MacAddress"),
)
"""Fields next to the networks of a container that API 1.52 took away."""


def without(seen: JsonObject, *keys: str) -> JsonObject:
    return {key: value for key, value in seen.items() if key not in keys}


def inspected() -> JsonObject:
    """Return the container that stands alone as engine 29 shows it."""
    seen = as_object(recorded(BEFORE)["standalone"])
    settings = without(as_object(seen["NetworkSettings"]), *GONE)
    return {**seen, "NetworkSettings": settings, "Config": without(as_object(seen["Config"]), "MacAddress", "OnBuild")}


@pytest.fixture
def talker() -> Iterator[Talker]:
    with Talker(answer=say(api="1.55")) as talker:
        yield talker


def test_a_container_is_read_without_the_addresses_next_to_its_networks() -> None:
    listed = next(box for box in objects(BEFORE, "containers") if box["Names"] == ["/standalone"])
    box = container_from_wire(listed)
    before = container_from_inspect(box, as_object(recorded(BEFORE)["standalone"]))
    assert container_from_inspect(box, inspected()) == before
    assert before.endpoints[0].address == "10.61.0.77"


@pytest.mark.parametrize("served", ["1.45", "1.51", "1.52", "1.55", "1.56"])
def test_a_container_is_inspected_where_an_asked_for_mac_address_is_reported(talker: Talker, served: str) -> None:
    listed = next(box for box in objects(BEFORE, "containers") if box["Names"] == ["/standalone"])
    seen = as_object(recorded(BEFORE)["standalone"])
    config: JsonObject = {**as_object(seen["Config"]), "MacAddress": "02:42:0a:3d:00:4d"}
    inspect = f"GET /v{min(served, '1.51')}/containers/{listed['Id']}/json"
    talker.answers["GET /_ping"] = [say(api=served)]
    talker.answers[inspect] = [say(json.dumps({**seen, "Config": config}))]
    talker.answer = say(json.dumps([listed]))
    (box,) = Engine("m1", talker.open, SystemClock()).containers()
    assert box.endpoints[0].mac == "02:42:0a:3d:00:4d"
    assert talker.lines[1].startswith(f"GET /v{min(served, '1.55')}/containers/json?")


@pytest.mark.parametrize("name", ["plain", "full"])
def test_what_a_service_may_swap_goes_back_as_it_came(name: str) -> None:
    spec = as_object(named(BEFORE, "services", name)["Spec"])
    template = as_object(spec["TaskTemplate"])
    resources: JsonObject = {**as_object(template.get("Resources")), "SwapBytes": -1, "MemorySwappiness": 60}
    seen: JsonObject = {**spec, "TaskTemplate": {**template, "Resources": resources}}
    names = names_of(BEFORE)
    back = as_object(service_to_wire(spec_from_wire(seen, names), names)["TaskTemplate"])
    assert pruned(as_object(back["Resources"])) == pruned(resources)


@pytest.mark.parametrize("name", ["front", "local"])
def test_the_use_of_a_networks_addresses_is_not_part_of_it(name: str) -> None:
    seen = named(BEFORE, "networks", name)
    use: JsonValue = {"IPAM": {"Subnets": {"10.60.0.0/24": {"IPsInUse": 5, "DynamicIPsAvailable": 251}}}}
    assert network_from_wire({**seen, "Status": use}) == network_from_wire(seen)


def test_connecting_asks_for_the_mac_address() -> None:
    assert endpoint_to_wire(EndpointSpec(network="n", mac="02:42:0a:3d:00:4d"))["MacAddress"] == "02:42:0a:3d:00:4d"


@pytest.mark.parametrize(
    "line",
    [
        {"errorDetail": {"message": "manifest for web:1 not found"}},
        {"error": "manifest for web:1 not found", "errorDetail": {"message": "manifest for web:1 not found"}},
        {"error": "manifest for web:1 not found"},
    ],
)
def test_progress_tells_errors_in_the_old_place_and_in_the_new(talker: Talker, line: JsonObject) -> None:
    talker.answers["POST /v1.55/images/create?fromImage=web&tag=1"] = [say(json.dumps(line) + "\n", api="1.55")]
    with pytest.raises(NotFoundError, match="pull image web:1: manifest for web:1 not found"):
        Engine("m1", talker.open, SystemClock()).pull_image("web:1")


@pytest.mark.parametrize("driver", ["iptables", "iptables+firewalld", "nftables"])
def test_facts_name_what_writes_the_rules(driver: str) -> None:
    info: JsonObject = {**as_object(recorded(BEFORE)["info"]), "ServerVersion": "29.4.0"}
    facts = facts_from_wire({**info, "FirewallBackend": {"Driver": driver}}, "1.55")
    assert (facts.version, facts.firewall, facts.writes_nftables) == ("29.4.0", driver, driver == "nftables")
    assert not facts_from_wire(info, "1.55").writes_nftables
