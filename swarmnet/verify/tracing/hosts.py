"""Judge the ways from a host itself: to the published ports of a service, and to what is outside of the swarm. Pure.

A host is on no overlay: it reaches services as any client does, by published ports at the addresses of hosts.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.model.expectation import PartyKind
from swarmnet.model.find import of_host
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.verify.ends import machine, tasks_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import OPERATOR
from swarmnet.verify.scenarios.expected.asked import (
    REFUSED,
    UNREACHABLE,
    UNRESOLVABLE,
    ask_open,
    outcome_of,
)
from swarmnet.verify.scenarios.mesh.holders import read_sockets
from swarmnet.verify.tracing.asking import TRACE, by_name
from swarmnet.verify.tracing.host_mode import Opening, holder, where_to_ask
from swarmnet.verify.tracing.layers import failed, ok, unknown, worst
from swarmnet.verify.tracing.outwards import published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.model.service import Service
    from swarmnet.model.trace import Layer
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Question, Setup


def ask_from_host(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Question, ...]:
    """Return what to ask of the way from a host to what is outside of the swarm's networks: one round."""
    if overlay_of(setup, arrow):
        return ()
    held = [read_sockets(arrow.target.name)] if arrow.target.kind is PartyKind.HOST else []
    return (*ask_open(_asker(arrow), TRACE, by_name(setup, answers, arrow)), *held)


def _asker(arrow: Arrow) -> End:
    return machine(arrow.source.name if arrow.source.kind is PartyKind.HOST else OPERATOR)


