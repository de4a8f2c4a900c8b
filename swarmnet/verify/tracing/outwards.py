"""Judge the ways that a host passes on: out of the swarm's networks, and in by a published port. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.base import objects_of
from swarmnet.model.expectation import Door
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.service import PublishMode
from swarmnet.model.trace import Layer
from swarmnet.operations.addresses import few
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import CHAIN, EMPTY, is_published
from swarmnet.verify.keys import SAVE
from swarmnet.verify.own import overlays_of
from swarmnet.verify.packet_filter import Packet
from swarmnet.verify.scenarios.control.subnets import within
from swarmnet.verify.scenarios.expected.asked import (
    OPEN,
    REFUSED,
    SILENT,
    UNREACHABLE,
    UNRESOLVABLE,
    ends_named,
    listening_of,
    outcome_of,
)
from swarmnet.verify.scenarios.expected.outside import Outside, outcomes_of
from swarmnet.verify.scenarios.hosts.crossings import BRIDGE, device_of
from swarmnet.verify.scenarios.hosts.passed_on import INSIDE
from swarmnet.verify.scenarios.mesh.mesh import address_of
from swarmnet.verify.scenarios.own.processes import PROGRAMS, not_listening, program_of
from swarmnet.verify.tracing.asking import TRACE, by_name, namespace_of, places_of
from swarmnet.verify.tracing.doors import PUBLISHED, Shut
from swarmnet.verify.tracing.host_mode import Opening, strangers
from swarmnet.verify.tracing.layers import container, failed, ok, target, unknown, worst
from swarmnet.verify.tracing.names import held_by_any, hidden, own_servers
from swarmnet.verify.tracing.rules import reaches, stopped, untranslated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Arrow, Party
    from swarmnet.model.service import PublishedPort
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome

CLIENT = 50000
"""A port that clients have: rules for answers of a server do not meet their packets."""
SHUT = frozenset({REFUSED, SILENT, UNREACHABLE})
"""How a published port that is shut answers."""


def outwards(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Layer]:
    """Yield the way out of the swarm's networks: a name, a route, the host's rules and its address, a port."""
    yield container(answers, end)
    tried = [outcome_of(answers, end, TRACE, one) for one in by_name(setup, answers, arrow)]
    if unasked := [one for one in tried if one.seen is None]:
        yield unknown("name", f"{arrow.target} was not asked for: {unasked[0].why}")
    if led_astray := hidden(setup, arrow):
        yield led_astray
    if lost := [one for one in tried if one.seen == UNRESOLVABLE]:
        yield _unresolved(setup, answers, end, lost[0])
    led = sorted({address for one in tried for address in one.addresses})
    name = tried[0].target.name if tried else arrow.target.name
    yield ok("name", f"{name} -> {', '.join(led)}" if led != [name] else f"{name} is an address")
    if (hidden_by := _own_subnet(setup, end, tried)) is not None:
        yield hidden_by
    default = _default(answers, end)
    if default is None and any(one.seen == UNREACHABLE for one in tried):
        words = "there is no default route: all its networks are internal"
        yield failed("route", words, CauseId.NO_ROUTE, _way_out(setup, arrow.source))
    via = f"via {default.get('via')} on {default.get('device')}" if default is not None else "on its own networks"
    yield ok("route", via)
    if default is not None and HOST_NETWORK not in end.addresses:
        yield from _passed_on(setup, answers, end, default, tried)
    yield _port(answers, end, worst("port", setup, answers, tried, lambda _count: f"{name} accepts connections"), tried)


def _way_out(setup: Setup, source: Party) -> str:
    """Return how a service or container gets a network with a way out: that may let others reach it, so all are named.

    A container is written with its host, ``w1/legacy``, and is connected there.
    """
    open_ones = [net.spec.name for net in overlays_of(setup.state, (), named=False) if not net.spec.internal]
    which = f" ({few(open_ones)})" if open_ones else ""
    host, _, name = str(source).rpartition("/")
    joins = f"on {host}: docker network connect" if host else "docker service update --network-add"
    return f"attach {source} to a network that is not internal{which}: {joins} NETWORK {name}"


def _unresolved(setup: Setup, answers: Answers, end: End, lost: Outcome) -> Layer:
    """Return whom the engine asked for a name outside that was not found: the service's servers, or its host's."""
    said = f"{lost.target.name} is not found: {lost.why}"
    if (asked := own_servers(setup, answers, end)) is not None:
        return failed("name", f"{said}; {asked.words}", asked.cause or CauseId.UNRESOLVABLE, asked.fix)
    fix = "check the nameservers of that host: swarmnet verify --only dns-upstream"
    return failed("name", said, CauseId.UNRESOLVABLE, fix)


def _own_subnet(setup: Setup, end: End, tried: list[Outcome]) -> Layer | None:
    """Return the network of a container that hides what it does not reach; None where none does."""
    lost = {one for outcome in tried if outcome.seen in (SILENT, UNREACHABLE) for one in outcome.addresses}
    for net in setup.state.networks if lost - held_by_any(setup.state) else ():
        for subnet in (block.subnet for block in net.spec.subnets if net.spec.name in end.addresses):
            for address in sorted(lost):
                if within(address, subnet):
                    words = f"{address} is in {subnet} of {net.spec.name}, on which {end} is: its packets stay there"
                    fix = f"recreate {net.spec.name} with a subnet in which nothing outside is"
                    return failed("route", words, CauseId.SUBNET_HIDES_ROUTE, fix)
    return None


def _default(answers: Answers, end: End) -> JsonObject | None:
    routes = (namespace_of(end, "before").read(answers, end.host) or {}).get("routes")
    return next((one for one in objects_of(routes) if one.get("to") == "default"), None)


def _passed_on(setup: Setup, answers: Answers, end: End, default: JsonObject, tried: list[Outcome]) -> Iterator[Layer]:
    """Yield whether the host passes the packets on, and gives them its own address."""
    lost = [one for one in tried if one.seen in (SILENT, UNREACHABLE) and one.addresses]
    if not lost:
        yield ok("firewall", f"{end.host} passes the packets on")
        yield ok("masquerade", f"{end.host} sends them out with its own address")
        return
    if lost[0].addresses[0] == address_of(setup, end.host):
        return  # the host itself is asked: nothing is passed on
    places = places_of(end).read(answers, end.host) or {}
    mine = [one for one, place in places.items() if _device(place) == default.get("device")]
    packet = Packet(
        str(lost[0].target.door.protocol),
        mine[0] if mine else "",
        lost[0].addresses[0],
        lost[0].target.door.port,
        CLIENT,
        came_by=device_of(setup, end.host, str(default.get("via"))) or BRIDGE,
        leaves_by=device_of(setup, end.host, lost[0].addresses[0]),
        asked=(lost[0].addresses[0], lost[0].target.door.port),
    )
    if (stop := stopped(answers, end.host, packet)) is not None:
        yield failed("firewall", stop.words, stop.cause, stop.fix)
    yield ok("firewall", f"no rule of {end.host} that is known here drops them")
    if mine and (stop := untranslated(answers, end.host, packet)) is not None:
        yield failed("masquerade", stop.words, stop.cause, stop.fix)
    yield ok("masquerade", f"{end.host} has a rule that sends them out with its own address")


def _device(place: object) -> object:
    return place.get("device") if isinstance(place, dict) else None


def _port(answers: Answers, end: End, layer: Layer, tried: list[Outcome]) -> Layer:
    """Return the last layer, with whether the host itself comes further."""
    bad = [one for one in tried if one.seen != OPEN and one.addresses]
    if layer.status is not Status.FAILED or not bad:
        return layer
    reached = reaches(answers, end.host, bad[0].addresses[0], bad[0].target.door.port)
    if reached is None:
        return layer
    if reached:
        detail, fix = f"{layer.detail}; {end.host} itself reaches it", f"look for what {end.host} does with containers"
        fix += " alone: rules of nftables, and routes that only its own address has"
    else:
        detail, fix = f"{layer.detail}; {end.host} itself does not reach it either", "look outside of the swarm: at"
        fix += f" {bad[0].target.label}, and at firewalls and routes between it and {end.host}"
    return layer.model_copy(update={"detail": detail, "fix": fix})


def published(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield the way from the operator's machine to the published ports of a service."""
    others = ends_named(setup, str(arrow.target))
    yield target(setup, answers, arrow, others)
    ports, tried = _ports(setup, arrow), outcomes_of(setup, answers, arrow)
    if not ports and any(one.target.end is not None for one in tried):
        yield ok("network", f"{arrow.target} has addresses of the hosts' LAN, where no port has to be published")
        yield worst(
            "port",
            setup,
            answers,
            tried,
            lambda number: count(number, "address accepts connections", "addresses accept connections"),
        )
        return
    if not ports:
        yield _unpublished(setup, arrow)
    yield _program(setup, answers, others, ports)
    lost = [one for one in tried if one.seen in (SILENT, UNREACHABLE)]
    for one in lost:
        for port in ports:
            if port.published == one.target.door.port and (stop := _kept_out(setup, answers, one, port)) is not None:
                yield stop
    yield ok(
        "firewall", "no rule of the hosts that is known here drops them" if lost else "the hosts let connections in"
    )
    yield from _balancer(answers, ports, tried)
    yield from _unled(setup, answers, ports)
    judged = Outside().judge(setup, answers).verdicts[0]
    shut = tuple(dict.fromkeys(one.target.network for one in tried if one.seen in SHUT))
    yield Layer(
        name=PUBLISHED,
        status=judged.status,
        detail=judged.detail,
        cause=judged.cause,
        fix=judged.fix,
        evidence=Shut(str(arrow.target), shut).evidence() if shut else {},
    )


