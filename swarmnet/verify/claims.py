"""Claims that scenarios share: one scenario proves a claim broken, others state that they needed it.

A scenario that proves something new to be broken may define a claim of its own; a scenario that depends on it names the
same claim. Claims with two hosts have a direction, sender first. Whatever needs an answer needs both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Setup

MESH = "the routing mesh"
"""Stands in for a network's name: what every node's entry balances to."""

CERTAIN = frozenset({"apart"})
"""Kinds of claims that are not broken a little, as a line is that loses a tenth: a warning about one is a failure where
something failed that needed it."""


def led() -> Claim:
    """Return the claim that a manager answers for the swarm."""
    return ("led",)


def node(host: str) -> Claim:
    """Return the claim that the manager calls a host's node ready."""
    return ("node", host)


def probe(host: str) -> Claim:
    """Return the claim that a host carries a probe."""
    return ("probe", host)


def observer(host: str) -> Claim:
    """Return the claim that a host carries an observer."""
    return ("observer", host)


def attach(host: str) -> Claim:
    """Return the claim that containers of a host can be put onto overlays."""
    return ("attach", host)


def allocated(network: str) -> Claim:
    """Return the claim that a network has its subnet and VNI."""
    return ("allocated", network)


def rules(host: str, table: str) -> Claim:
    """Return the engine's own rules in one table of a host's firewall."""
    return ("rules", host, table)


def mark(host: str, network: str) -> Claim:
    """Return the rule by which a host encrypts what it sends on a network."""
    return ("mark", host, network)


def guard(host: str, network: str) -> Claim:
    """Return the rule by which a host drops plaintext for an encrypted network."""
    return ("guard", host, network)


def esp_kernel(host: str) -> Claim:
    """Return the claim that a host's kernel can do ESP."""
    return ("esp-kernel", host)


def ipvs_kernel(host: str) -> Claim:
    """Return the claim that a host's kernel can do IPVS."""
    return ("ipvs-kernel", host)


def ipsec(source: str, target: str) -> Claim:
    """Return the IPsec states and policies for one direction, at both ends."""
    return ("ipsec", source, target)


def ipsec_drops(host: str) -> Claim:
    """Return the claim that a host's kernel drops no packet because of IPsec."""
    return ("ipsec-drops", host)


def esp(source: str, target: str) -> Claim:
    """Return the claim that ESP of encrypted overlays gets from one host to another and is delivered there."""
    return ("esp", source, target)


def vxlan(source: str, target: str) -> Claim:
    """Return the claim that VXLAN of plain overlays gets from one host to another."""
    return ("vxlan", source, target)


def passage(carrier: str, source: str, target: str) -> Claim:
    """Return the claim that both hosts let something pass in a direction: ``vxlan``, ``gossip``, ``tcp/2377``."""
    return ("passage", carrier, source, target)


def overlay(network: str, source: str, target: str) -> Claim:
    """Return the claim that a network delivers from one host to another."""
    return ("overlay", network, source, target)


def learned(host: str, peer: str) -> Claim:
    """Return the claim that a host has learned by gossip where the containers of a peer are."""
    return ("learned", host, peer)


def resolver(host: str) -> Claim:
    """Return the engine's own resolver, which containers of a host ask."""
    return ("resolver", host)


def advertised(host: str) -> Claim:
    """Return the claim that a host has the address that its node is known by, and that others reach it there."""
    return ("advertised", host)


def sends(host: str, peer: str) -> Claim:
    """Return the claim that what a host sends from its own address gets on its way to a peer's card.

    From a host to itself: to its own containers, as the engine leads what is for its own published ports.
    """
    return ("sends", host, peer)


def data_path(host: str) -> Claim:
    """Return the claim that others reach the address at which a host expects VXLAN."""
    return ("data-path", host)


def flows(source: str, target: str) -> Claim:
    """Return the claim that all flows from one host to another pass, not only some of them."""
    return ("flows", source, target)


def clock(host: str) -> Claim:
    """Return the claim that a host's clock agrees with those of the others."""
    return ("clock", host)


def port(number: int, source: str, target: str) -> Claim:
    """Return the claim that a TCP port of the swarm's own opens from one host to another."""
    return ("port", str(number), source, target)


def path(source: str, target: str) -> Claim:
    """Return the claim that the underlay carries packets as large as the sender's device takes."""
    return ("path", source, target)


def fitting(network: str, source: str, target: str) -> Claim:
    """Return the claim that a network's full-size packets fit the sender's device."""
    return ("fitting", network, source, target)


def whole(network: str, source: str, target: str) -> Claim:
    """Return the claim that a network's full-size packets arrive."""
    return ("whole", network, source, target)


def steady(network: str, source: str, target: str) -> Claim:
    """Return the claim that a network loses no more packets from one host to another than any line does."""
    return ("steady", network, source, target)


def tasks(service: str) -> Claim:
    """Return the claim that the tasks of a service run."""
    return ("tasks", service)


