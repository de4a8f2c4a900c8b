"""What a host itself reaches: published ports, other hosts and names, and no address of an overlay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import IncompleteError, UsageError
from swarmnet.model.expectation import Party, PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.report import Status
from swarmnet.model.subnet import Subnet
from swarmnet.verify.scenario import Answer, HostCommand, Observer, ObserverTask
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.tracing.hosts import ask_from_host
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.story import trace
from swarmnet.verify.tracing.wish import TraceWish, wish_of
from swarmnet.workflows.fleet.observe import observe
from tests.support.simulated_probe import KIT, Paths, this_run
from tests.support.verified_world import traces
from tests.verify.scenarios.test_expected import WEB, arrow
from tests.verify.scenarios.test_expected_outside import ADDRESSES, EVERYWHERE, HOST, NAME, answers, published
from tests.verify.test_expected_story import world

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Arrow
    from swarmnet.model.trace import Layer, Path
    from swarmnet.verify.scenario import Answers, Setup
    from tests.simulator import World

__all__ = ["world"]
OTHER = Party(kind=PartyKind.HOST, name="m1")
VIRTUAL = "10.2.0.5"


def block(address: str) -> Party:
    return Party(kind=PartyKind.BLOCK, name=f"{address}/32")


def traced(setup: Setup, way: Arrow, found: Answers) -> Path:
    (path,) = paths_of(setup, found, way)
    return path


def last(setup: Setup, way: Arrow, seen: str, led: tuple[str, ...] = ()) -> Layer:
    """Return where the way from a host ends if the observer there sees this."""
    found: Answers = {}
    for one in ask_from_host(setup, {}, way):
        if isinstance(one, HostCommand):
            continue  # who holds the port is not known
        assert isinstance(one, ObserverTask)
        targets = one.task["targets"]
        assert isinstance(targets, dict)
        outcome: JsonObject = {"seen": seen, "why": "x", "addresses": [*led]}
        found[one.host, one.key] = Answer({"targets": dict.fromkeys(targets, outcome)})
    return traced(setup, way, found).layers[-1]


def test_a_host_reaches_a_service_by_its_published_ports_on_every_host() -> None:
    way = arrow(HOST, WEB, 8080)
    setup = published(way)
    path = traced(setup, way, answers(setup, Outside(), EVERYWHERE))
    assert (path.source, path.status) == ("m2", Status.OK)
    assert [one.name for one in path.layers[:2]] == ["host", "name"]
    broken = traced(setup, way, answers(setup, Outside(), EVERYWHERE | {f"{ADDRESSES['m1']}:8080": "refused"}))
    assert (broken.layers[-1].name, broken.layers[-1].cause) == ("published", "port-closed")


@pytest.mark.parametrize(
    ("seen", "name", "cause"),
    [
        ("open", "port", None),
        ("refused", "port", "refused"),
        ("silent", "port", "blocked"),
        ("unreachable", "route", "no-route"),
        ("unresolvable", "name", "unresolvable"),
    ],
)
def test_the_way_to_a_name_ends_at_the_layer_that_is_broken(seen: str, name: str, cause: str | None) -> None:
    way = arrow(HOST, NAME, 443)
    found = last(published(way), way, seen, ("198.51.100.7",) if seen != "unresolvable" else ())
    assert (found.name, found.cause) == (name, cause)
    assert found.status is (Status.FAILED if cause else Status.OK)


def test_a_port_that_another_host_refuses_and_a_service_publishes_is_led_to_its_own_way() -> None:
    way = arrow(HOST, OTHER, 8080)
    found = last(published(way), way, "refused", (ADDRESSES["m1"],))
    assert found.detail == "m1 refuses 8080, which web publishes"
    assert str(found.fix).startswith("swarmnet trace m2 web:8080")


@pytest.mark.parametrize(
    ("address", "said"), [(VIRTUAL, "swarmnet trace m2 web"), ("10.2.0.77", "swarmnet trace m2 SERVICE")]
)
def test_an_address_of_an_overlay_is_not_asked_for_and_what_is_reached_instead_is_named(
    address: str, said: str
) -> None:
    way = arrow(HOST, block(address), 80)
    setup = published(way)
    spec = NetworkSpec(name="back", driver="overlay", subnets=(Subnet(subnet="10.2.0.0/24"),))
    services = tuple(
        one.model_copy(update={"virtual_ips": {"back": f"{VIRTUAL}/24"}}) if one.spec.name == "web" else one
        for one in setup.state.services
    )
    state = setup.state.model_copy(update={"networks": (Network(id="n9", spec=spec),), "services": services})
    setup = replace(setup, state=state)
    assert ask_from_host(setup, {}, way) == ()
    found = last(setup, way, "open")
    assert (found.name, found.cause) == ("network", "no-shared-network")
    assert str(found.fix).endswith(said)
    assert ("the virtual address of web," in found.detail) is (address == VIRTUAL)


def test_a_host_without_an_observer_proves_nothing() -> None:
    way = arrow(HOST, WEB, 8080)
    setup = replace(published(way), observers=(Observer("m2", problem="disk full"),))
    (only,) = traced(setup, way, {}).layers
    assert (only.name, only.status, "disk full" in only.detail) == ("host", Status.INCONCLUSIVE, True)


def test_a_trace_from_a_host_watches_there_and_leaves_nothing(world: World) -> None:
    Paths(world)
    ports = world.ports()
    way = arrow(OTHER, Party(kind=PartyKind.HOST, name="w1"), 22)
    result = trace(ports, observe(ports), TraceWish(way.source, (way,)), kit=KIT, run=this_run())
    (path,) = result.paths
    assert (path.source, path.layers[0].detail) == ("m1", "asked from the network of m1 itself")
    assert traces(world) == []


def test_the_operators_machine_asks_a_host_for_a_port_and_its_engine_for_who_holds_it(world: World) -> None:
    Paths(world)
    ports = world.ports()
    box = next(iter(world.machines["w1"].containers.values()))
    world.machines["w1"].held_ports = {9000: box.name}
    wish = wish_of("operator", "w1:9000", observe(ports), world.inventory)
    (path,) = trace(ports, observe(ports), wish, kit=KIT, run=this_run()).paths
    assert path.status is Status.OK
    held = [one.detail for one in path.layers if one.name == "program"]
    assert held == [f"9000 of w1 is held by container {box.name} ({box.image}) of service {box.service}"]
    assert traces(world) == []


def test_a_host_that_gives_no_answer_is_not_traced_from(world: World) -> None:
    world.kill("w2")
    ports = world.ports()
    way = arrow(Party(kind=PartyKind.HOST, name="w2"), WEB, 80)
    with pytest.raises(IncompleteError, match="w2 does not answer by SSH: no route to host"):
        trace(ports, observe(ports), TraceWish(way.source, (way,)), kit=KIT, run=this_run())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("m1", None), "what should m1 reach?"),
        (("m1", "w1"), "no port of w1 is named"),
        (("m1", "w1:53/udp"), "name a TCP port"),
        (("m1", "w1/box:80"), "a host reaches containers by published ports alone"),
        (("m1", "192.0.2.0/24:80"), "a block has many addresses: name one"),
        (("nowhere", "web"), "there is no service 'nowhere', and no such host"),
    ],
)
def test_words_that_ask_nothing_of_a_host_are_answered_with_what_to_write(
    world: World, words: tuple[str, str | None], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        wish_of(*words, observe(world.ports()), world.inventory)
    assert said in caught.value.message


@pytest.mark.parametrize("target", ["web", "web:8080", "w1:22", "deb.example:443", "192.0.2.9:80"])
def test_a_host_may_ask_for_services_hosts_names_and_addresses(world: World, target: str) -> None:
    wish = wish_of("m1", target, observe(world.ports()), world.inventory)
    assert (wish.source.kind, len(wish.arrows)) == (PartyKind.HOST, 1)