def _ports(setup: Setup, arrow: Arrow) -> tuple[PublishedPort, ...]:
    """Return the published ports that are asked."""
    service = setup.state.service(arrow.target.name)
    if service is None:
        return ()
    wanted = {(door.port, door.protocol) for door in arrow.doors}
    return tuple(
        one for one in service.all_ports if one.published and (not wanted or (one.published, one.protocol) in wanted)
    )


def _unpublished(setup: Setup, arrow: Arrow) -> Layer:
    service = setup.state.service(arrow.target.name)
    ports = service.effective_ports if service is not None else ()
    has = ", ".join(f"{one.published}/{one.protocol}" for one in ports if one.published) or "no port"
    wanted = f" {', '.join(map(str, arrow.doors))}," if arrow.doors else ""
    fix = f"publish it: docker service update --publish-add published=PORT,target=PORT {arrow.target}"
    detail = (
        f"{arrow.target} does not publish{wanted} it publishes {has}" if wanted else f"{arrow.target} publishes {has}"
    )
    return failed(PUBLISHED, detail, CauseId.PORT_CLOSED, fix)


def _program(setup: Setup, answers: Answers, others: tuple[End, ...], ports: tuple[PublishedPort, ...]) -> Layer:
    """Return whether something listens where the published ports lead to."""
    for end in others:
        program = program_of(answers, PROGRAMS, end)
        known = program.listening if program is not None else listening_of(end).read(answers, end.host)
        for port in ports if known is not None and HOST_NETWORK not in end.addresses else ():
            if known is not None and not known.reached(Door(port=port.target, protocol=port.protocol)):
                words, fix = not_listening(end, known, port)
                return failed("program", words, CauseId.NOT_LISTENING, fix)
    return ok("program", "; ".join(_led(setup, others, one) for one in ports))


