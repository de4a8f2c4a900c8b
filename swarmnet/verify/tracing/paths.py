"""Judge a trace: the layers of the way from one container, up to the first that is broken. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.trace import Layer, Path
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenarios.expected.asked import (
    OPEN,
    SILENT,
    UNREACHABLE,
    UNRESOLVABLE,
    doors_of,
    ends_named,
    outcome_of,
)
from swarmnet.verify.scenarios.expected.explained import reason_of
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.tracing.asking import TRACE, askers, at_addresses, by_name, doors, echoes_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome


FEW = 0.2
"""Share of echoes that may be others', or lost on a busy host, when both ends' counts are compared."""


def paths_of(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Path, ...]:
    """Return the way from each container of the source, or from the operator's machine."""
    if not arrow.source.has_tasks:
        return (Path(source=str(arrow.source), layers=tuple(_up_to_broken(_published(setup, answers, arrow)))),)
    asking = askers(setup, arrow)
    if not asking:
        fix = f"see why it does not run: docker service ps {arrow.source.name}"
        gone = _failed("container", f"no container of {arrow.source} runs", CauseId.NO_RUNNING_TASK, fix)
        return (Path(source=str(arrow.source), layers=(gone,)),)
    between = _between if arrow.target.has_tasks else _outwards
    return tuple(
        Path(source=str(end), layers=tuple(_up_to_broken(between(setup, answers, arrow, end)))) for end in asking
    )


def _up_to_broken(layers: Iterator[Layer]) -> Iterator[Layer]:
    """Yield layers up to the first that is broken, or not known: what comes after it says nothing."""
    for layer in layers:
        yield layer
        if layer.status in (Status.FAILED, Status.INCONCLUSIVE):
            return


def _ok(name: str, detail: str) -> Layer:
    return Layer(name=name, status=Status.OK, detail=detail)


def _failed(name: str, detail: str, cause: CauseId, fix: str | None) -> Layer:
    return Layer(name=name, status=Status.FAILED, detail=detail, cause=cause, fix=fix)


def _unknown(name: str, detail: str, fix: str | None = None) -> Layer:
    return Layer(name=name, status=Status.INCONCLUSIVE, detail=detail, fix=fix)


def _between(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Layer]:
    yield _container(answers, end)
    others = ends_named(setup, str(arrow.target))
    yield _target(arrow, others)
    yield _network(arrow, end, others)
    if not doors(setup, answers, arrow):
        yield _no_port(setup, answers, arrow)
    named = [outcome_of(answers, end, TRACE, one) for one in by_name(setup, answers, arrow)]
    yield _name(setup, arrow, end, others, named)
    reached = [outcome_of(answers, end, TRACE, one) for one in at_addresses(setup, answers, arrow, end)]
    yield _overlay(answers, end, reached, askers(setup, arrow))
    yield _worst("port", setup, answers, reached, lambda count: f"opens at {count} addresses")
    yield _worst("balancer", setup, answers, named, lambda _count: f"{arrow.target} opens by its name")


def _container(answers: Answers, end: End) -> Layer:
    """Return whether questions could be asked from inside the container."""
    if end.problem:
        return _unknown("container", f"{end} could not be entered: {end.problem}")
    if namespace_of(end, "before").read(answers, end.host) is None:
        why = namespace_of(end, "before").problem(answers, end.host) or "its answer is not readable"
        return _unknown("container", f"{end} could not be asked: {why}")
    return _ok("container", f"{end} runs, on {_places(end)}")


def _places(end: End) -> str:
    return ", ".join(f"{net} ({address})" for net, address in sorted(end.addresses.items())) or "no network"


def _target(arrow: Arrow, others: tuple[End, ...]) -> Layer:
    if not others:
        fix = f"see why it does not run: docker service ps {arrow.target.name}"
        return _failed("target", f"no container of {arrow.target} runs", CauseId.NO_RUNNING_TASK, fix)
    return _ok("target", ", ".join(str(one) for one in others))


def _network(arrow: Arrow, end: End, others: tuple[End, ...]) -> Layer:
    there = {network for other in others for network in other.addresses}
    common = sorted((there & {*end.addresses}) - {HOST_NETWORK})
    if common:
        return _ok("network", f"both are on {', '.join(common)}")
    if HOST_NETWORK in there:
        return _ok("network", f"{arrow.target} has the network of its hosts")
    mine, theirs = ", ".join(sorted(end.addresses)) or "none", ", ".join(sorted(there)) or "none"
    return _failed(
        "network",
        f"no network has both ({arrow.source}: {mine}; {arrow.target}: {theirs})",
        CauseId.NO_SHARED_NETWORK,
        f"attach {arrow.source} and {arrow.target} to one network",
    )


def _no_port(setup: Setup, answers: Answers, arrow: Arrow) -> Layer:
    if doors_of(setup, answers, str(arrow.target)) is None:
        return _unknown("port", f"what {arrow.target} listens on is not known: name a port")
    fix = "let its program listen on 0.0.0.0, or name the port that it should have"
    return _failed("port", f"{arrow.target} listens on no TCP port that others reach", CauseId.NOT_LISTENING, fix)


