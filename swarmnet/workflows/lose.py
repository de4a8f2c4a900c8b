"""The story of a loss as an exercise: nodes of a living cluster are drained, and its ports are asked all the while.

However it ends, the nodes take tasks again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from swarmnet.errors import SwarmnetError
from swarmnet.model.events import Progress
from swarmnet.model.lose import LoseReport
from swarmnet.model.report import OutcomeStatus
from swarmnet.model.standing import answered
from swarmnet.plan import guard
from swarmnet.plan.losing import at_stake, doors, losing, meant, returning, tasks_on
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.observe import Look
from swarmnet.workflows.fleet.settle import observe_settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.lose import Answers, Door
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import ApplyReport
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.apply import Terms


class Counter(Protocol):
    """Requests to published ports, from the operator's machine."""

    def begin(self, doors: tuple[Door, ...]) -> tuple[Door, ...]:
        """Ask each port once, begin to ask those that answer again and again, and return the others."""

    def end(self) -> tuple[Answers, ...]:
        """Stop, and return what came of the requests; nothing where none were begun."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator wants to lose, and what may be at stake."""

    word: str
    """A host, or ``LABEL=VALUE``."""
    allow_quorum: bool = False
    allow_down: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Exercise:
    """One run: whether it changed anything, and what was not measured."""

    counter: Counter
    doors: tuple[Door, ...]
    begun: bool = False
    silent: tuple[Door, ...] = field(default=())

    def begin(self, _ports: Ports, _state: ClusterState, _hosts: frozenset[str] | None) -> None:
        """Begin to count, right before the first change."""
        self.begun = True
        self.silent = self.counter.begin(self.doors)


def lose(
    ports: Ports, wish: Wish, terms: Callable[[], Terms], back: Callable[[], Terms], counter: Counter
) -> LoseReport:
    """Drain nodes, count what published ports answer meanwhile, and let the nodes take tasks again.

    Args:
        ports: the world.
        wish: which nodes, and what may be at stake.
        terms: makes the terms of the draining, which asks.
        back: makes those of the way back, which does not ask.
        counter: asks the ports.

    Raises:
        UsageError: the word means no host.
        RefusedError: the quorum, or all that runs of a service, is at stake; or the operator says no.
        LockedError: another operator is changing the cluster.
    """
    state = observe_settled(ports, Look())
    answered(state, ports.inventory)
    names = meant(wish.word, state, ports.inventory)
    guard.check(tuple(at_stake(names, state, allow_quorum=wish.allow_quorum, allow_down=wish.allow_down)))
    exercise, begun = _Exercise(counter, doors(names, state, ports.inventory)), ports.clock.now()
    goal = Goal(
        make_plan=partial(losing, names, inventory=ports.inventory),
        look=Look(),
        permissions=guard.Permissions(allow_missing=True, allow_down=wish.allow_down),
        command=f"drill lose {wish.word}",
    )
    not_back: tuple[str, ...] = ()
    try:
        ended = apply(ports, goal, replace(terms(), safeguard=exercise.begin))
    finally:
        if exercise.begun:
            not_back = _back(ports, names, back())
        answers = counter.end()
    return LoseReport(
        cluster=ports.inventory.cluster,
        nodes=names,
        begun=begun,
        drained=round(max((outcome.seconds for outcome in ended.outcomes), default=0.0), 3),
        moved=tasks_on(names, state),
        answers=answers,
        silent=exercise.silent,
        failed=tuple(_failures(ended)),
        not_back=not_back,
        interrupted=ended.interrupted,
    )


def _back(ports: Ports, names: tuple[str, ...], terms: Terms) -> tuple[str, ...]:
    """Let nodes take tasks again, and return those that do not, with the reason."""
    ports.listener(Progress(f"letting {', '.join(names)} take tasks again"))
    goal = Goal(
        make_plan=partial(returning, names, inventory=ports.inventory),
        look=Look(),
        permissions=guard.Permissions(allow_missing=True),
        command="drill: the way back",
    )
    try:
        return tuple(_failures(apply(ports, goal, terms)))
    except SwarmnetError as error:
        return tuple(f"{name}: {error}" for name in names)


def _failures(ended: ApplyReport) -> Iterator[str]:
    yield from (f"{one.target}: {one.error}" for one in ended.outcomes if one.status is OutcomeStatus.FAILED)
