"""What a container sees of its own network: one layer for each thing that is looked at; none of them ends it."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from swarmnet.model.base import objects_of
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer, Path
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.own import is_loopback
from swarmnet.verify.scenarios.expected.asked import OPEN, ends_named, listening_of, outcome_of
from swarmnet.verify.scenarios.own.processes import NAMESERVER_FIX, PROGRAMS, asks_others, program_of
from swarmnet.verify.tracing.asking import TRACE, around, namespace_of, places_of, upstream_of
from swarmnet.verify.tracing.layers import halted
from swarmnet.verify.tracing.names import own_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup

ANSWERED = ("no such name", "no address")
"""What a server says that knows a name which does not exist."""
SLOW = 500
"""Milliseconds from which people notice a look-up; the time of faster ones is left out."""


def sections_of(setup: Setup, answers: Answers, party: str) -> tuple[Path, ...]:
    """Return what each container of a party is, and sees."""
    ends = ends_named(setup, party)
    if not ends:
        why = idle(setup.state, party)
        gone = Layer(name="state", status=Status.FAILED, detail=why.words, cause=CauseId.NO_RUNNING_TASK, fix=why.fix)
        return (Path(source=party, layers=(gone,)),)
    return tuple(Path(source=str(end), host=end.host, layers=tuple(_sections(setup, answers, end))) for end in ends)


def _sections(setup: Setup, answers: Answers, end: End) -> Iterator[Layer]:
    runs = f"runs on {end.host or 'a node that is not in the inventory'}, container {end.container[:12]}"
    yield halted(answers, "state", end) or _said("state", runs)
    yield _said("networks", _list(f"{net} {address}" for net, address in sorted(end.addresses.items())))
    yield _said("ports", _published(setup, end.party))
    if not end.asks or end.problem:
        why = end.problem or "another container of it on the same host was asked"
        status = Status.INCONCLUSIVE if end.problem else Status.SKIPPED
        yield Layer(name="inside", status=status, detail=f"not entered: {why}")
        return
    space = namespace_of(end, "before").read(answers, end.host)
    if space is None:
        why = namespace_of(end, "before").problem(answers, end.host) or "its answer is not readable"
        yield Layer(name="inside", status=Status.INCONCLUSIVE, detail=f"could not be asked: {why}")
        return
    places = places_of(end).read(answers, end.host) or {}
    yield _said("interfaces", _list(_interface(address, one) for address, one in sorted(places.items())))
    yield _said("routes", _list(_route(one) for one in objects_of(space.get("routes"))))
    lines = space.get("resolver")
    words = [str(one) for one in lines if one and not str(one).startswith("#")] if isinstance(lines, list) else []
    yield _resolver(answers, end, words)
    listening = listening_of(end).read(answers, end.host)
    yield _said("sockets", _list(_socket(*one) for one in sorted(listening.sockets)) if listening else "not known")
    yield _outside(setup, answers, end)
    yield _names_outside(setup, answers, end)


def _resolver(answers: Answers, end: End, words: list[str]) -> Layer:
    """Return whom the program asks for names, else what the engine's file says; only the engine knows the swarm's."""
    program = program_of(answers, PROGRAMS, end)
    if program is None or program.asks_engine_first or not {*end.addresses} - {HOST_NETWORK}:
        return _said("resolver", _list(words))
    words_of = asks_others(str(end), program)
    return Layer(name="resolver", status=Status.OK, detail=words_of, cause=CauseId.OWN_NAMESERVER, fix=NAMESERVER_FIX)


def _said(name: str, detail: str) -> Layer:
    return Layer(name=name, status=Status.OK, detail=detail)


def _list(words: Iterator[str] | list[str]) -> str:
    return "; ".join(words) or "none"


def _interface(address: str, one: JsonValue) -> str:
    place = one if isinstance(one, dict) else {}
    mac = wrap(str(place.get("mac") or ""), 2)
    return f"{place.get('device')} {address} mtu {place.get('mtu')} {':'.join(mac)}".rstrip()


def _route(one: JsonObject) -> str:
    via = f" via {one['via']}" if one.get("via") else ""
    return f"{one.get('to')}{via} on {one.get('device')}"


def _socket(protocol: str, address: str, port: int) -> str:
    alone = " (for itself alone)" if is_loopback(address) else ""
    return f"{protocol} {address}:{port}{alone}"


def _published(setup: Setup, party: str) -> str:
    service = setup.state.service(party)
    ports = service.effective_ports if service is not None else ()
    return _list([f"{one.published or '?'}:{one.target}/{one.protocol} ({one.mode})" for one in ports])


def _outside(setup: Setup, answers: Answers, end: End) -> Layer:
    """Return which hosts answer at their SSH port; a container on internal networks reaches none, and that is fine."""
    tried = [outcome_of(answers, end, TRACE, target) for target in around(setup)]
    fine = [one.target.network for one in tried if one.seen == OPEN]
    lost = [f"{one.target.network} ({one.why})" for one in tried if one.seen != OPEN]
    words = [f"hosts that answer: {', '.join(fine)}"] if fine else []
    return _said("outside", _list([*words, *([f"hosts that do not: {', '.join(lost)}"] if lost else [])]))


def _names_outside(setup: Setup, answers: Answers, end: End) -> Layer:
    found, problem = outcomes(answers, end.host, upstream_of(end))
    one = found.get("outside", {})
    code = str(one.get("code") or one.get("why") or problem or "no answer")
    took = one.get("ms")
    slow = f", after {took / 1000:.1f} s" if isinstance(took, int | float) and took >= SLOW else ""
    layer = _said("names outside", f"are answered for{slow}" if code in ANSWERED else f"are not answered for: {code}")
    asked = own_servers(setup, answers, end) if code not in ANSWERED else None
    if asked is None:
        return layer
    words = f"{layer.detail}; {asked.words}"
    return layer.model_copy(update={"detail": words, "cause": asked.cause, "fix": asked.fix})
