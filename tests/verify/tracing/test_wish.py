"""What two words mean in a cluster, and what is said of words that mean nothing there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.expectation import Arrow, Expectations, Party, PartyKind
from swarmnet.model.ports import Approach
from swarmnet.model.report import Status
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, Container, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.operations.expect.notation import Known, arrow_form
from swarmnet.verify.ends import ends_of
from swarmnet.verify.scenario import Answer, HostCommand, Setup
from swarmnet.verify.tracing.hosts import ask_from_host
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.wish import behind_port, wish_of
from tests.support.clusters import inventory
from tests.support.setups import facts

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.trace import Layer
    from swarmnet.verify.scenario import Answers

OPERATOR = Party(kind=PartyKind.OPERATOR, name="operator")


def swarm(mode: PublishMode) -> ClusterState:
    """Return two hosts, and a service with one task on w1, which publishes 8080."""
    port = PublishedPort(published=8080, target=80, mode=mode)
    nodes = tuple(
        Node(id=f"n-{one}", version=1, hostname=one, spec=NodeSpec(), status="ready", address="192.0.2.1")
        for one in ("m1", "w1")
    )
    return ClusterState(
        hosts=tuple(facts(one, SwarmMembership(node_id=f"n-{one}")) for one in ("m1", "w1")),
        nodes=nodes,
        services=(Service(id="s", version=1, spec=ServiceSpec(name="web", image="w", ports=(port,))),),
        tasks=(Task(id="t", service_id="s", node_id="n-w1", slot=1, state="running", desired_state="running"),),
    )


def inwards(
    state: ClusterState, publishing: dict[tuple[str, int], tuple[Container, ...]] | None = None
) -> dict[str, str]:
    """Return what each layer of the way from the operator's machine to web says."""
    way = Arrow(source=OPERATOR, target=Party(kind=PartyKind.SERVICE, name="web"), allowed=True)
    expected = Expectations(arrows=(way,))
    approaches = {one.host: Approach("192.0.2.1", 22) for one in state.hosts}
    setup = Setup(state, (), approaches=approaches, expected=expected, ends=ends_of(state, expected, {}))
    setup = replace(setup, publishing=publishing or {})
    (path,) = paths_of(setup, {}, way)
    return {layer.name: layer.detail for layer in path.layers}


@pytest.mark.parametrize(
    ("source", "target", "asked"),
    [
        (OPERATOR, "m1:8080", "web"),
        (Party(kind=PartyKind.HOST, name="w1"), "m1:8080", "web"),
        (OPERATOR, "m1:9090", "m1"),
        (OPERATOR, "m1:8080/udp", "m1"),
        (OPERATOR, "web:8080", "web"),
        (Party(kind=PartyKind.SERVICE, name="web"), "m1:8080", "m1"),
    ],
)
def test_a_published_port_of_a_host_is_a_way_to_the_service_behind_it(source: Party, target: str, asked: str) -> None:
    known = Known(services=frozenset({"web"}), hosts=frozenset({"m1", "w1"}))
    found = behind_port(arrow_form(source.name, target), source, known, swarm(PublishMode.INGRESS))
    assert found.target == asked


SAID = "8080 leads to 80 in host mode, so it opens only on hosts with a task: "


def test_a_port_in_host_mode_opens_on_hosts_with_a_task_alone_and_both_ways_of_asking_say_so_in_one_sentence() -> None:
    state = swarm(PublishMode.HOST)
    wish = wish_of("operator", "w1:8080", state, inventory(1, 1))
    assert [one.target.name for one in wish.arrows] == ["web"]
    assert inwards(state)["program"] == f"{SAID}w1, not on m1"
    layer = at_host(state, "m1", "refused")[-1]
    assert layer.detail == f"m1 refuses 8080: web: {SAID}w1, not on m1"
    assert str(layer.fix).startswith("write: swarmnet trace operator w1:8080;")