def settled(service: str) -> Claim:
    """Return the claim that a service keeps the tasks that it has while hosts are asked about them."""
    return ("settled", service)


def programs(service: str) -> Claim:
    """Return the claim that the programs of a service's tasks run: neither paused, nor stopped by a signal."""
    return ("programs", service)


def listens(service: str) -> Claim:
    """Return the claim that the programs of a service's tasks listen behind its published ports."""
    return ("listens", service)


def host_port(service: str) -> Claim:
    """Return the claim that no one else holds a port that a service wants on its hosts."""
    return ("host-port", service)


def name(network: str, name: str) -> Claim:
    """Return the claim that a name on a network belongs to one service or container."""
    return ("name", network, name)


def address(network: str, address: str) -> Claim:
    """Return the claim that an address on a network belongs to one container or service."""
    return ("address", network, address)


def balancer(host: str, network: str) -> Claim:
    """Return the kernel's table by which a host balances on a network, or in the ``MESH``."""
    return ("balancer", host, network)


def ingress_network() -> Claim:
    """Return the claim that the swarm has one network for the routing mesh."""
    return ("ingress-network",)


def mesh_namespace(host: str) -> Claim:
    """Return the network namespace of the routing mesh on a host."""
    return ("mesh-namespace", host)


def entry(host: str, protocol: str) -> Claim:
    """Return the way from a host's published ports into the routing mesh."""
    return ("entry", host, protocol)


def door(side: str, host: str, protocol: str) -> Claim:
    """Return the way from one side (a host, or the operator) to the published ports of a host."""
    return ("door", side, host, protocol)


def published(protocol: str, number: int, side: str, host: str) -> Claim:
    """Return the way from one side (a host, or anyone) to one published port of a host, as far as that passes it on."""
    return ("published", f"{protocol}/{number}", side, host)


def apart(network: str) -> Claim:
    """Return the claim that a network's subnet has no address that its containers should reach outside of it."""
    return ("apart", network)


def forwarding(host: str) -> Claim:
    """Return the claim that a host's kernel forwards packets; network namespaces begin with the host's setting."""
    return ("forwarding", host)


def bridge(host: str) -> Claim:
    """Return the claim that a host sends what is for containers on its ``docker_gwbridge`` to that bridge."""
    return ("bridge", host)


def outwards(host: str) -> Claim:
    """Return the claim that a host passes on what its containers send out of the swarm, with its own address."""
    return ("outwards", host)


def both(way: Callable[[str, str], Claim], source: str, target: str) -> frozenset[Claim]:
    """Return a claim in both directions."""
    return frozenset((way(source, target), way(target, source)))


def exchange(setup: Setup, network: str, source: str, target: str) -> frozenset[Claim]:
    """Return everything that an exchange between two hosts on a network needs; within one host it needs none of it."""
    if source == target:
        return frozenset()
    found = both(lambda one, other: overlay(network, one, other), source, target)
    found |= both(lambda one, other: steady(network, one, other), source, target)
    found |= both(learned, source, target) | {node(source), node(target), allocated(network)}
    nets = (*setup.networks, *setup.state.networks)
    if not any(net.spec.encrypted for net in nets if net.spec.name == network):
        return found | both(vxlan, source, target)
    found |= both(esp, source, target) | both(ipsec, source, target) | esp_kernels(source, target)
    return found | {mark(source, network), mark(target, network)}


def esp_kernels(*hosts: str) -> frozenset[Claim]:
    """Return the kernels of these hosts, as far as ESP goes."""
    return frozenset(esp_kernel(host) for host in hosts)


def managed(setup: Setup, host: str) -> tuple[frozenset[Claim], ...]:
    """Return what a host's orders and answers need, for each manager that could carry them: large packets included."""
    state = setup.state
    nodes = ((one.host, state.node_of(one.host)) for one in setup.probes)
    managers = [name for name, found in nodes if found is not None and found.spec.role == "manager"]
    ends = [both(path, host, manager) | both(_answers, host, manager) for manager in managers if manager != host]
    return tuple(end | {node(host)} for end in ends)


def _answers(source: str, target: str) -> Claim:
    return passage("answers", source, target)


def mesh_exchange(setup: Setup, source: str, target: str) -> frozenset[Claim]:
    """Return everything that an exchange between two hosts on the routing mesh's own network needs."""
    names = [net.spec.name for net in setup.state.networks if net.spec.ingress]
    return exchange(setup, names[0] if names else "ingress", source, target)


def kept(services: Iterable[str]) -> tuple[frozenset[Claim], ...]:
    """Return what a comparison of hosts with the managers' list of tasks needs of each of these services."""
    return tuple(frozenset((settled(one), tasks(one))) for one in sorted(set(services)))


def each(places: Iterable[Claim]) -> tuple[frozenset[Claim], ...]:
    """Return each of these claims as an explanation of its own."""
    return tuple(frozenset((place,)) for place in sorted(set(places)))
