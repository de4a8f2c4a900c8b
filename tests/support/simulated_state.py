"""A simulated cluster as a state, plans run on it, and states without what no plan can know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.compare import network_changes, node_changes, service_changes, swarm_changes
from swarmnet.model.network import Scope
from swarmnet.model.state import ClusterState, CommandResult, HostFacts, HostFailure, Route, SwarmStanding
from swarmnet.operations.playbook import needs
from swarmnet.plan.build import build
from tests.support.plans import book

if TYPE_CHECKING:
    from swarmnet.model.network import Network
    from swarmnet.model.plan import Change, Plan
    from swarmnet.model.ports import Ports
    from swarmnet.operations.playbook import Playbook
    from tests.simulator.world import World


def seen(world: World, playbook: Playbook | None = None) -> ClusterState:
    ports = world.ports()
    hosts: list[HostFacts] = []
    failures: list[HostFailure] = []
    for host in world.inventory.hosts:
        try:
            engine = ports.engine(host.name)
            local = tuple(net for net in engine.networks.list() if net.spec.effective_scope is Scope.LOCAL)
            facts = HostFacts(
                host=host.name,
                engine=engine.facts(),
                addresses=(host.address,),
                networks=local,
                routes=(Route(prefix=host.address.rpartition(".")[0] + ".0/24", device="eth0"),),
                containers=engine.containers(),
            )
        except HostError as error:
            failures.append(HostFailure(host=host.name, reason=error.message))
        else:
            hosts.append(facts)
    state = ClusterState(hosts=tuple(hosts), failures=tuple(failures), answers=_answers(ports, playbook))
    active = any(one.engine.membership.state is SwarmStanding.ACTIVE for one in hosts)
    return _cluster(ports, state) if active else state


def _answers(ports: Ports, playbook: Playbook | None) -> tuple[CommandResult, ...]:
    asked = () if playbook is None else needs(playbook, ports.inventory)
    return tuple(
        CommandResult(host=need.host, argv=need.argv, exit_code=ports.shell(need.host).run(need.argv).exit_code)
        for need in asked
    )


def _cluster(ports: Ports, state: ClusterState) -> ClusterState:
    manager = ports.manager()
    swarm_networks = (net for net in manager.networks.list() if net.spec.effective_scope is Scope.SWARM)
    return state.model_copy(
        update={
            "swarm": manager.swarm(),
            "nodes": manager.nodes.list(),
            "networks": tuple(swarm_networks),
            "services": manager.services.list(),
            "tasks": manager.tasks(),
            "configs": manager.configs.list(),
            "secrets": manager.secrets.list(),
        }
    )


def planned(world: World, steps: str) -> Plan:
    playbook = book(steps)
    return build(playbook, seen(world, playbook), world.inventory)


def run(world: World, plan: Plan) -> None:
    ports = world.ports()
    for action in plan.actions:
        action.run(ports)


def apply(world: World, steps: str) -> Plan:
    made = planned(world, steps)
    run(world, made)
    return made


def differences(predicted: ClusterState, real: ClusterState) -> list[Change]:
    """Return how the real cluster differs from the predicted one, in normal form, both ways where names are shown."""
    found: list[Change] = []
    if predicted.swarm is not None and real.swarm is not None:
        found += swarm_changes(predicted.swarm.spec, real.swarm.spec)
    for network in predicted.networks:
        other = real.network(network.spec.name)
        assert other is not None, network.spec.name
        found += network_changes(network.spec, other.spec)
    for service in predicted.services:
        twin = real.service(service.spec.name)
        assert twin is not None, service.spec.name
        found += service_changes(service.spec, twin.spec)
    by_name = {node.hostname: node for node in real.nodes}
    for node in predicted.nodes:
        found += node_changes(node.spec, by_name[node.hostname].spec, exact=True)
    return found


def names(state: ClusterState) -> dict[str, set[str]]:
    def of(networks: tuple[Network, ...]) -> set[str]:
        return {net.spec.name for net in networks if not net.predefined}

    return {
        "networks": of(state.networks),
        "local": {f"{facts.host}:{name}" for facts in state.hosts for name in of(facts.networks)},
        "services": {one.spec.name for one in state.services},
        "configs": {one.spec.name for one in state.configs},
        "nodes": {one.hostname for one in state.nodes},
    }
