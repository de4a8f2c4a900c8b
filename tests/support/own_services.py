"""Services of a user on three hosts, as managers and hosts report them, and what resolvers would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.service import Attachment, EndpointMode, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, Container, Endpoint, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify.own import askers
from swarmnet.verify.scenario import Answer, Answers, InsideTask, Setup
from tests.support.setups import facts, network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Scenario

HOSTS = ("w1", "w2", "w3")
FRONT = network("front")


def service(name: str, *aliases: str, number: int = 1, **fields: object) -> Service:
    """Return a service on ``front`` with the virtual address 10.0.0.NUMBER, unless it has none."""
    spec = ServiceSpec(name=name, image="i:1", networks=(Attachment(network="front", aliases=aliases),))
    virtual = {} if fields.get("endpoint_mode") is EndpointMode.DNSRR else {"front": f"10.0.0.{number}/24"}
    return Service(id=f"id-{name}", version=1, spec=spec.model_copy(update=fields), virtual_ips=virtual)


def task(name: str, slot: int, state: str = "running", wanted: str = "running", message: str = "") -> Task:
    """Return a task in a slot, on the host of that number, with an address of its own."""
    return Task(
        id=f"{name}.{slot}.{state}.{wanted}",
        service_id=f"id-{name}",
        node_id=f"n{slot}",
        slot=slot,
        state=state,
        desired_state=wanted,
        message=message,
        networks={"front": (f"10.0.{len(name)}.{slot}/24",)},
        container_id=f"box-{name}-{slot}",
    )


def node(number: int, **labels: str) -> Node:
    """Return the node of a host, which is ready."""
    spec = NodeSpec(labels=labels)
    return Node(id=f"n{number}", version=1, hostname=f"w{number}", spec=spec, status="ready", address="")


def setup_of(*services: Service, tasks: Iterable[Task] = (), nodes: Iterable[Node] = ()) -> Setup:
    """Return a run on three hosts that entered as few tasks as it needs, and what each host's engine lists."""
    state = ClusterState(
        hosts=tuple(facts(f"w{n}", SwarmMembership(node_id=f"n{n}", address=f"192.0.2.{n}")) for n in (1, 2, 3)),
        nodes=tuple(nodes) or tuple(node(n) for n in (1, 2, 3)),
        networks=(FRONT,),
        services=services,
        tasks=tuple(tasks),
    )
    alive = [one for one in state.tasks if one.state == "running"]
    held = {host: tuple(_box(one) for one in alive if one.node_id == f"n{host[1:]}") for host in HOSTS}
    return Setup(state, (FRONT,), overlays=(FRONT,), insiders=askers(state, (FRONT,), HOSTS, ()), held=held)


def _box(one: Task) -> Container:
    (address,) = one.networks["front"]
    return container(str(one.container_id), address.partition("/")[0], service=str(one.service_id))


def container(name: str, address: str, *aliases: str, service: str | None = None) -> Container:
    """Return a running container on ``front``; without a service it is one that a user started."""
    endpoint = Endpoint(network="front", address=address, aliases=aliases)
    return Container(id=f"id-{name}", name=name, image="i:1", running=True, endpoints=(endpoint,), service=service)


def resolved(scenario: Scenario, setup: Setup, wrong: Mapping[tuple[str, str], Iterable[str]]) -> Answers:
    """Return what resolvers say: what is wanted, or by host (or ``*``) and name what ``wrong`` says."""
    found: Answers = {}
    for question in scenario.ask(setup, {}):
        assert isinstance(question, InsideTask)
        targets = question.task["targets"]
        assert isinstance(targets, dict)
        outcomes: JsonObject = {}
        for label, asked in targets.items():
            assert isinstance(asked, list)
            wanted = asked[1]
            assert isinstance(wanted, list)
            name = label.rpartition(".")[0]
            said = wrong.get((question.host, name), wrong.get(("*", name)))
            addresses = [*(wanted if said is None else said)]
            code = "no address" if addresses else "no such name"
            outcomes[label] = {"ok": said is None, "why": code, "code": code, "addresses": addresses, "tries": 1}
        found[question.host, question.key] = Answer({"targets": outcomes})
    return found
