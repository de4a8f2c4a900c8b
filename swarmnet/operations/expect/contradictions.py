"""Which expectations the networks as written cannot meet: said by the plan, before anything is asked.

An overlay carries every port in both directions, and a container reaches others by name only on a common network. A
container has a way out where one of its networks is not internal, or where it publishes a port (moby#34273).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.expectation import Expectations, Party, PartyKind
from swarmnet.operations.service.networks import PREDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow, Door
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState

MACHINES = (PartyKind.OUTSIDE, PartyKind.OPERATOR, PartyKind.HOST, PartyKind.BLOCK)
"""What comes to a service by its published ports alone."""


def contradictions(expected: Expectations, state: ClusterState, elsewhere: tuple[Arrow, ...] = ()) -> Iterator[str]:
    """Yield each expectation that cannot hold in a state; what is not known of a service contradicts nothing.

    ``elsewhere`` is what other steps say: the rest is what no line of any step is about.
    """
    whole = expected.model_copy(update={"arrows": (*expected.arrows, *elsewhere)})
    for arrow in expected.arrows:
        yield from _within(arrow, state) if arrow.target.has_tasks else _way_out(arrow, state)
        if arrow.source.kind in MACHINES:
            yield from _from_outside(arrow, state)
    for arrow in whole.rest():
        common = _common(arrow, state)
        if common and arrow.source.name < arrow.target.name:
            yield (
                f"the rest is denied, and {arrow.source} and {arrow.target} are both on {_words(common)}, where every"
                f" port is open to all: take one of them off, or allow '{arrow}'"
            )
    if expected.rest_denied:
        yield from _unnamed_doors(whole, state)
    for party in expected.sealed:
        yield from _unsealed(party, state)


def _spec(party: Party, state: ClusterState) -> ServiceSpec | None:
    """Return a service whose networks are known, and are the swarm's own."""
    service = state.service(party.name) if party.kind is PartyKind.SERVICE else None
    if service is None or service.spec.networks is None:
        return None
    names = _networks(service.spec)
    is_known = not names & {*PREDEFINED} and all(state.network(name) is not None for name in names)
    return service.spec if is_known else None


def _common(arrow: Arrow, state: ClusterState) -> set[str] | None:
    """Return the networks that have both ends; None where those of an end are not known."""
    one, two = _spec(arrow.source, state), _spec(arrow.target, state)
    return None if one is None or two is None else _networks(one) & _networks(two)


def _of(party: Party, state: ClusterState) -> set[str]:
    spec = _spec(party, state)
    return set() if spec is None else _networks(spec)


def _networks(spec: ServiceSpec) -> set[str]:
    return {one.network for one in spec.networks or ()}


def _within(arrow: Arrow, state: ClusterState) -> Iterator[str]:
    common = _common(arrow, state)
    if arrow.allowed and common is not None and not common:
        places = "; ".join(f"{end}: {_words(_of(end, state))}" for end in (arrow.source, arrow.target))
        words = f"{arrow} is not possible: they have no network in common ({places})"
        yield f"{words}: attach one of them to a network of the other"
    if common and not arrow.allowed and not arrow.doors:
        yield (
            f"{arrow} is denied, which is not possible: both are on {_words(common)}, where every port is open to all:"
            f" take one of them off, or allow what they need"
        )


def _way_out(arrow: Arrow, state: ClusterState) -> Iterator[str]:
    spec = _spec(arrow.source, state)
    if spec is not None and arrow.allowed and not list(_ways_out(spec, state)):
        yield (
            f"{arrow}: cannot be: all networks of {spec.name} are internal ({_words(_networks(spec))}): attach it to"
            " one that is not"
        )


def _from_outside(arrow: Arrow, state: ClusterState) -> Iterator[str]:
    service = state.service(arrow.target.name) if arrow.target.kind is PartyKind.SERVICE else None
    if service is None:
        return
    given = {port.published: port.protocol for port in service.spec.ports or () if port.published}
    on_lan = any(net.spec.on_lan for name in _networks(service.spec) if (net := state.network(name)))
    if on_lan and arrow.allowed and arrow.doors:
        return  # its containers have addresses there: no port has to be published
    if arrow.allowed and (missing := [door for door in arrow.doors if given.get(door.port) != door.protocol]):
        yield (
            f"{arrow}: cannot be: {arrow.target} does not publish {_doors(missing)}, and nothing else leads into its"
            " networks: publish it"
        )
    elif arrow.allowed and not service.spec.ports:
        yield f"{arrow}: cannot be: {arrow.target} publishes no port: publish one"
    open_to_all = [door for door in arrow.doors if given.get(door.port) == door.protocol]
    if not arrow.allowed and service.spec.ports and (open_to_all or not arrow.doors):
        what = _doors(open_to_all) or "ports"
        yield f"{arrow} is denied, and {arrow.target} publishes {what} on the nodes: do not publish it"


def _unnamed_doors(expected: Expectations, state: ClusterState) -> Iterator[str]:
    """Yield services of the playbook that publish ports which nothing allows."""
    named = {one.target.name for one in expected.arrows if one.source.kind in MACHINES}
    for name in expected.services:
        service = state.service(name)
        if service is not None and service.spec.ports and name not in named:
            doors = ", ".join(str(port.published or port.target) for port in service.spec.ports)
            yield (
                f"the rest is denied, and {name} publishes {doors} on the nodes: allow 'outside -> {name}', or do not"
                " publish it"
            )


def _unsealed(party: Party, state: ClusterState) -> Iterator[str]:
    spec = _spec(party, state)
    ways = list(_ways_out(spec, state)) if spec is not None else []
    if ways:
        yield f"egress: {party}: none: cannot be: {'; '.join(ways)}"


def _ways_out(spec: ServiceSpec, state: ClusterState) -> Iterator[str]:
    """Yield what leads out of the networks of a service."""
    for name in sorted(_networks(spec)):
        network = state.network(name)
        if network is not None and not network.spec.internal:
            yield f"network {name} leads outside: make it internal"
    if spec.ports:
        yield "its published ports come with a way out (moby#34273): publish none"


def _doors(doors: list[Door]) -> str:
    return ", ".join(map(str, doors))


def _words(names: set[str] | list[str]) -> str:
    return ", ".join(sorted(names)) or "none"
