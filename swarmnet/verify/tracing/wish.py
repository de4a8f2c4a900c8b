"""What an operator wants traced: two words, and what they mean in a cluster. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.expectation import Arrow, Expectations, PartyKind
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.operations.expect.notation import MOST_PORT, Known, arrow_form
from swarmnet.verify.ends import tasks_of

if TYPE_CHECKING:
    from swarmnet.model.expectation import Party
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.expect.notation import ArrowForm

SETTLE, WAIT = 5.0, 60.0
MOST_NAMES = 12
"""Services that are listed where a word means none of them."""

USUAL = {PartyKind.HOST: 22, PartyKind.NAME: 443, PartyKind.BLOCK: 443}
"""Ends that listen on no port that is known here, each with one that many have."""


@dataclass(frozen=True, slots=True)
class TraceWish:
    """What the operator wants traced."""

    source: Party
    arrows: tuple[Arrow, ...] = ()
    """None looks at the source's containers alone; several where the target's name is that of several services."""
    settle: float = SETTLE
    timeout: float = WAIT

    @property
    def expected(self) -> Expectations:
        """Both ends, as what is entered."""
        if self.arrows:
            return Expectations(arrows=self.arrows)
        return Expectations(sealed=(self.source,))


def wish_of(source: str, target: str | None, state: ClusterState, hosts: Inventory) -> TraceWish:
    """Return what the words mean in a cluster.

    Raises:
        UsageError: a word means nothing there, or the pair makes no sense.
    """
    known = Known(
        services=frozenset(one.spec.name for one in state.services), hosts=frozenset(one.name for one in hosts.hosts)
    )
    meant = _called(source, known, state)
    if len(meant) > 1:
        raise UsageError(f"{source} is another name of {' and '.join(meant)}", hint=f"name one: {', '.join(meant)}")
    party = known.party(meant[0])
    if party is None:
        raise _unknown(source, state, is_source=True)
    if party.kind in (PartyKind.NAME, PartyKind.BLOCK):
        hint = f"trace from inside, towards it: swarmnet trace SERVICE {source}:PORT"
        raise UsageError(f"{source} is outside of the swarm: nothing can be asked from there", hint=hint)
    if target is None:
        if party.kind is PartyKind.HOST:
            hint = f"write: swarmnet trace {party} SERVICE, or NAME:PORT; swarmnet show host {party} shows the host"
            raise UsageError(f"what should {party} reach?", hint=hint)
        return TraceWish(party)
    return TraceWish(party, _arrows(party, target, known, state))


def _arrows(source: Party, target: str, known: Known, state: ClusterState) -> tuple[Arrow, ...]:
    """Return the arrow to the other end, or to each that a program may reach by this name.

    Raises:
        UsageError: the word means nothing there, or the pair makes no sense.
    """
    try:
        form = arrow_form(str(source), target)
    except ValueError as error:
        hint = f"write: swarmnet trace {source} db:5432, or db:53/udp, or db:80,443; ports are from 1 to {MOST_PORT}"
        raise UsageError(f"{target!r} is not TO or TO:PORT", hint=hint) from error
    form = behind_port(form, source, known, state)
    meant = _called(form.target, known, state, near=source.name)
    return tuple(_arrow(source, form.model_copy(update={"target": one}), known, state) for one in meant)


def _arrow(source: Party, form: ArrowForm, known: Known, state: ClusterState) -> Arrow:
    to = known.party(form.target)
    if to is None:
        raise _unknown(form.target, state)
    if to.kind in USUAL and not form.doors:
        hint = f"write: swarmnet trace {source} {form.target}:{USUAL[to.kind]}"
        raise UsageError(f"no port of {form.target} is named", hint=hint)
    arrow = _of_host(source, to, form) or known.arrow(form, allowed=True)
    if isinstance(arrow, str):
        raise UsageError(arrow)
    return arrow


def _called(word: str, known: Known, state: ClusterState, *, near: str = "") -> tuple[str, ...]:
    """Return the services that a word is another name of; the word itself where it is of none, or means something.

    Programs know a service of a stack by its alias: ``db``, not ``shop_db``. Of several services with one alias, those
    on a network of the service ``near`` are meant.
    """
    if known.party(word) is not None:
        return (word,)
    places = {one.spec.name: {place.network for place in one.spec.networks or ()} for one in state.services}
    owners = {
        service.spec.name: on
        for service in state.services
        if (on := {place.network for place in service.spec.networks or () if word in (place.aliases or ())})
    }
    meant = sorted(name for name, on in owners.items() if on & places.get(near, set())) or sorted(owners)
    return tuple(meant) or (word,)


def _unknown(word: str, state: ClusterState, *, is_source: bool = False) -> UsageError:
    """Return what to say of a word that means nothing in the cluster: what is there, and how else ends are written."""
    names = sorted(one.spec.name for one in state.services)
    near = get_close_matches(word, names, n=1)
    more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    listed = f"services: {', '.join(names[:MOST_NAMES]) or 'none'}{more}"
    others = "a container is written HOST/CONTAINER, your machine operator"
    outside = "" if is_source else ", what is outside NAME.DOMAIN:PORT or ADDRESS:PORT"
    meant = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"there is no service {word!r}, and no such host", hint=f"{meant}{listed}; {others}{outside}")


def behind_port(form: ArrowForm, source: Party, known: Known, state: ClusterState) -> ArrowForm:
    """Return the arrow to the service that publishes a port, where a machine is to reach that port of a host.

    People name what they type into a browser, ``m1:8080``: what may fail is the service behind it. A port in host mode
    is the service's only where a task runs: elsewhere the host itself is asked, since something else may hold it.
    """
    target = known.party(form.target)
    if target is None or target.kind is not PartyKind.HOST or source.kind not in (PartyKind.OPERATOR, PartyKind.HOST):
        return form
    wanted = {(door.port, door.protocol) for door in form.doors}
    for service in state.services:
        ports = {(one.published, one.protocol): one for one in service.all_ports}
        if not wanted or not wanted <= ports.keys():
            continue
        name = service.spec.name
        in_host_mode = any(ports[one].mode is PublishMode.HOST for one in wanted)
        if in_host_mode and target.name not in {end.host for end in tasks_of(state, name)}:
            return form
        return form.model_copy(update={"target": name})
    return form


def _of_host(source: Party, target: Party, form: ArrowForm) -> Arrow | str | None:
    """Return the arrow from a host to what is outside of the swarm, or from any machine to a host; or what is wrong.

    Playbooks expect nothing of such ways; a trace asks them, as any client on that host would. None leaves the ends to
    the rules of playbooks.
    """
    to_host = source.kind is PartyKind.OPERATOR and target.kind is PartyKind.HOST
    elsewhere = target.kind in (PartyKind.SERVICE, PartyKind.OUTSIDE, PartyKind.OPERATOR)
    if not to_host and (source.kind is not PartyKind.HOST or elsewhere):
        return None
    problems = {
        "a host reaches containers by published ports alone: name their service, or HOST:PORT": target.has_tasks,
        "name a TCP port: few programs answer a datagram that means nothing to them": any(
            one.protocol is not Protocol.TCP for one in form.doors
        ),
        "a block has many addresses: name one": target.kind is PartyKind.BLOCK and not target.name.endswith("/32"),
    }
    wrong = next((why for why, is_so in problems.items() if is_so), None)
    if wrong is not None:
        return f"{source} -> {target}: {wrong}"
    return Arrow(source=source, target=target, doors=form.doors, allowed=True)
