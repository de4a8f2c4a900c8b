"""Judge the ways from a host itself: to the published ports of a service, and to what is outside of the swarm. Pure.

A host is on no overlay: it reaches services as any client does, by published ports at the addresses of hosts.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.model.expectation import PartyKind
from swarmnet.model.find import of_host
from swarmnet.verify.ends import machine
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.expected.asked import (
    REFUSED,
    UNREACHABLE,
    UNRESOLVABLE,
    ask_open,
    outcome_of,
)
from swarmnet.verify.tracing.asking import TRACE, by_name
from swarmnet.verify.tracing.layers import failed, ok, unknown, worst
from swarmnet.verify.tracing.outwards import published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.model.service import Service
    from swarmnet.model.trace import Layer
    from swarmnet.verify.scenario import Answers, Question, Setup


def ask_from_host(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Question, ...]:
    """Return what to ask of the way from a host to what is outside of the swarm's networks: one round."""
    inside = overlay_of(setup, arrow)
    return () if inside else tuple(ask_open(machine(arrow.source.name), TRACE, by_name(setup, answers, arrow)))


def from_host(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield the way from a host: whether it could be asked, then the published ports, or name, route and port."""
    host = arrow.source.name
    observer = of_host(setup.observers, host)
    if observer is None or observer.problem is not None:
        yield unknown("host", f"{host} could not be asked: {observer.problem if observer else 'it did not answer'}")
        return
    yield ok("host", f"asked from the network of {host} itself")
    if arrow.target.kind is PartyKind.SERVICE:
        words = f"hosts know no names of the swarm: {arrow.target} is asked at the addresses of hosts"
        yield ok("name", words)
        yield from published(setup, answers, arrow)
        return
    if stop := overlay_of(setup, arrow):
        yield stop
        return
    yield from _outside(setup, answers, arrow)


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
    asker = machine(arrow.source.name)
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
    yield from _refused(setup, arrow, [one.target.door.port for one in tried if one.seen == REFUSED])
    yield worst("port", setup, answers, tried, lambda _count: f"{name} accepts connections")


def _refused(setup: Setup, arrow: Arrow, refused: list[int]) -> Iterator[Layer]:
    """Yield the service that publishes a port which a host refuses: its own way says why."""
    if arrow.target.kind is not PartyKind.HOST:
        return
    for service in setup.state.services:
        for port in service.all_ports:
            if port.published in refused:
                words = f"{arrow.target} refuses {port.published}, which {service.spec.name} publishes"
                fix = f"swarmnet trace {arrow.source} {service.spec.name}:{port.published} says why"
                yield failed("port", words, CauseId.REFUSED, fix)
