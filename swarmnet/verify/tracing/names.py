"""The layer of a trace that is about the target's name: who is asked for it, and where it leads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.expectation import PartyKind
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer
from swarmnet.verify.ends import HOST_NETWORK, has_names
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import dns_servers, overlays_of, running
from swarmnet.verify.scenarios.expected.asked import UNRESOLVABLE
from swarmnet.verify.scenarios.own.addresses import names_on
from swarmnet.verify.scenarios.own.extra_hosts import REMOVE, astray
from swarmnet.verify.scenarios.own.names import STALE_FIX
from swarmnet.verify.scenarios.own.processes import (
    NAMESERVER_FIX,
    PROGRAMS,
    asks_itself,
    asks_itself_in_words,
    asks_others,
    program_of,
    without_servers,
)
from swarmnet.verify.tracing.asking import namespace_of
from swarmnet.verify.tracing.layers import failed, ok, unknown

if TYPE_CHECKING:
    from swarmnet.model.expectation import Arrow
    from swarmnet.model.state import ClusterState
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome


def nameless(setup: Setup, end: End, others: tuple[End, ...]) -> Layer | None:
    """Return why no name is looked up, where both ends have only networks in common that give none."""
    common = sorted({network for other in others for network in other.addresses} & {*end.addresses})
    if not common or any(has_names(setup.state, network) for network in common):
        return None
    words = f"engines give no names on {', '.join(common)}: use addresses, or a DNS server of that LAN"
    return Layer(name="name", status=Status.SKIPPED, detail=words)


def looked_up(
    setup: Setup, answers: Answers, arrow: Arrow, end: End, others: tuple[End, ...], named: list[Outcome]
) -> Layer:
    """Return whether the name leads to the service's virtual address, or to its containers."""
    if unasked := [one for one in named if one.seen is None]:
        return unknown("name", f"{arrow.target.name} was not asked for: {unasked[0].why}")
    if led_astray := hidden(setup, arrow):
        return led_astray
    lost = [one for one in named if one.seen == UNRESOLVABLE]
    if elsewhere := _elsewhere(answers, end, others, is_lost=bool(lost)):
        return elsewhere
    if lost:
        fix = "compare its names and aliases (swarmnet show names), and the resolver of that host (dns-service)"
        return failed("name", f"{arrow.target.name} is not found: {lost[0].why}", CauseId.UNRESOLVABLE, fix)
    return _led(setup, arrow, end, others, {address for one in named for address in one.addresses})


def _led(setup: Setup, arrow: Arrow, end: End, others: tuple[End, ...], led: set[str]) -> Layer:
    """Return whether these addresses are the target's, and else whose they are."""
    service = setup.state.service(arrow.target.name)
    virtual = {address.partition("/")[0] for address in service.virtual_ips.values()} if service is not None else set()
    known = virtual | {one for other in others for net, one in other.addresses.items() if net in end.addresses}
    strange = sorted(led - known)
    if strange and not {*strange} & held_by_any(setup.state):
        words = f"{arrow.target.name} leads on {end.host} to {', '.join(strange)}, which nothing had that ran at first"
        return failed("name", words, CauseId.STALE_ADDRESS, STALE_FIX.removesuffix(":"))
    if strange:
        return failed(
            "name",
            f"{arrow.target.name} leads to {', '.join(strange)}, which is not an address of {arrow.target}",
            CauseId.NAMES,
            "look for another container with this name or alias: swarmnet show names",
        )
    kind = "its virtual address" if led & virtual else "its containers"
    return ok("name", f"{arrow.target.name} -> {', '.join(sorted(led))} ({kind}){_shared(setup, arrow, end)}")


def _shared(setup: Setup, arrow: Arrow, end: End) -> str:
    """Return which names of the target others have, too: that may be on purpose, as between two versions of one."""
    mine = f"service {arrow.target.name}"
    several = {
        name: owners - {mine}
        for network in sorted(end.addresses)
        for name, owners in names_on(setup, network).items()
        if mine in owners and owners - {mine}
    }
    return "".join(f"; {name} also leads to {' and '.join(sorted(other))}" for name, other in sorted(several.items()))