@pytest.mark.parametrize("change", [{"desired_state": "shutdown"}, {"state": "starting"}])
def test_a_task_that_is_to_end_or_only_starts_opens_no_port_in_host_mode(change: dict[str, str]) -> None:
    state = swarm(PublishMode.HOST)
    tasks = tuple(one.model_copy(update=change) for one in state.tasks)
    layer = at_host(state.model_copy(update={"tasks": tasks}), "w1", "refused")[-1]
    assert layer.detail.endswith("only on hosts with a task: none, not on m1, w1")
    assert layer.fix == "see why no task of it runs: docker service ps --no-trunc web"


ROGUE = Container(id="c", name="rogue", image=f"demo:1@sha256:{'ab' * 32}", running=True)
LISTENS = 'tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("nginx",pid=7,fd=3))'


@pytest.mark.parametrize(
    ("boxes", "sockets", "who"),
    [
        ((ROGUE,), "", "container rogue (demo:1) of no service"),
        ((ROGUE.model_copy(update={"service": "old"}),), "", "container rogue (demo:1) of service old"),
        ((), LISTENS, "nginx"),
        ((), LISTENS.replace("nginx", "docker-proxy"), ""),
    ],
)
def test_what_holds_a_port_in_host_mode_where_no_task_of_the_service_runs_is_named(
    boxes: tuple[Container, ...], sockets: str, who: str
) -> None:
    layers = at_host(swarm(PublishMode.HOST), "m1", "open", boxes, sockets)
    assert (layers[-1].name, layers[-1].status) == ("port", Status.OK)
    held = [one.detail for one in layers if one.name == "program"]
    assert held == ([f"8080 of m1 is held by {who}; web: {SAID}w1"] if who else [])


def test_who_else_holds_a_port_in_host_mode_is_named_next_to_the_hosts_that_lead_to_the_service() -> None:
    own = ROGUE.model_copy(update={"name": "web.1.x", "service": "web"})
    said = inwards(swarm(PublishMode.HOST), {("m1", 8080): (ROGUE,), ("w1", 8080): (own,)})["program"]
    assert said == f"{SAID}w1; on m1, container rogue (demo:1) of no service holds it"


def test_behind_a_jump_host_a_port_that_does_not_open_for_your_machine_proves_nothing() -> None:
    (only,) = at_host(swarm(PublishMode.HOST), "m1", "refused", between="ProxyJump gate")
    assert (only.status, only.detail.startswith("ProxyJump gate: ")) == (Status.INCONCLUSIVE, True)


def at_host(
    state: ClusterState,
    host: str,
    seen: str,
    boxes: tuple[Container, ...] = (),
    sockets: str = "",
    between: str | None = None,
) -> tuple[Layer, ...]:
    """Return the layers of the way from the operator's machine to port 8080 of a host."""
    (way,) = wish_of("operator", f"{host}:8080", state, inventory(1, 1)).arrows
    approaches = {one.host: Approach("192.0.2.1", 22, between) for one in state.hosts}
    setup = Setup(state, (), approaches=approaches, publishing={(host, 8080): boxes})
    found: Answers = {}
    for one in ask_from_host(setup, {}, way):
        outcome: JsonObject = {"targets": {"192.0.2.1:8080": {"seen": seen, "why": "x", "addresses": ["192.0.2.1"]}}}
        printed: JsonObject = {"exit": 0, "stdout": sockets}
        found[one.host, one.key] = Answer(printed if isinstance(one, HostCommand) else outcome)
    (path,) = paths_of(setup, found, way)
    return path.layers


def named(**networks: EndpointSpec) -> ClusterState:
    """Return a swarm with services by these names, each on one network."""
    state = swarm(PublishMode.INGRESS)
    first = state.services[0]
    services = tuple(
        first.model_copy(
            update={"id": name, "spec": first.spec.model_copy(update={"name": name, "networks": (place,)})}
        )
        for name, place in networks.items()
    )
    return state.model_copy(update={"services": services})


