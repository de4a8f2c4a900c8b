"""Networks as steps: those of the swarm, and those of single hosts, alike ones in one step."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from swarmnet.model.blocks import overlapping
from swarmnet.model.network import GATEWAY, NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.operations.network.ingress import customised, ingress_of
from swarmnet.operations.network.mesh import AS_ENGINES_DO, GatewayOperation, IngressOperation
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.written import WrittenStep, written
from swarmnet.plan.adopt.draft import Wish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject, Labels
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.network import Network, Subnet
    from swarmnet.model.state import ClusterState


_ENGINES_OWN = ("172.16.0.0/12", "192.168.0.0/16")
"""Where engines take blocks for bridges from that no one chose (libnetwork, ``ipamutils``)."""


def gateways(state: ClusterState, inventory: Inventory) -> Iterator[WrittenStep]:
    """Yield a step for each bridge ``docker_gwbridge`` that an engine would not make by itself."""
    found = [(facts.host, net.spec) for facts in state.hosts for net in facts.networks if net.spec.name == GATEWAY]
    own = [(host, _own(spec, AS_ENGINES_DO)) for host, spec in found if not _is_usual(spec)]
    yield from shared(GatewayOperation.name_in_playbook, own, inventory)


def ingress(state: ClusterState) -> Iterator[WrittenStep]:
    """Yield the step of an ingress network that is not the one that ``swarm init`` makes."""
    seen = ingress_of(state)
    if state.swarm is None or seen is None or not seen.allocated or not customised(seen, state.swarm.spec):
        return
    called = seen.spec.name
    comments = () if called == "ingress" else (f"Its name is {called}; on another swarm it is called ingress.",)
    yield WrittenStep(IngressOperation.name_in_playbook, _own(seen.spec, {}), comments=comments)


def local_networks(state: ClusterState, inventory: Inventory, wish: Wish) -> Iterator[WrittenStep]:
    """Yield a step for each local network; hosts whose networks are alike share one, templates come first."""
    found = [(facts.host, net) for facts in state.hosts for net in facts.networks if _is_written(net)]
    found.sort(key=lambda one: (not one[1].spec.config_only, one[1].spec.name))
    yield from shared("network", [(host, _arguments(net.spec, wish)) for host, net in found], inventory)


def swarm_networks(state: ClusterState, wish: Wish) -> Iterator[WrittenStep]:
    """Yield a step for each network of the swarm but the ingress network."""
    for net in _ordered(state.networks):
        if _is_written(net) and not net.spec.ingress:
            yield WrittenStep("network", _arguments(net.spec, wish))


def unwritten_networks(state: ClusterState) -> Iterator[str]:
    """Yield the networks that no step describes."""
    for net in _ordered(state.networks):
        if not net.allocated:
            yield f"network {net.spec.name} was accepted but never allocated: it is left out"


def shared(operation: str, found: Iterable[tuple[str, JsonObject]], inventory: Inventory) -> Iterator[WrittenStep]:
    """Yield a step for each object of hosts; hosts whose objects are alike share one."""
    alike: dict[str, tuple[JsonObject, list[str]]] = {}
    for host, arguments in found:
        alike.setdefault(json.dumps(arguments, sort_keys=True), (arguments, []))[1].append(host)
    everywhere = {host.name for host in inventory.hosts}
    for arguments, hosts in alike.values():
        yield WrittenStep(operation, arguments, on=() if set(hosts) == everywhere else tuple(hosts))


def _is_usual(spec: NetworkSpec) -> bool:
    """Return whether a bridge is as engines make it."""
    chosen = [block.subnet for block in spec.subnets if overlapping(block.subnet, _ENGINES_OWN) is None]
    return not chosen and spec.mtu is None and spec.options == AS_ENGINES_DO


def _own(spec: NetworkSpec, usual: Labels) -> JsonObject:
    """Return what a step says of a network that engines make by themselves."""
    options = {key: text for key, text in spec.options.items() if usual.get(key) != text}
    arguments = _arguments(spec.model_copy(update={"options": options}), Wish())
    return {key: value for key, value in arguments.items() if key in ("subnets", "mtu", "encrypted", "options")}


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
