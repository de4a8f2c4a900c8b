"""What hosts are to be: roles, addresses, blocks and ports, from the inventory and, where there is one, a playbook."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.operations.addresses import advertise_of, data_path_of, data_paths_apart
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.operations.swarm.operation import SwarmOperation
from swarmnet.verify.planned import DATA_PATH_PORT, Block, Planned, Published

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Operation

INGRESS = "10.0.0.0/24"
"""The routing mesh's own block, where no pool is given."""


def planned_of(inventory: Inventory, state: ClusterState, operations: Iterable[Operation] | None = None) -> Planned:
    """Return what the hosts are to be; ``operations`` are a playbook's, None without one.

    Where the swarm is there already, its own port and networks count, too.
    """
    addresses, data_paths, problems = {}, {}, {}
    for host in inventory.members:
        facts = state.facts(host.name)
        if facts is None:
            continue
        try:
            addresses[host.name] = _canonical(facts.engine.membership.address or advertise_of(host, facts))
            data_paths[host.name] = _canonical(facts.data_path or data_path_of(host, facts) or addresses[host.name])
        except ValueError as error:
            problems[host.name] = str(error)
    apart = data_paths_apart(inventory.members, state)
    steps = tuple(operations or ())
    networks = [one for one in steps if isinstance(one, NetworkOperation) and one.spec.driver == "overlay"]
    port = next((one.data_path_port for one in steps if isinstance(one, SwarmOperation) and one.data_path_port), None)
    seen = state.swarm.spec.data_path_port if state.swarm else None
    encrypted = any(one.spec.encrypted for one in networks) or any(one.spec.encrypted for one in state.networks)
    return Planned(
        managers=frozenset(host.name for host in inventory.managers),
        addresses=addresses,
        data_paths=data_paths,
        problems=problems,
        apart=apart,
        encrypted=encrypted if operations is not None or encrypted else None,
        data_path_port=seen or port or DATA_PATH_PORT,
        blocks=() if state.swarm is not None else tuple(_blocks(steps)),
        published=tuple(_published(steps)),
    )


def _canonical(address: str) -> str:
    """Return an address as kernels write it: what observers see is compared with it."""
    return str(ip_address(address))


def _blocks(steps: Iterable[Operation]) -> Iterable[Block]:
    steps = tuple(steps)
    pools = [pool for one in steps if isinstance(one, SwarmOperation) for pool in one.default_addr_pool or ()]
    for pool in pools:
        yield Block(pool, f"address pool {pool}")
    if not pools:
        yield Block(INGRESS, f"the routing mesh's own {INGRESS} (the playbook has no default_addr_pool)")
    for one in steps:
        if isinstance(one, NetworkOperation):
            for part in one.spec.subnets:
                if one.spec.driver == "overlay":
                    yield Block(part.subnet, f"subnet {part.subnet} of network {one.spec.name}")


def _published(steps: Iterable[Operation]) -> Iterable[Published]:
    for one in steps:
        if isinstance(one, ServiceOperation):
            for port in one.written.ports or ():
                if port.published is not None:
                    yield Published(port.published, port.protocol.value, one.name)