def test_another_name_of_a_service_means_the_service() -> None:
    state = named(
        shop_web=EndpointSpec(network="back", aliases=("web",)), shop_db=EndpointSpec(network="back", aliases=("db",))
    )
    wish = wish_of("web", "db:5432", state, inventory(1, 1))
    assert (wish.source.name, [one.target.name for one in wish.arrows]) == ("shop_web", ["shop_db"])


@pytest.mark.parametrize(("source", "meant"), [("web", ["two"]), ("all", ["one", "two"]), ("operator", ["one", "two"])])
def test_of_several_services_with_one_other_name_those_on_a_network_of_the_source_are_meant(
    source: str, meant: list[str]
) -> None:
    """Programs reach either one by chance, so each is traced."""
    db = {name: EndpointSpec(network=name, aliases=("db",)) for name in ("one", "two")}
    state = named(web=EndpointSpec(network="two"), all=EndpointSpec(network="one"), **db)
    both = state.services[1].spec.model_copy(update={"networks": tuple(EndpointSpec(network=name) for name in db)})
    wide = state.services[1].model_copy(update={"spec": both.model_copy(update={"name": "all"})})
    state = state.model_copy(update={"services": (state.services[0], wide, *state.services[2:])})
    wish = wish_of(source, "db:5432", state, inventory(1, 1))
    assert [one.target.name for one in wish.arrows] == meant


def test_a_source_that_several_services_are_called_is_refused() -> None:
    db = {name: EndpointSpec(network=name, aliases=("db",)) for name in ("one", "two")}
    with pytest.raises(UsageError) as caught:
        wish_of("db", "web", named(web=EndpointSpec(network="two"), **db), inventory(1, 1))
    assert (caught.value.message, caught.value.hint) == ("db is another name of one and two", "name one: one, two")


@pytest.mark.parametrize(
    ("words", "message", "hints"),
    [
        (
            ("web", "NOSUCH"),
            "there is no service 'NOSUCH', and no such host",
            ("services: web; ", "HOST/CONTAINER", "NAME.DOMAIN:PORT or ADDRESS:PORT"),
        ),
        (("web", "wbe:80"), "there is no service 'wbe', and no such host", ("did you mean web? ",)),
        (("nowhere", None), "there is no service 'nowhere', and no such host", ("services: web; ", "operator")),
        (("web", "w1"), "no port of w1 is named", ("write: swarmnet trace web w1:22",)),
        (("web", "deb.example"), "no port of deb.example is named", ("write: swarmnet trace web deb.example:443",)),
        (("web", "192.0.2.7"), "no port of 192.0.2.7 is named", ("write: swarmnet trace web 192.0.2.7:443",)),
        (("web", "db:x"), "'db:x' is not TO or TO:PORT", ("write: swarmnet trace web db:5432",)),
        (("web", "db:99999"), "'db:99999' is not TO or TO:PORT", ("ports are from 1 to 65535",)),
        (
            ("deb.example", "web:80"),
            "deb.example is outside of the swarm",
            ("swarmnet trace SERVICE deb.example:PORT",),
        ),
    ],
)
def test_words_that_mean_nothing_are_answered_with_what_is_there_and_what_to_write(
    words: tuple[str, str | None], message: str, hints: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        wish_of(*words, swarm(PublishMode.INGRESS), inventory(1, 1))
    assert caught.value.message.startswith(message)
    assert [one for one in hints if one not in str(caught.value.hint)] == []
    assert "put the step" not in str(caught.value.hint)


def test_of_many_services_the_first_are_listed_and_the_others_counted() -> None:
    state = swarm(PublishMode.INGRESS)
    (web,) = state.services
    names = [f"s{number:02}" for number in range(20)]
    many = tuple(web.model_copy(update={"spec": web.spec.model_copy(update={"name": one})}) for one in names)
    with pytest.raises(UsageError) as caught:
        wish_of("web", None, state.model_copy(update={"services": many}), inventory(1, 1))
    assert ", s11, and 8 more; " in str(caught.value.hint)
