"""A host is believed about itself alone (H1, H10): whatever a worker says, plan, backup and nodes are as without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.errors import IncompleteError, RefusedError, SwarmnetError
from swarmnet.model.backup import dump, load
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.state import EngineFacts, HostFacts, SwarmMembership, SwarmStanding
from swarmnet.model.trust import contradictions
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.workflows.apply import apply, prepare
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.simulator.clock import START
from tests.simulator.liar import Lies, PortsWithLiar
from tests.support.goals import goal, terms

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.ports import Ports
    from swarmnet.model.swarm import NodeSpec

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - node: {labels: {zone: dmz}}
    on: [worker]
  - network: {name: front, attachable: true}
"""
NAMES = ("w1", "m1", "m2", "m3", "w2")
GHOST = "ghost" * 5


def literal() -> Inventory:
    """Return hosts of which a worker comes first in the file."""
    hosts = (
        Host(name=name, address=f"192.168.50.{10 + n}", role=Role.MANAGER if name[0] == "m" else Role.WORKER)
        for n, name in enumerate(NAMES, 1)
    )
    return Inventory(cluster="sim", hosts=tuple(hosts), source="sim.yml")


def named(inventory: Inventory) -> Inventory:
    """Return the inventory with names for addresses: it tells less of who is who."""
    hosts = (host.model_copy(update={"address": f"{host.name}.example.net"}) for host in inventory.hosts)
    return inventory.model_copy(update={"hosts": tuple(hosts)})


def swarm(dead: str | None = None) -> World:
    world = World(inventory=literal())
    world.bootstrap()
    if dead is not None:
        world.kill(dead)
    return world


def ids(world: World) -> dict[str, str]:
    return {name: machine.node_id for name, machine in world.machines.items()}


def others(world: World) -> dict[str, NodeSpec]:
    """Return every node but the liar's, as the swarm has it."""
    return {node.host: node.spec for node in world.store("m1").nodes.values() if node.host != "w1"}


def outcome(world: World, ports: Ports) -> tuple[dict[str, NodeSpec], set[str]]:
    """Return what became of the others after an apply that the operator let go as far as flags do."""
    try:
        apply(ports, goal(ports.inventory, SITE, Permissions(allow_missing=True)), terms())
    except SwarmnetError:
        return others(world), set()
    return others(world), {net.spec.name for net in world.store("m1").networks.values()}


@st.composite
def claims(draw: st.DrawFn) -> tuple[str, str, SwarmMembership]:
    """Draw a hostname, a host whose node the liar says it is, and a membership that lacks the node's id."""
    hostname = draw(st.sampled_from([*NAMES, "W2.example.net", "x9", ""]))
    victim = draw(st.sampled_from([*NAMES, GHOST, ""]))
    membership = SwarmMembership(
        state=draw(st.sampled_from(SwarmStanding)),
        cluster_id=draw(st.sampled_from(["", "ours", "other"])),
        address=draw(st.sampled_from(["", "192.168.50.13", "127.0.0.1"])),
        is_manager=draw(st.booleans()),
        managers=draw(st.sampled_from([(), ("192.168.50.11:2377",)])),
        error=draw(st.sampled_from(["", "The swarm does not have a leader"])),
    )
    return hostname, victim, membership


def lies(world: World, reported: list[tuple[str, str, SwarmMembership]]) -> Lies:
    known, facts = ids(world), []
    for hostname, victim, membership in reported:
        cluster = world.store("m1").id if membership.cluster_id == "ours" else membership.cluster_id
        update = {"node_id": known.get(victim, victim), "cluster_id": cluster}
        standing = membership.model_copy(update=update)
        facts.append(EngineFacts(id="E", version="28.5.2", api_version="1.51", hostname=hostname, membership=standing))
    nodes = tuple(node for node in world.engine("m1").nodes.list() if node.hostname != "m3")
    return Lies(facts=facts, nodes=nodes, swarm=world.store("m1").id)


