"""What only real engines can show: trouble in a swarm, containers that run, images that load, engines that restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import Session
from swarmnet.errors import EngineError, HostError, NotAManagerError, NotFoundError
from swarmnet.lab.image import make_image
from swarmnet.lab.state import Fault
from swarmnet.model.base import Secret
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.network import NetworkSpec
from swarmnet.model.ports import ContainerSpec, JoinAddress
from swarmnet.model.state import Endpoint, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import SwarmSpec
from swarmnet.parse.inventory import parse_inventory
from tests.support.image_archives import saved
from tests.support.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.edge.engine.client import StreamLike
    from swarmnet.lab import Lab
    from swarmnet.model.ports import EnginePort

pytestmark = pytest.mark.lab

CLOCK = SystemClock()
IMAGE = "swarmnet-test:1"


def engine_of(host: str, open_stream: Callable[[], StreamLike]) -> Engine:
    return Engine(host, open_stream, CLOCK)


@pytest.fixture(scope="module")
def lab(session_lab: Lab) -> Lab:
    """The session's lab, made clean once for all tests here: each leaves it as it was."""
    session_lab.reset()
    make_image(session_lab, IMAGE)
    return session_lab


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    path = lab.inventory
    inventory = parse_inventory(path.read_bytes(), name=str(path), folder=path.parent).inventory
    with Session(inventory, engine_of, start_inside) as session:
        yield session


def form_swarm(lab: Lab, session: Session, names: tuple[str, ...], spec: SwarmSpec) -> list[EnginePort]:
    """Make a swarm of managers, to be left or lost by the test."""
    first, *others = [session.engine(name) for name in names]
    first.init_swarm(spec, JoinAddress(str(lab.host(names[0]).address)))
    token = first.join_token(Role.MANAGER)
    for engine in others:
        address = str(lab.host(engine.host).address)
        engine.join_swarm(JoinAddress(address), remote=f"{lab.host(names[0]).address}:2377", token=token)
    return [first, *others]


def settled(engine: EnginePort, wanted: Callable[[SwarmMembership], bool]) -> SwarmMembership:
    """Wait until the membership of an engine is as wanted."""

    def look() -> tuple[SwarmMembership | None, str]:
        try:
            seen = engine.facts().membership
        except HostError as error:
            return None, error.message
        return (seen if wanted(seen) else None), str(seen)

    return wait_until(CLOCK, look, what="the membership", timeout=180)


def test_a_locked_manager_says_so(lab: Lab, session: Session) -> None:
    (engine,) = form_swarm(lab, session, ("m1",), SwarmSpec(autolock=True))
    key = engine.unlock_key()
    assert key is not None
    assert key.reveal().startswith(b"SWMKEY-")
    lab.break_(Fault(host="m1", kind="engine"))
    with pytest.raises(HostError):
        engine.facts()
    lab.heal(Fault(host="m1", kind="engine"))
    settled(engine, lambda seen: seen.state is SwarmStanding.LOCKED)
    with pytest.raises(NotAManagerError):
        engine.swarm()
    engine.leave_swarm(force=True)
    assert engine.facts().membership.state is SwarmStanding.INACTIVE


def test_a_token_that_is_none_is_refused_without_being_shown(lab: Lab, session: Session) -> None:
    engine = session.engine("m2")
    entry = JoinAddress(str(lab.host("m2").address))
    with pytest.raises(EngineError) as caught:
        engine.join_swarm(entry, remote=f"{lab.host('m1').address}:2377", token=Secret("SWMTKN-canary"))
    assert "canary" not in caught.value.message
    assert engine.facts().membership.state is SwarmStanding.INACTIVE


@pytest.fixture
def container(session: Session) -> Iterator[tuple[EnginePort, str]]:
    engine = session.engine("m1")
    argv = ("sh", "-c", "echo hello; echo trouble >&2; sleep 600")
    container_id = engine.start_container(ContainerSpec(name="box", image=IMAGE, argv=argv, labels={}))
    yield engine, container_id
    engine.remove_container(container_id)


def test_a_containers_log_has_both_streams(container: tuple[EnginePort, str]) -> None:
    engine, container_id = container
    # The engine writes what a container says after the container said it.
    assert soon(lambda: sorted(engine.container_log(container_id).splitlines()) == [b"hello", b"trouble"])


