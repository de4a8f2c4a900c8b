"""The layers of a trace: how one is said, and those that every way has. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.trace import Layer
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.expected.asked import OPEN
from swarmnet.verify.scenarios.expected.explained import reason_of
from swarmnet.verify.tracing.asking import namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.expectation import Arrow
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome


def ok(name: str, detail: str) -> Layer:
    """Return a layer that works."""
    return Layer(name=name, status=Status.OK, detail=detail)


def failed(name: str, detail: str, cause: CauseId, fix: str | None) -> Layer:
    """Return a layer that is broken."""
    return Layer(name=name, status=Status.FAILED, detail=detail, cause=cause, fix=fix)


def unknown(name: str, detail: str, fix: str | None = None) -> Layer:
    """Return a layer of which nothing is known."""
    return Layer(name=name, status=Status.INCONCLUSIVE, detail=detail, fix=fix)


def container(answers: Answers, end: End) -> Layer:
    """Return whether questions could be asked from inside the container."""
    if end.problem:
        return unknown("container", f"{end} could not be entered: {end.problem}")
    if namespace_of(end, "before").read(answers, end.host) is None:
        why = namespace_of(end, "before").problem(answers, end.host) or "its answer is not readable"
        return unknown("container", f"{end} could not be asked: {why}")
    return ok("container", f"{end} runs, on {_places(end)}")


def _places(end: End) -> str:
    return ", ".join(f"{net} ({address})" for net, address in sorted(end.addresses.items())) or "no network"


def target(setup: Setup, arrow: Arrow, others: tuple[End, ...]) -> Layer:
    """Return whether the target has containers that run."""
    if not others:
        why = idle(setup.state, str(arrow.target))
        return failed("target", why.words, CauseId.NO_RUNNING_TASK, why.fix)
    return ok("target", ", ".join(str(one) for one in others))


def worst(name: str, setup: Setup, answers: Answers, tried: list[Outcome], fine: Callable[[int], str]) -> Layer:
    """Return the first attempt that did not open, with its reason, else that all did."""
    bad = [one for one in tried if one.seen != OPEN]
    if not bad:
        times = [one.target.label for one in tried]
        return ok(name, f"{fine(len({one.target.name for one in tried}))} ({', '.join(dict.fromkeys(times))})")
    if bad[0].seen is None:
        return unknown(name, f"{bad[0].target.label} was not asked for: {bad[0].why}")
    reason = reason_of(setup, answers, bad[0])
    if reason.cause is None:
        return unknown(name, reason.words, reason.fix)
    return failed(name, reason.words, reason.cause, reason.fix)
