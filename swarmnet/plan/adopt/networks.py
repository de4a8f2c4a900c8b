"""Networks as steps: those of the swarm, and those of single hosts, alike ones in one step."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from swarmnet.model.network import NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.written import WrittenStep, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.network import Network, Subnet
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.adopt.draft import Wish


def local_networks(state: ClusterState, inventory: Inventory, wish: Wish) -> Iterator[WrittenStep]:
    """Yield a step for each local network; hosts whose networks are alike share one, templates come first."""
    alike: dict[str, tuple[JsonObject, list[str]]] = {}
    found = [(facts.host, net) for facts in state.hosts for net in facts.networks if _is_written(net)]
    for host, net in sorted(found, key=lambda one: (not one[1].spec.config_only, one[1].spec.name)):
        arguments = _arguments(net.spec, wish)
        alike.setdefault(json.dumps(arguments, sort_keys=True), (arguments, []))[1].append(host)
    everywhere = {host.name for host in inventory.hosts}
    for arguments, hosts in alike.values():
        selected = () if set(hosts) == everywhere else tuple(hosts)
        yield WrittenStep("network", arguments, on=selected)


def swarm_networks(state: ClusterState, wish: Wish) -> Iterator[WrittenStep]:
    """Yield a step for each network of the swarm."""
    for net in _ordered(state.networks):
        if _is_written(net):
            yield WrittenStep("network", _arguments(net.spec, wish))


def unwritten_networks(state: ClusterState) -> Iterator[str]:
    """Yield the networks that no step describes."""
    for net in _ordered(state.networks):
        if not net.allocated:
            yield f"network {net.spec.name} was accepted but never allocated: it is left out"


def _ordered(networks: Iterable[Network]) -> list[Network]:
    return sorted(networks, key=lambda net: net.spec.name)


def _is_written(net: Network) -> bool:
    return not net.predefined and not net.is_copy and net.allocated


def _arguments(spec: NetworkSpec, wish: Wish) -> JsonObject:
    own = NetworkSpec(name=spec.name, driver=spec.driver).effective_scope
    shown = spec.model_copy(
        update={
            "scope": None if spec.scope in (None, own) else spec.scope,
            "subnets": tuple(_block(one, spec) for one in spec.subnets),
        }
    )
    # Engines refuse labels on networks with a template, so these cannot be marked.
    unmarked = wish.take_ownership and MANAGED_LABEL not in spec.labels and spec.config_from is None
    return {**written(NetworkOperation, shown), **({"take_ownership": True} if unmarked else {})}


def _block(block: Subnet, spec: NetworkSpec) -> Subnet:
    """Return a block without the gateway that an engine chooses by itself: the first address."""
    net = ipaddress.ip_network(block.subnet)
    chosen = net.num_addresses > 1 and block.gateway == str(net[1])
    left_out = chosen and not spec.config_only and block.ip_range is None and spec.ipam_driver in (None, "default")
    return block.model_copy(update={"gateway": None}) if left_out else block
