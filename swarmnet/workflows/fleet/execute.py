"""Run a plan: batches one after the other, the actions of a batch side by side, outcomes as data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from swarmnet.errors import StoppedError, SwarmnetError
from swarmnet.model.events import ActionFinished, ActionStarted, Progress
from swarmnet.model.report import Outcome, OutcomeStatus
from swarmnet.workflows.fleet.failover import Failover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.ports import Ports

AT_ONCE = 24
"""Actions that run at the same time."""

STILL = 10.0
"""Seconds of silence after which a line names what is still being done: an engine may take that long to answer."""
NAMED = 3


class Stop(Protocol):
    """Whether the operator asked to stop; inside of its context, Ctrl-C interrupts nothing."""

    @property
    def requested(self) -> bool:
        """True from the first Ctrl-C on."""

    def __enter__(self) -> object:
        """Start to treat the first Ctrl-C as a request."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let Ctrl-C interrupt again."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an execution asks between its actions."""

    stop: Stop
    """Asked before each action."""
    permit: Callable[[], None]
    """Called before each action; raises to end the run before that action."""
    after_batch: Callable[[Sequence[Action]], None]
    """Called with the actions of each batch in which all succeeded; may raise to end the run."""


def execute(ports: Ports, plan: Plan, conditions: Conditions) -> tuple[Outcome, ...]:
    """Run the plan's actions and return one outcome each, in the plan's order.

    A failed action ends the run when the others of its batch have finished; so does a request to stop, and then
    actions of the batch that have not begun are left out, too. A manager that is lost meanwhile fails nothing as long
    as another one takes its place.

    Raises:
        LockedError: the lock was lost; running actions have ended, no other one was started.
    """
    outcomes: list[Outcome] = []
    going = True
    ports = Failover(ports, is_stopping=lambda: conditions.stop.requested)
    for batch in plan.batches:
        if not going or conditions.stop.requested:
            outcomes += [_skipped(action) for action in batch]
            continue
        results = _batch(ports, batch, conditions)
        outcomes += results
        going = all(outcome.status is OutcomeStatus.DONE for outcome in results)
        if going:
            conditions.after_batch(batch)
    return tuple(outcomes)


def _batch(ports: Ports, batch: Sequence[Action], conditions: Conditions) -> list[Outcome]:
    # A single action has a thread of its own, too: the main thread stays free to hear Ctrl-C.
    pool = ThreadPoolExecutor(min(AT_ONCE, len(batch)), "swarmnet-action")
    try:
        futures = {pool.submit(_run, ports, action, conditions): action for action in batch}
        begun, left = ports.clock.monotonic(), set(futures)
        while left := wait(left, STILL).not_done:
            targets = [action.target for future, action in futures.items() if future in left]
            ports.listener(Progress(_still(targets, ports.clock.monotonic() - begun)))
    except KeyboardInterrupt:
        # The second Ctrl-C: do not wait; closing the session ends the threads.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [future.result() for future in futures]


def _run(ports: Ports, action: Action, conditions: Conditions) -> Outcome:
    if conditions.stop.requested:
        return _skipped(action)
    conditions.permit()
    ports.listener(ActionStarted(action.kind, action.target))
    begun = ports.clock.monotonic()
    try:
        action.run(ports)
    except SwarmnetError as error:
        stopped = isinstance(error, StoppedError)
        seconds = ports.clock.monotonic() - begun
        finished = ActionFinished(action.kind, action.target, seconds, str(error))
        ports.listener(Progress(f"{action.target}: {error}") if stopped else finished)
        return Outcome(
            kind=action.kind,
            target=action.target,
            status=OutcomeStatus.STOPPED if stopped else OutcomeStatus.FAILED,
            seconds=seconds,
            error=str(error),
            hint=error.hint,
        )
    seconds = ports.clock.monotonic() - begun
    ports.listener(ActionFinished(action.kind, action.target, seconds))
    return Outcome(kind=action.kind, target=action.target, status=OutcomeStatus.DONE, seconds=seconds)


def _still(targets: Sequence[str], seconds: float) -> str:
    more = len(targets) - NAMED
    named = ", ".join(targets[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"still waiting after {seconds:.0f} s: {named}"


def _skipped(action: Action) -> Outcome:
    return Outcome(kind=action.kind, target=action.target, status=OutcomeStatus.SKIPPED)