def _name(setup: Setup, arrow: Arrow, end: End, others: tuple[End, ...], named: list[Outcome]) -> Layer:
    """Return whether the name leads to the service's virtual address, or to its containers."""
    if unasked := [one for one in named if one.seen is None]:
        return _unknown("name", f"{arrow.target.name} was not asked for: {unasked[0].why}")
    if lost := [one for one in named if one.seen == UNRESOLVABLE]:
        fix = "compare its names and aliases (swarmnet show names), and the resolver of that host (dns-service)"
        return _failed("name", f"{arrow.target.name} is not found: {lost[0].why}", CauseId.UNRESOLVABLE, fix)
    led = {address for one in named for address in one.addresses}
    service = setup.state.service(arrow.target.name)
    virtual = {address.partition("/")[0] for address in service.virtual_ips.values()} if service is not None else set()
    known = virtual | {one for other in others for net, one in other.addresses.items() if net in end.addresses}
    if strange := sorted(led - known):
        return _failed(
            "name",
            f"{arrow.target.name} leads to {', '.join(strange)}, which is not an address of {arrow.target}",
            CauseId.NAMES,
            "look for another container with this name or alias: swarmnet show names",
        )
    kind = "its virtual address" if led & virtual else "its containers"
    return _ok("name", f"{arrow.target.name} -> {', '.join(sorted(led))} ({kind})")


def _overlay(answers: Answers, end: End, reached: list[Outcome], asking: tuple[End, ...]) -> Layer:
    """Return whether packets pass both ways, as both ends counted them. A port that opens proves it, too."""
    found, _problem = outcomes(answers, end.host, echoes_of(end))
    told: list[str] = []
    for one in {outcome.target.name: outcome for outcome in reached if outcome.target.network}.values():
        other, network = one.target.end, one.target.network
        if other is None:
            continue
        way = f"{end.host} -> {other.host or '?'} on {network}"
        if found.get(one.target.name, {}).get("ok") is True:
            told.append(f"{way}: sent and answered")
        elif any(
            each.seen not in (SILENT, UNREACHABLE, None) for each in reached if each.target.name == one.target.name
        ):
            told.append(f"{way}: a connection passes")
        else:
            return _lost(answers, way, one, asking)
    return _ok("overlay", "; ".join(told) or "no overlay is between")


def _lost(answers: Answers, way: str, one: Outcome, asking: tuple[End, ...]) -> Layer:
    """Return where packets get lost: all askers send to the same end, which counts what comes."""
    other = one.target.end
    before, after = (
        namespace_of(other, when).read(answers, other.host) if other is not None and other.asks else None
        for when in ("before", "after")
    )
    where = "nothing comes back"
    if before is not None and after is not None:
        came = _number(after, "asked") - _number(before, "asked")
        sent = {True: 0, False: 0}
        for end in asking:
            echo = outcomes(answers, end.host, echoes_of(end))[0].get(one.target.name, {})
            sent[echo.get("ok") is True] += _number(echo, "tries")
        surplus = came - sent[True]
        if surplus <= sent[False] * FEW:
            where = "nothing arrives there"
        elif surplus >= sent[False] * (1 - FEW):
            where = "they arrive there; their answers get lost on the way back"
    fix = "swarmnet verify --only matrix,gossip,endpoints,firewall names what stops packets between these hosts"
    return _failed("overlay", f"{way}: packets to {one.target.name} get no answer: {where}", CauseId.UNREACHED, fix)


def _number(value: dict[str, object] | object, key: str) -> int:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) else 0


def _worst(name: str, setup: Setup, answers: Answers, tried: list[Outcome], fine: Callable[[int], str]) -> Layer:
    """Return the first attempt that did not open, with its reason, else that all did."""
    bad = [one for one in tried if one.seen != OPEN]
    if not bad:
        times = [one.target.label for one in tried]
        return _ok(name, f"{fine(len({one.target.name for one in tried}))} ({', '.join(dict.fromkeys(times))})")
    if bad[0].seen is None:
        return _unknown(name, f"{bad[0].target.label} was not asked for: {bad[0].why}")
    reason = reason_of(setup, answers, bad[0])
    if reason.cause is None:
        return _unknown(name, reason.words, reason.fix)
    return _failed(name, reason.words, reason.cause, reason.fix)


def _outwards(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Layer]:
    """Yield the way out of the swarm's networks: a name, a route, a port."""
    yield _container(answers, end)
    tried = [outcome_of(answers, end, TRACE, one) for one in by_name(setup, answers, arrow)]
    if unasked := [one for one in tried if one.seen is None]:
        yield _unknown("name", f"{arrow.target} was not asked for: {unasked[0].why}")
    if lost := [one for one in tried if one.seen == UNRESOLVABLE]:
        fix = "check the nameservers of that host: swarmnet verify --only dns-upstream"
        yield _failed("name", f"{lost[0].target.name} is not found: {lost[0].why}", CauseId.UNRESOLVABLE, fix)
    led = sorted({address for one in tried for address in one.addresses})
    yield _ok("name", f"{arrow.target.name} -> {', '.join(led)}")
    space = namespace_of(end, "before").read(answers, end.host) or {}
    routes = space.get("routes")
    ways = [one for one in routes if isinstance(one, dict)] if isinstance(routes, list) else []
    default = next((one for one in ways if one.get("to") == "default"), None)
    if default is None and any(one.seen == UNREACHABLE for one in tried):
        fix = f"attach {arrow.source} to a network that is not internal"
        yield _failed("route", "there is no default route: all its networks are internal", CauseId.NO_ROUTE, fix)
    via = f"via {default.get('via')} on {default.get('device')}" if default is not None else "on its own networks"
    yield _ok("route", via)
    yield _worst("port", setup, answers, tried, lambda _count: f"{arrow.target} opens")


def _published(setup: Setup, answers: Answers, arrow: Arrow) -> Iterator[Layer]:
    """Yield the way from the operator's machine to the published ports of a service."""
    yield _target(arrow, ends_named(setup, str(arrow.target)))
    judged = Outside().judge(setup, answers).verdicts[0]
    yield Layer(name="published", status=judged.status, detail=judged.detail, cause=judged.cause, fix=judged.fix)