def held_by_any(state: ClusterState) -> set[str]:
    """Return every address that a running task, a service or a container has."""
    found = {address for service in state.services for address in service.virtual_ips.values()}
    found |= {address for task in running(state.tasks) for several in task.networks.values() for address in several}
    boxes = (box for host in state.hosts for box in host.containers if box.running)
    found |= {place.address for box in boxes for place in box.endpoints if place.address}
    return {address.partition("/")[0] for address in found}


@dataclass(frozen=True, slots=True)
class OwnServers:
    """The nameservers that a service names for its tasks, where names outside of the swarm are not answered for."""

    words: str
    fix: str
    cause: CauseId | None = None


def own_servers(setup: Setup, answers: Answers, end: End) -> OwnServers | None:
    """Return whom the engine asks for names outside instead of the host's servers; None where it asks these."""
    service, program = setup.state.service(end.party), program_of(answers, PROGRAMS, end)
    servers = dns_servers(service) if HOST_NETWORK not in end.addresses else ()
    if program is not None and (itself := asks_itself(service, program)) and servers:
        return OwnServers(*asks_itself_in_words(end, itself), CauseId.DNS_LOOPBACK)
    words = f"the engine asks {', '.join(servers)} for them, from inside {end} (dns of the service)"
    fix = f"check that this nameserver answers {end.host}, or run {without_servers(end.party, servers)}"
    return OwnServers(words, fix) if servers else None


def hidden(setup: Setup, arrow: Arrow) -> Layer | None:
    """Return the extra host of the source that leads a name of the target elsewhere; None where there is none."""
    target = arrow.target
    named = target.name.lower() if target.kind is PartyKind.NAME else None
    found = astray(setup.state, overlays_of(setup.state, (), named=False), setup.held)
    for one in found if arrow.source.kind is PartyKind.SERVICE else ():
        is_asked = one.name.lower() == named or (target.kind is PartyKind.SERVICE and target.name in one.owners)
        if one.service == arrow.source.name and is_asked:
            return failed("name", one.words, CauseId.HOSTS_ENTRY, f"{REMOVE} {one.command}")
    return None


def _elsewhere(answers: Answers, end: End, others: tuple[End, ...], *, is_lost: bool) -> Layer | None:
    """Return why the engine, which alone knows the name, is not asked for it, or gives none; None where it is asked."""
    if is_lost and HOST_NETWORK in end.addresses:
        servers = ", ".join(_nameservers(answers, end)) or "none"
        words = f"{end} has the network of its host, whose nameservers ({servers}) know no name of the swarm"
        return failed("name", words, CauseId.UNRESOLVABLE, "use the address of a host and a published port")
    if is_lost and others and all(HOST_NETWORK in other.addresses for other in others):
        words = f"{others[0].party} has the network of its hosts, where engines give no names"
        return failed("name", words, CauseId.UNRESOLVABLE, "use the addresses of these hosts")
    program = program_of(answers, PROGRAMS, end)
    if HOST_NETWORK in end.addresses or program is None or program.asks_engine_first:
        return None
    # A server of the container's own may pass questions on to the engine: then the look-up, which asked it, shows it.
    if is_lost or program.nameservers != _nameservers(answers, end):
        return failed("name", asks_others(str(end), program), CauseId.OWN_NAMESERVER, NAMESERVER_FIX)
    return None


def _nameservers(answers: Answers, end: End) -> tuple[str, ...]:
    """Return the nameservers that the look-up asked: those of the file that the engine keeps for the container."""
    lines = (namespace_of(end, "before").read(answers, end.host) or {}).get("resolver")
    words = [str(line).split() for line in lines] if isinstance(lines, list) else []
    return tuple(one[1] for one in words if len(one) > 1 and one[0] == "nameserver")
