"""The layers of a trace: how one is said, and those that every way has. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.trace import Layer
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.expected.asked import OPEN
from swarmnet.verify.scenarios.expected.explained import reason_of
from swarmnet.verify.scenarios.own.processes import PROGRAMS, halt_of, program_of, stopped
from swarmnet.verify.tracing.asking import namespace_of
from swarmnet.verify.tracing.queues import AFTER, LATER, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.expectation import Arrow, Door
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome
    from swarmnet.verify.scenarios.own.processes import Program


def ok(name: str, detail: str) -> Layer:
    """Return a layer that works."""
    return Layer(name=name, status=Status.OK, detail=detail)


def failed(name: str, detail: str, cause: CauseId, fix: str | None) -> Layer:
    """Return a layer that is broken."""
    return Layer(name=name, status=Status.FAILED, detail=detail, cause=cause, fix=fix)


def unknown(name: str, detail: str, fix: str | None = None) -> Layer:
    """Return a layer of which nothing is known."""
    return Layer(name=name, status=Status.INCONCLUSIVE, detail=detail, fix=fix)


def halted(answers: Answers, name: str, end: End) -> Layer | None:
    """Return why the program of a container does not run; None where it does, as far as is known."""
    if end.halted:
        cause, words, fix = halt_of(end)
        return failed(name, words, cause, fix)
    program = program_of(answers, PROGRAMS, end)
    return failed(name, *_stopped(end, program)) if program is not None and program.stopped else None


def _stopped(end: End, program: Program) -> tuple[str, CauseId, str]:
    words, fix = stopped(end, program)
    return words, CauseId.TASK_STOPPED, fix


def container(answers: Answers, end: End) -> Layer:
    """Return whether the container runs, and questions could be asked from inside it."""
    if broken := halted(answers, "container", end):
        return broken
    if end.problem:
        return unknown("container", f"{end} could not be entered: {end.problem}")
    if namespace_of(end, "before").read(answers, end.host) is None:
        why = namespace_of(end, "before").problem(answers, end.host) or "its answer is not readable"
        return unknown("container", f"{end} could not be asked: {why}")
    return ok("container", f"{end} runs, on {_places(end)}")


def _places(end: End) -> str:
    return ", ".join(f"{net} ({address})" for net, address in sorted(end.addresses.items())) or "no network"


def target(setup: Setup, answers: Answers, arrow: Arrow, others: tuple[End, ...]) -> Layer:
    """Return whether the target has containers, and all of them run."""
    if broken := next(filter(None, (halted(answers, "target", one) for one in others)), None):
        return broken
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
        return unknown(name, reason.words, reason.fix).model_copy(update={"cause": reason.unproved})
    return failed(name, reason.words, reason.cause, reason.fix)


def answer(answers: Answers, others: tuple[End, ...], doors: tuple[Door, ...]) -> Layer:
    """Return whether the programs of the target take connections; what they answer is not asked."""
    for end, door, number in waiting(answers, others, doors):
        words = (
            count(number, f"connection to {end} at {door} waits", f"connections to {end} at {door} wait")
            + f", and its program took none for {LATER} s: it hangs, or is"
        )
        fix = f"read what it logs; if it hangs, recreate its tasks: docker service update --force {end.party}"
        return failed("answer", f"{words} too busy", CauseId.NOT_ACCEPTING, fix)
    known = [end for end in others if program_of(answers, AFTER, end) is not None and HOST_NETWORK not in end.addresses]
    if len(known) == len(others):
        return ok("answer", "the program takes connections; what it answers was not asked")
    words = "the kernel accepts connections; whether the program answers was not asked"
    return Layer(name="answer", status=Status.SKIPPED, detail=words)
