"""One verification: what tells it from all others, and what its parts share."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from swarmnet.errors import HostError, HostTimeoutError
from swarmnet.model.verification import OPERATOR_LABEL, PROBE_LABEL, STARTED_LABEL
from swarmnet.workflows.fleet.fanout import bugs_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from swarmnet.model.base import Labels
    from swarmnet.model.events import Listener
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import ProbeKit

LIFETIME = 900.0
"""Seconds after which a probe ends by itself, and a foreign run's traces count as forgotten."""
EACH_NETWORK = 2.0
"""Seconds more for each network that a container is attached to."""


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one verification from all others."""

    id: str
    operator: str
    """``machine:pid`` of the process."""
    is_alive: Callable[[str], bool]
    """Returns whether the process of such a word may still run; True for other machines, which cannot be asked."""

    def labels(self, now: float) -> Labels:
        """Return the labels of everything that this run makes."""
        return {PROBE_LABEL: self.id, OPERATOR_LABEL: self.operator, STARTED_LABEL: str(int(now))}

    def may_remove(self, labels: Mapping[str, str], now: float) -> bool:
        """Return whether something with these labels belongs to this run, or was left by one that is over."""
        if PROBE_LABEL not in labels:
            return False
        if labels[PROBE_LABEL] == self.id:
            return True
        started = labels.get(STARTED_LABEL, "")
        old = not started.isdigit() or now - int(started) > LIFETIME
        return old or not self.is_alive(labels.get(OPERATOR_LABEL, ""))


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all parts of one run share; nothing of it changes."""

    ports: Ports
    kit: ProbeKit
    run: Run
    state: ClusterState
    """The cluster as it was observed before the run."""
    timeout: float = 60.0
    """Seconds for one wait of the start and of the end."""

    @property
    def listener(self) -> Listener:
        """Where bugs are reported that end the work on one host."""
        return bugs_to(self.ports.listener)

    def labels(self) -> Labels:
        """Return the labels for something that is made now."""
        return self.run.labels(self._now)

    def may_remove(self, labels: Mapping[str, str]) -> bool:
        """Return whether something with these labels belongs to this run, or was left by one that is over."""
        return self.run.may_remove(labels, self._now)

    def patience(self, seconds: float, *, networks: int) -> float:
        """Return how long a start may take: each network that it attaches to needs its time on a busy host."""
        return min(seconds, self.timeout) + EACH_NETWORK * networks

    @property
    def _now(self) -> float:
        return self.ports.clock.now().timestamp()


@dataclass(slots=True)
class Gate:
    """Keeps starts and the end of a run apart, host by host; starts on one host go on side by side.

    Ctrl-C leaves the threads of a start running: they must begin nothing once the end has begun.
    """

    closed: bool = False
    starts: Counter[str] = field(default_factory=Counter)
    """Host to the number of things that are being started there."""
    changed: Condition = field(default_factory=Condition)

    @contextmanager
    def starting(self, host: str) -> Iterator[None]:
        """Keep the end of the run away from the host while something is started there.

        Raises:
            HostError: The end of the run has begun.
        """
        with self.changed:
            if self.closed:
                raise HostError(host, "the run is over")
            self.starts[host] += 1
        try:
            yield
        finally:
            with self.changed:
                self.starts[host] -= 1
                self.changed.notify_all()

    def close(self) -> None:
        """Let nothing more begin; may be called twice."""
        with self.changed:
            self.closed = True

    def wait_for_starts(self, host: str, *, timeout: float) -> None:
        """Wait until nothing is being started on the host; call it on a closed gate.

        Raises:
            HostTimeoutError: A start did not end in time.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: not self.starts[host], timeout):
                raise HostTimeoutError(host, f"its probe was still being started after {timeout:g} s")
