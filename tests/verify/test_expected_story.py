"""The story of expectations on simulated hosts: what is entered, what is asked, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.model.expectation import Arrow, Check, Door, Expectations, Party, PartyKind
from swarmnet.model.hosts import Availability
from swarmnet.model.report import Status
from swarmnet.model.service import Attachment, ServiceSpec
from swarmnet.model.swarm import NodeSpec
from swarmnet.model.verification import Level
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.workflows.fleet.observe import observe
from tests.support.simulated_probe import IMAGE, KIT, Paths, this_run
from tests.support.verified_world import traces, world_to_verify

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification
    from tests.simulator import World

WEB, DB = (Party(kind=PartyKind.SERVICE, name=name) for name in ("web", "db"))
EXPECTED = Expectations(
    arrows=(Arrow(source=WEB, target=DB, doors=(Door(port=80),), allowed=True),),
    services=("web", "db"),
    checks={"db": Check(tcp=80)},
)
ASKED = tuple(one for one in ALL if one.name in ("isolation", "checks"))
WISH = VerifyOptions(ASKED, expected=EXPECTED)


@pytest.fixture
def world() -> World:
    world = world_to_verify()
    for name in ("web", "db"):
        spec = ServiceSpec(name=name, image="i:1", replicas=3, networks=(Attachment(network="closed"),))
        world.engine("m1").services.create(spec)
    world.settle()
    return world


def run(world: World, wish: VerifyOptions = WISH) -> Verification:
    ports = world.ports()
    return verify(ports, observe(ports), wish, kit=KIT, run=this_run())


def test_services_on_a_network_that_takes_no_container_are_asked_and_nothing_stays(world: World) -> None:
    Paths(world)
    result = run(world)
    assert {(one.subject, one.status) for one in result.verdicts} == {
        ("web -> db: 80", Status.OK),
        ("service db", Status.OK),
    }
    assert result.expected is not None
    assert result.expected.cells["web"]["db"].seen == "open"
    assert traces(world) == []


def test_without_a_playbook_every_service_is_asked_from_inside_its_tasks_and_nothing_stays(world: World) -> None:
    Paths(world)
    own = tuple(one for one in ALL if one.needs_own or one.name in ("own-tasks", "spread"))
    result = run(world, VerifyOptions(own))
    found = {one.scenario: one for one in result.verdicts}
    assert {name: one.status for name, one in found.items()} == {
        "own-tasks": Status.OK,
        "own-programs": Status.OK,
        "spread": Status.SKIPPED,
        "own-names": Status.OK,
        "own-nameservers": Status.SKIPPED,
        "own-aliases": Status.OK,
        "own-addresses": Status.OK,
    }
    assert found["own-names"].detail == "4 names of 2 services are right, asked from inside 3 tasks on 3 hosts"
    started = [one.target for one in world.requests if one.verb == "container.start"]
    assert [name.rpartition("-")[0] for name in started] == ["swarmnet-own-run1"] * 3
    assert traces(world) == []


def test_networks_that_are_named_are_the_only_ones_on_which_services_are_asked(world: World) -> None:
    Paths(world)
    own = tuple(one for one in ALL if one.name == "own-names")
    (verdict,) = run(world, VerifyOptions(own, networks=("front",))).verdicts
    assert verdict.status is Status.SKIPPED


def test_a_drained_or_paused_node_is_asked_through_the_tasks_that_are_there(world: World) -> None:
    Paths(world)
    engine = world.engine("m1")
    for host, availability in (("w1", Availability.DRAIN), ("w2", Availability.PAUSE)):
        node = next(one for one in engine.nodes.list() if one.hostname == host)
        engine.nodes.update(node.id, node.version, NodeSpec(availability=availability))
    world.settle()
    own = tuple(one for one in ALL if one.level is Level.QUICK and (one.needs_own or one.name == "own-tasks"))
    result = run(world, VerifyOptions(own))
    assert {one.status for one in result.verdicts if one.scenario != "probe"} == {Status.OK}
    asked = next(one for one in result.verdicts if one.scenario == "own-names")
    assert asked.detail.endswith("from inside 2 tasks on 2 hosts")


def test_a_port_that_stays_silent_is_named_with_who_asked(world: World) -> None:
    paths = Paths(world)
    paths.unanswered = {"db:80": "no answer"}
    found = {one.subject: one for one in run(world).verdicts}
    assert (found["web -> db: 80"].status, found["web -> db: 80"].cause) == (Status.FAILED, "blocked")
    assert "asked from web.1 on" in found["web -> db: 80"].detail
    assert found["service db"].status is Status.OK


def test_a_container_that_cannot_be_entered_is_inconclusive_and_says_why(world: World) -> None:
    Paths(world)
    del world.machines["w1"].containers[next(iter(world.machines["w1"].containers))]
    found = {one.subject: one for one in run(world).verdicts}
    assert Status.INCONCLUSIVE in {one.status for one in found.values()}
    assert "could not be asked: container" in " ".join(one.detail for one in found.values())


def test_a_host_without_the_image_is_inconclusive(world: World) -> None:
    Paths(world)
    world.missing_images.add(IMAGE)
    assert {one.status for one in run(world).verdicts} == {Status.INCONCLUSIVE}


def test_without_a_named_overlay_those_of_the_expected_services_are_tested(world: World) -> None:
    Paths(world)
    assert run(world, VerifyOptions(ALL, expected=EXPECTED)).networks == ("closed",)
    assert run(world, VerifyOptions(ALL)).networks == ("front",)


def test_all_scenarios_ask_what_is_expected_and_without_expectations_none_does(world: World) -> None:
    Paths(world)
    wide = run(world, VerifyOptions(ALL, networks=("closed",), expected=EXPECTED))
    assert {"isolation", "checks"} <= {one.scenario for one in wide.verdicts}
    bare = run(world, VerifyOptions(ALL, networks=("closed",)))
    assert not {"isolation", "checks"} & {one.scenario for one in bare.verdicts}
    with pytest.raises(UsageError, match="nothing is expected that isolation, checks could ask"):
        run(world, replace(WISH, expected=None))
