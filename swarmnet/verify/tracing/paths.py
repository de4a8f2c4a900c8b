"""Judge a trace: the layers of the way from one container, up to the first that is broken. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.expectation import PartyKind
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer, Path
from swarmnet.verify.ends import HOST_NETWORK, joining
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenarios.expected.asked import (
    SILENT,
    UNREACHABLE,
    doors_of,
    ends_named,
    outcome_of,
)
from swarmnet.verify.tracing.asking import (
    TRACE,
    askers,
    at_addresses,
    by_name,
    doors,
    echoes_of,
)
from swarmnet.verify.tracing.closer import OVERLAY, Lost
from swarmnet.verify.tracing.counted import Loses, echoes_to, which_loses
from swarmnet.verify.tracing.full_size import whole
from swarmnet.verify.tracing.hosts import from_host
from swarmnet.verify.tracing.layers import answer, container, failed, ok, target, unknown, worst
from swarmnet.verify.tracing.lossy import steady
from swarmnet.verify.tracing.names import looked_up, nameless
from swarmnet.verify.tracing.outwards import outwards, published

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.expectation import Arrow
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome


def paths_of(setup: Setup, answers: Answers, arrow: Arrow) -> tuple[Path, ...]:
    """Return the way from each container of the source, or from the operator's machine."""
    if not arrow.source.has_tasks:
        way = from_host if PartyKind.HOST in (arrow.source.kind, arrow.target.kind) else published
        return (Path(source=str(arrow.source), layers=tuple(_up_to_broken(way(setup, answers, arrow)))),)
    asking = askers(setup, arrow)
    if not asking:
        why = idle(setup.state, str(arrow.source))
        gone = failed("container", why.words, CauseId.NO_RUNNING_TASK, why.fix)
        return (Path(source=str(arrow.source), layers=(gone,)),)
    between = _between if arrow.target.has_tasks else outwards
    return tuple(
        Path(source=str(end), host=end.host, layers=tuple(_up_to_broken(between(setup, answers, arrow, end))))
        for end in asking
    )


def _up_to_broken(layers: Iterator[Layer]) -> Iterator[Layer]:
    """Yield layers up to the first that is broken, or not known: what comes after it says nothing."""
    for layer in layers:
        yield layer
        if layer.status in (Status.FAILED, Status.INCONCLUSIVE):
            return


def _between(setup: Setup, answers: Answers, arrow: Arrow, end: End) -> Iterator[Layer]:
    yield container(answers, end)
    others = ends_named(setup, str(arrow.target))
    yield target(setup, answers, arrow, others)
    yield _network(arrow, end, others)
    if not doors(setup, answers, arrow):
        yield _no_port(setup, answers, arrow)
    unnamed = nameless(setup, end, others)
    named = [outcome_of(answers, end, TRACE, one) for one in by_name(setup, answers, arrow)]
    yield unnamed or looked_up(setup, answers, arrow, end, others, named)
    reached = [outcome_of(answers, end, TRACE, one) for one in at_addresses(setup, answers, arrow, end)]
    yield _overlay(answers, end, reached, askers(setup, arrow))
    yield steady(setup, answers, arrow, end)
    yield whole(setup, answers, arrow, end)
    yield worst(
        "port",
        setup,
        answers,
        reached,
        lambda number: count(number, "address accepts connections", "addresses accept connections"),
    )
    if unnamed is None:
        words = f"{arrow.target} accepts connections by its name"
        yield worst("balancer", setup, answers, named, lambda _count: words)
    yield answer(answers, others, doors(setup, answers, arrow))


def _network(arrow: Arrow, end: End, others: tuple[End, ...]) -> Layer:
    there = {network for other in others for network in other.addresses}
    common = sorted((there & {*end.addresses}) - {HOST_NETWORK})
    if common:
        return ok("network", f"both are on {', '.join(common)}")
    if HOST_NETWORK in there:
        return ok("network", f"{arrow.target} has the network of its hosts")
    mine, theirs = ", ".join(sorted(end.addresses)) or "none", ", ".join(sorted(there)) or "none"
    return failed(
        "network",
        f"they have no network in common ({arrow.source}: {mine}; {arrow.target}: {theirs})",
        CauseId.NO_SHARED_NETWORK,
        joining(arrow, there),
    )


def _no_port(setup: Setup, answers: Answers, arrow: Arrow) -> Layer:
    if doors_of(setup, answers, str(arrow.target)) is None:
        return unknown("port", f"what {arrow.target} listens on is not known: name a port")
    fix = "let its program listen on 0.0.0.0, or name the port that it should have"
    return failed("port", f"{arrow.target} listens on no TCP port that others reach", CauseId.NOT_LISTENING, fix)


def _overlay(answers: Answers, end: End, reached: list[Outcome], asking: tuple[End, ...]) -> Layer:
    """Return whether packets pass both ways, as both ends counted them. A port that opens proves it, too."""
    found, _problem = outcomes(answers, end.host, echoes_of(end))
    passing: dict[str, list[str]] = {}
    for one in {outcome.target.name: outcome for outcome in reached if outcome.target.network}.values():
        other, network = one.target.end, one.target.network
        if other is None:
            continue
        if found.get(one.target.name, {}).get("ok") is True:
            passing.setdefault(f"on {network}: sent and answered", []).append(other.host or "?")
        elif any(
            each.seen not in (SILENT, UNREACHABLE, None) for each in reached if each.target.name == one.target.name
        ):
            passing.setdefault(f"on {network}: a connection passes", []).append(other.host or "?")
        else:
            return _lost(answers, (end, other), one, asking)
    fine = (f"to {', '.join(dict.fromkeys(hosts))} {how}" for how, hosts in passing.items())
    return ok(OVERLAY, "; ".join(fine) or "no overlay is between")


def _lost(answers: Answers, ends: tuple[End, End], one: Outcome, asking: tuple[End, ...]) -> Layer:
    """Return where packets get lost, as both ends counted them."""
    (end, other), network, address = ends, one.target.network, one.target.name
    loses = which_loses(answers, other, echoes_to(answers, other, asking), ("before", "after"))
    lost = Lost.between(OVERLAY, end, other, network, loses)
    way = f"{lost.source} -> {lost.target or '?'} on {network}"
    words = {
        Loses.THERE: f"{way}: packets to {address} get no answer: nothing arrives there",
        Loses.BACK: f"{way}: packets to {address} arrive there; their answers get lost on the way back",
        Loses.UNKNOWN: f"{way}: packets to {address} get no answer: both ways lose them, or one of them",
    }
    fix = "swarmnet verify --only matrix,gossip,endpoints,firewall names what stops packets between these hosts"
    return failed(OVERLAY, words[loses], CauseId.UNREACHED, fix).model_copy(update={"evidence": lost.evidence()})