def from_host(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield the way from a host: whether it could be asked, then the published ports, or name, route and port."""
    yield _from(setup, arrow)
    if arrow.target.kind is PartyKind.SERVICE:
        words = f"hosts know no names of the swarm: {arrow.target} is asked at the addresses of hosts"
        yield ok("name", words)
        yield from published(setup, answers, arrow)
        return
    if stop := overlay_of(setup, arrow):
        yield stop
        return
    yield from _outside(setup, answers, arrow)


def _from(setup: Setup, arrow: Arrow) -> Layer:
    """Return whether the machine that asks could be asked."""
    if arrow.source.kind is PartyKind.OPERATOR:
        approach = setup.approaches.get(arrow.target.name)
        if approach is not None and approach.between:
            return unknown("host", f"{approach.between}: plain sockets of your machine prove nothing")
        return ok("host", "asked from your machine")
    host = arrow.source.name
    observer = of_host(setup.observers, host)
    if observer is None or observer.problem is not None:
        return unknown("host", f"{host} could not be asked: {observer.problem if observer else 'it did not answer'}")
    return ok("host", f"asked from the network of {host} itself")


def overlay_of(setup: Setup, arrow: Arrow) -> Layer | None:
    """Return why an address of an overlay is not reached from a host, and what is instead; None for others."""
    if arrow.target.kind is not PartyKind.BLOCK:
        return None
    address = ip_address(arrow.target.name.partition("/")[0])
    for net in setup.state.networks:
        if net.spec.driver == "overlay" and any(address in ip_network(one.subnet) for one in net.spec.subnets):
            owner = _owner(setup, str(address))
            whose = f", the virtual address of {owner.spec.name}," if owner is not None else ""
            words = (
                f"{address}{whose} is on the overlay {net.spec.name}, and hosts are on none: none of them reaches it"
            )
            return failed("network", words, CauseId.NO_SHARED_NETWORK, _instead(arrow.source.name, owner))
    return None


def _owner(setup: Setup, address: str) -> Service | None:
    return next(
        (one for one in setup.state.services if address in {ip.partition("/")[0] for ip in one.virtual_ips.values()}),
        None,
    )


def _instead(host: str, owner: Service | None) -> str:
    """Return how a host reaches what has an address on an overlay."""
    if owner is None:
        return f"publish a port of its service, and ask for that: swarmnet trace {host} SERVICE"
    ports = [f"{one.published}/{one.protocol}" for one in owner.effective_ports if one.published]
    if not ports:
        return f"publish a port of it: docker service update --publish-add published=PORT,target=PORT {owner.spec.name}"
    return (
        f"use its published port {', '.join(ports)} at the address of any host: swarmnet trace {host} {owner.spec.name}"
    )


def _outside(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield name, route and port, as the host's own resolver and routes lead there."""
    asker = _asker(arrow)
    tried = [outcome_of(answers, asker, TRACE, one) for one in by_name(setup, answers, arrow)]
    if unasked := [one for one in tried if one.seen is None]:
        yield unknown("port", f"{unasked[0].target.label} was not asked for: {unasked[0].why}")
    if lost := [one for one in tried if one.seen == UNRESOLVABLE]:
        fix = f"look at the nameservers of {asker}: cat /etc/resolv.conf"
        yield failed("name", f"{asker} does not find {lost[0].target.name}: {lost[0].why}", CauseId.UNRESOLVABLE, fix)
    name, led = tried[0].target.name, sorted({address for one in tried for address in one.addresses})
    yield ok("name", f"{name} -> {', '.join(led)}" if led and led != [name] else f"{name} is an address")
    if away := [one for one in tried if one.seen == UNREACHABLE]:
        fix = f"look at the routes of {asker}: ip route get {(led or [name])[0]}"
        words = f"{asker} has no way to {away[0].target.label}: {away[0].why}"
        yield failed("route", words, CauseId.NO_ROUTE, fix)
    yield ok("route", f"{asker} has a way there")
    yield from _held(setup, answers, arrow)
    yield from _refused(setup, arrow, [one.target.door.port for one in tried if one.seen == REFUSED])
    yield worst("port", setup, answers, tried, lambda _count: f"{name} accepts connections")


def _refused(setup: Setup, arrow: Arrow, refused: list[int]) -> Iterator[Layer]:
    """Yield the service that publishes a port which a host refuses: its own way says why."""
    if arrow.target.kind is not PartyKind.HOST:
        return
    for service in setup.state.services:
        for port in service.all_ports:
            opening = Opening.of(port, tasks_of(setup.state, service.spec.name), setup.approaches)
            if port.published in refused and port.mode is PublishMode.HOST and arrow.target.name not in opening.hosts:
                words = f"{arrow.target} refuses {port.published}: {service.spec.name}: {opening}"
                yield failed("port", words, CauseId.REFUSED, _where_open(arrow, service.spec.name, opening))
            elif port.published in refused:
                words = f"{arrow.target} refuses {port.published}, which {service.spec.name} publishes"
                fix = f"swarmnet trace {arrow.source} {service.spec.name}:{port.published} says why"
                yield failed("port", words, CauseId.REFUSED, fix)


def _where_open(arrow: Arrow, service: str, opening: Opening) -> str:
    """Return what to trace instead of a host on which a port does not open."""
    if not opening.hosts:
        return f"see why no task of it runs: docker service ps --no-trunc {service}"
    command = f"swarmnet trace {arrow.source} {opening.hosts[0]}:{opening.port.published}"
    return f"write: {command}; in mode ingress, every host opens it"


def _held(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield who holds the ports of a host, and which service publishes them in host mode, without a task there."""
    for host, port in where_to_ask(setup.state, arrow) if arrow.target.kind is PartyKind.HOST else ():
        if not (who := holder(setup, answers, host, port)):
            continue
        rest = [one for one in setup.approaches if one != host]
        others = [
            f"; {service.spec.name}: {Opening.of(one, tasks_of(setup.state, service.spec.name), rest)}"
            for service in setup.state.services
            for one in service.all_ports
            if one.published == port and one.protocol is Protocol.TCP and one.mode is PublishMode.HOST
        ]
        yield ok("program", f"{port} of {host} is held by {who}{''.join(others)}")