@settings(max_examples=120, deadline=None)
@given(
    reported=st.lists(claims(), min_size=1, max_size=4),
    dead=st.sampled_from([None, "m2", "w2"]),
    more=st.sampled_from([(), ("192.168.50.13", "192.168.50.15")]),
    by_name=st.booleans(),
)
def test_a_worker_that_lies_changes_no_node_but_its_own_and_no_list(
    reported: list[tuple[str, str, SwarmMembership]], dead: str | None, more: tuple[str, ...], *, by_name: bool
) -> None:
    inventory = named(literal()) if by_name else literal()
    honest, world = swarm(dead), swarm(dead)
    world.machines["w1"].more_addresses = more
    ports = PortsWithLiar(world, inventory, "w1", lies(world, reported))

    seen, right = observe(ports), observe(honest.ports(inventory))
    assert (seen.swarm, seen.nodes, seen.services, seen.configs) == (
        right.swarm,
        right.nodes,
        right.services,
        right.configs,
    )
    nodes, networks = outcome(world, ports)
    expected, made = outcome(honest, honest.ports(inventory))
    before = others(swarm(dead))
    assert {name: spec for name, spec in nodes.items() if spec not in (expected[name], before[name])} == {}
    assert networks <= made


def test_a_worker_that_claims_to_be_a_manager_is_not_believed() -> None:
    world = swarm()
    honest = world.engine("w1").facts()
    manager = honest.membership.model_copy(update={"is_manager": True, "cluster_id": world.store("m1").id})
    forged = Lies(facts=[honest.model_copy(update={"membership": manager})], nodes=(), swarm=world.store("m1").id)

    ports = PortsWithLiar(world, world.inventory, "w1", forged)

    assert len(observe(ports).nodes) == 5
    assert backup(ports).state.services == ()


def test_a_worker_with_a_managers_id_is_named_and_refused_and_the_backup_is_partial() -> None:
    world = swarm()
    honest = world.engine("w1").facts()
    other = honest.model_copy(update={"hostname": "m2", "membership": world.engine("m2").facts().membership})
    ports = PortsWithLiar(world, world.inventory, "w1", Lies(facts=[other]))

    with pytest.raises(RefusedError, match=r"w1 says that it is node \w+, .* that is the address of m2"):
        prepare(ports, goal(world.inventory, SITE, Permissions(allow_missing=True)))
    taken = backup(ports)
    completeness = taken.completeness
    assert load(dump(taken)) == taken
    assert not completeness.complete
    assert [failure.host for failure in completeness.failures] == ["w1"]


def test_two_hosts_that_may_both_be_the_node_are_both_named() -> None:
    world = swarm()
    hosts = tuple(host.model_copy(update={"name": f"host-{host.name}"}) for host in named(literal()).hosts)
    copied = SwarmMembership(state=SwarmStanding.ACTIVE, node_id=ids(world)["w1"])
    engine = EngineFacts(id="E", version="28.5.2", api_version="1.51", hostname="w1", membership=copied)
    seen = [HostFacts(host=name, engine=engine) for name in ("host-w1", "host-w2")]
    inventory = Inventory(cluster="sim", hosts=hosts)

    found = contradictions(seen, world.engine("m1").swarm(), world.engine("m1").nodes.list(), inventory)

    assert {host: "so does" in why for host, why in found.items()} == {"host-w1": True, "host-w2": True}


def test_managers_that_contradict_each_other_are_both_named_and_nothing_is_taken_from_either() -> None:
    world = swarm()
    fewer = tuple(node for node in world.engine("m1").nodes.list() if node.hostname != "w2")
    ports = PortsWithLiar(world, world.inventory, "m2", Lies(nodes=fewer))

    state = observe(ports)

    assert state.swarm is None
    assert [failure.host for failure in state.failures] == ["m1", "m2"]
    with pytest.raises(IncompleteError, match=r"m1 lists w2 \(.*\) at .*, and m2 does not; m2 lists less than m1"):
        prepare(ports, goal(world.inventory, SITE))


def test_a_node_that_joins_between_two_answers_is_not_a_contradiction() -> None:
    world = swarm()
    behind = Lies(nodes=tuple(node for node in world.engine("m1").nodes.list() if node.hostname != "w2"))
    ports = PortsWithLiar(world, world.inventory, "m2", behind)

    def catches_up() -> None:
        behind.nodes = None

    world.clock.on_tick = catches_up

    assert len(observe(ports).nodes) == 5


def backup(ports: Ports) -> BackupDocument:
    return document(observe(ports), cluster="sim", backup_id="0" * 32, created=START, tool="test")
