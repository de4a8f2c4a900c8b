"""What two words mean in a cluster, and what is said of words that mean nothing there."""

from __future__ import annotations

import pytest

from swarmnet.errors import UsageError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.expectation import Arrow, Expectations, Party, PartyKind
from swarmnet.model.ports import Approach
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.operations.expect.notation import Known, arrow_form
from swarmnet.verify.ends import ends_of
from swarmnet.verify.scenario import Setup
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.wish import behind_port, wish_of
from tests.support.clusters import inventory
from tests.support.setups import facts

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


def inwards(state: ClusterState) -> dict[str, str]:
    """Return what each layer of the way from the operator's machine to web says."""
    way = Arrow(source=OPERATOR, target=Party(kind=PartyKind.SERVICE, name="web"), allowed=True)
    expected = Expectations(arrows=(way,))
    approaches = {one.host: Approach("192.0.2.1", 22) for one in state.hosts}
    setup = Setup(state, (), approaches=approaches, expected=expected, ends=ends_of(state, expected, {}))
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


def test_a_port_in_host_mode_opens_on_hosts_with_a_task_alone_and_both_ways_of_asking_say_so_in_one_sentence() -> None:
    known = Known(services=frozenset({"web"}), hosts=frozenset({"m1", "w1"}))
    state = swarm(PublishMode.HOST)
    form = behind_port(arrow_form("operator", "w1:8080"), OPERATOR, known, state)
    assert form.target == "web"
    with pytest.raises(UsageError) as caught:
        behind_port(arrow_form("operator", "m1:8080"), OPERATOR, known, state)
    said = "8080 leads to 80 in host mode, so it opens only on hosts with a task: w1, not on m1"
    assert caught.value.message == f"web: {said}"
    assert str(caught.value.hint).startswith("write: swarmnet trace operator w1:8080;")
    assert inwards(state)["program"] == said


@pytest.mark.parametrize("change", [{"desired_state": "shutdown"}, {"state": "starting"}])
def test_a_task_that_is_to_end_or_only_starts_opens_no_port_in_host_mode(change: dict[str, str]) -> None:
    known = Known(services=frozenset({"web"}), hosts=frozenset({"m1", "w1"}))
    state = swarm(PublishMode.HOST)
    tasks = tuple(one.model_copy(update=change) for one in state.tasks)
    with pytest.raises(UsageError, match="only on hosts with a task: none, not on m1, w1") as caught:
        behind_port(arrow_form("operator", "w1:8080"), OPERATOR, known, state.model_copy(update={"tasks": tasks}))
    assert caught.value.hint == "see why no task of it runs: docker service ps --no-trunc web"


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
    assert wish.arrow is not None
    assert (wish.source.name, wish.arrow.target.name) == ("shop_web", "shop_db")


def test_of_several_services_with_one_other_name_the_one_on_a_network_of_the_source_is_meant() -> None:
    db = {name: EndpointSpec(network=name, aliases=("db",)) for name in ("one", "two")}
    state = named(web=EndpointSpec(network="two"), one=db["one"], two=db["two"])
    wish = wish_of("web", "db:5432", state, inventory(1, 1))
    assert wish.arrow is not None
    assert wish.arrow.target.name == "two"
    with pytest.raises(UsageError) as caught:
        wish_of("operator", "db:5432", state, inventory(1, 1))
    assert (caught.value.message, caught.value.hint) == (
        "db is another name of one and two",
        "name one of them: one, two",
    )


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