def test_a_program_in_a_container_is_talked_with_line_by_line(container: tuple[EnginePort, str]) -> None:
    engine, _ = container
    argv = ("sh", "-c", 'while read -r line; do echo "you said $line"; done; sleep 600')
    spec = ContainerSpec(name="listener", image=IMAGE, argv=argv, labels={}, interactive=True)
    listener = engine.start_container(spec)
    for word in (b"one", b"two"):  # letting go of it does not end it
        dialogue = engine.dialogue(listener)
        dialogue.say(word)
        assert dialogue.hear(10) == b"you said " + word
        dialogue.close()
    dialogue = engine.dialogue(listener)
    engine.remove_container(listener)
    with pytest.raises(EngineError):
        dialogue.hear(10)
    with pytest.raises(NotFoundError):
        engine.dialogue(listener)


def test_a_container_that_cannot_start_leaves_nothing_behind(container: tuple[EnginePort, str]) -> None:
    engine, _ = container
    with pytest.raises(EngineError):
        engine.start_container(ContainerSpec(name="fails", image=IMAGE, argv=("/no/such/program",), labels={}))
    assert [box.name for box in engine.containers()] == ["box"]


def test_a_container_has_all_the_networks_and_addresses_it_asked_for(container: tuple[EnginePort, str]) -> None:
    engine, _ = container
    for name, subnet in (("one", "10.91.0.0/24"), ("two", "10.92.0.0/24")):
        engine.networks.create(
            NetworkSpec.model_validate({"name": name, "driver": "bridge", "subnets": [{"subnet": subnet}]})
        )
    endpoints = (Endpoint(network="one", ipv4="10.91.0.7", aliases=("www",)), Endpoint(network="two", ipv4="10.92.0.7"))
    spec = ContainerSpec(name="both", image=IMAGE, argv=("sleep", "600"), labels={}, endpoints=endpoints)
    engine.start_container(spec)
    seen = next(box for box in engine.containers() if box.name == "both").endpoints
    assert {(end.network, end.ipv4, end.address, end.aliases) for end in seen} == {
        ("one", "10.91.0.7", "10.91.0.7", ("www",)),
        ("two", "10.92.0.7", "10.92.0.7", ()),
    }
    engine.remove_container("both")


def test_images_are_loaded_found_and_removed(session: Session) -> None:
    engine = session.engine("m1")
    assert not engine.has_image("loaded.example/team/app:7")
    engine.load_image(saved("loaded.example/team/app:7"))
    assert engine.has_image("loaded.example/team/app:7")
    for _ in range(2):
        engine.remove_image("loaded.example/team/app:7")
    assert not engine.has_image("loaded.example/team/app:7")


def test_an_archive_that_is_none_is_refused(session: Session) -> None:
    with pytest.raises(EngineError):
        session.engine("m1").load_image(b"no archive")


def test_an_image_that_no_registry_has_cannot_be_pulled(session: Session) -> None:
    with pytest.raises(EngineError):
        session.engine("m1").pull_image("127.0.0.1:9/no/such:1", timeout=10)


def test_the_same_engine_object_works_on_after_its_engine_restarted(lab: Lab, session: Session) -> None:
    engine = session.engine("m1")
    before = engine.facts()
    lab.break_(Fault(host="m1", kind="engine"))
    with pytest.raises(HostError):
        engine.networks.list()
    lab.heal(Fault(host="m1", kind="engine"))
    after = engine.facts()
    assert after.model_copy(update={"ahead": before.ahead}) == before  # the clock is measured each time
    with pytest.raises(NotFoundError):
        engine.networks.remove("0123456789ab")


def test_without_a_quorum_no_manager_answers_and_lists_are_cut_silently(lab: Lab, session: Session) -> None:
    first, engine = form_swarm(lab, session, ("m1", "m2"), SwarmSpec())
    first.networks.create(NetworkSpec(name="front"))
    lab.break_(Fault(host="m1", kind="kill"))

    def look() -> tuple[str | None, str]:
        try:
            engine.nodes.list()
        except NotAManagerError as error:
            return error.message, ""
        return None, "it still answers"

    wait_until(CLOCK, look, what="the other manager to miss its leader", timeout=180)
    with pytest.raises(NotAManagerError):
        engine.networks.create(NetworkSpec(name="back"))
    membership = settled(engine, lambda seen: not seen.is_manager)
    assert (membership.state, membership.cluster_id) == (SwarmStanding.ACTIVE, "")
    assert "front" not in {network.spec.name for network in engine.networks.list()}