def _led(setup: Setup, others: tuple[End, ...], port: PublishedPort) -> str:
    """Return where a published port leads, and in host mode on which hosts alone."""
    if port.mode is PublishMode.INGRESS:
        return f"{port.published} leads to {port.target}"
    taken = strangers(setup, others[0].party if others else "", port.published or 0)
    words = "".join(f"; on {host}, {who} holds it" for host, who in sorted(taken.items()))
    return f"{Opening.of(port, others, [host for host in setup.approaches if host not in taken])}{words}"


def _balancer(answers: Answers, ports: tuple[PublishedPort, ...], tried: list[Outcome]) -> Iterator[Layer]:
    """Yield whether the kernels of the hosts can balance, where the routing mesh must."""
    mesh = {port.published for port in ports if port.mode is PublishMode.INGRESS}
    if not mesh:
        return
    bad = [one.target.network for one in tried if one.seen != OPEN and one.target.door.port in mesh]
    known = {host: found.has_ipvs for host in bad if (found := PROGRAMS.read(answers, host)) is not None}
    if lacking := [host for host, has_ipvs in known.items() if not has_ipvs]:
        words = f"the kernel of {', '.join(lacking)} has no IPVS, so the routing mesh cannot work there"
        fix = "use a kernel with CONFIG_IP_VS (modprobe ip_vs ip_vs_rr), or publish the port in host mode"
        yield unknown("balancer", words, fix).model_copy(update={"cause": CauseId.NO_IPVS})
    yield ok("balancer", "the hosts' kernels can balance" if bad else "the hosts' kernels balance")


def _unled(setup: Setup, answers: Answers, ports: tuple[PublishedPort, ...]) -> Iterator[Layer]:
    """Yield the hosts without the rule that leads a port into the mesh.

    Without the rule, a port still opens, and nothing answers (seen on 26.1 and 28.5). Why is concluded from the source
    of libnetwork: the engine listens at each port of the mesh itself, to hold it, and takes no connection.
    """
    for port in ports:
        lacking = [
            host for host in setup.approaches if port.mode is PublishMode.INGRESS and _lacks(answers, host, port)
        ]
        if lacking:
            words = f"the nat rule for {port.protocol} port {port.published} is missing on {', '.join(lacking)}"
            fix = f"restart Docker on {', '.join(lacking)} to recreate the rule (systemctl restart docker)"
            yield failed(PUBLISHED, f"{words}: it may open there, and no task answers", CauseId.INGRESS_RULES, fix)


def _lacks(answers: Answers, host: str, port: PublishedPort) -> bool:
    """Return whether the engine's rules are on a host, and that of this port is not."""
    rules, programs = SAVE.read(answers, host), PROGRAMS.read(answers, host)
    if rules is None or programs is None or not programs.has_ipvs or CHAIN not in rules.get("nat", EMPTY).chains:
        return False
    return not is_published(rules, port.published or 0, port.protocol)


def _kept_out(setup: Setup, answers: Answers, one: Outcome, port: PublishedPort) -> Layer | None:
    """Return what the host that was asked does with packets for a published port."""
    host, own = one.target.network, one.target.name
    device = device_of(setup, host, own)
    asked = (own, port.published) if port.published is not None else None
    coming = Packet(str(port.protocol), "", own, port.published, CLIENT, came_by=device, asked=asked)
    mesh = port.mode is PublishMode.INGRESS
    inner = replace(
        coming, target=INSIDE if mesh else "", port=port.published if mesh else port.target, leaves_by=BRIDGE
    )
    stop = stopped(answers, host, inner, coming)
    return failed("firewall", stop.words, stop.cause, stop.fix) if stop is not None else None
