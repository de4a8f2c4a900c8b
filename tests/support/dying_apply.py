"""An apply that dies at a given moment: ``python -m tests.support.dying_apply MOMENT PLAYBOOK INVENTORY``.

It is the command's own way with its own parts, from files to the report; only the streams to the engines are watched.
MOMENT is a number: the process is killed (-9) when the so-manieth answer of an engine to a write arrives, before a
byte of it was read, counted from the first action on; or ``end``: when the first action has ended. A run that comes to
its end before ends as always.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from swarmnet.cli import planning, signals, wiring
from swarmnet.cli.commands.apply import end_with
from swarmnet.cli.consent import AtTerminal
from swarmnet.cli.output import Targets
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import Session
from swarmnet.model.events import ActionFinished, ActionStarted
from swarmnet.report.terminal.progress import ProgressLines
from swarmnet.workflows.apply import Terms, apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.edge.ssh.socket import Stream
    from swarmnet.model.events import Event

WRITES = (b"POST ", b"DELETE ")


def die() -> None:
    """End as a process does that the kernel kills: nothing is given back."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Fate:
    """When the process dies."""

    moment: int | None
    """Which answer is its last; None: the end of an action."""
    tell: Callable[[Event], None] = field(default_factory=lambda: ProgressLines(sys.stderr, verbose=True))
    acting: bool = False
    answers: int = 0

    def __call__(self, event: Event) -> None:
        """Listen to the run: actions begin and end."""
        self.tell(event)
        self.acting = self.acting or isinstance(event, ActionStarted)
        if self.moment is None and isinstance(event, ActionFinished):
            die()

    def answered(self) -> None:
        """Hear that the answer to a write is there."""
        self.answers += 1
        if self.answers == self.moment:
            die()

    def watched(self, open_stream: Callable[[], Stream]) -> Callable[[], Stream]:
        """Return what opens streams that die with their first answer to an action's write."""
        return lambda: WatchedStream(open_stream(), self)


@dataclass
class WatchedStream:
    """A stream to an engine."""

    stream: Stream
    fate: Fate
    wrote: bool = False

    def recv(self, size: int, /) -> bytes:
        """Receive, and die where an answer to a write arrived."""
        data = self.stream.recv(size)
        if self.wrote:
            self.wrote = False
            self.fate.answered()
        return data

    def sendall(self, data: bytes, /) -> None:
        """Send, and notice writes."""
        self.wrote = self.wrote or (self.fate.acting and data.startswith(WRITES))
        self.stream.sendall(data)

    def settimeout(self, seconds: float | None, /) -> None:
        """Limit each following wait."""
        self.stream.settimeout(seconds)

    def close(self) -> None:
        """End the stream."""
        self.stream.close()


def main(moment: str, playbook: str, inventory: str) -> None:
    """Apply the playbook until the moment has come."""
    fate = Fate(None if moment == "end" else int(moment))
    hosts = wiring.read_inventory(Path(inventory))
    goal = planning.PlaybookOptions().goal(Path(playbook), hosts, None)
    clock = SystemClock()
    engine = partial(_engine, fate, clock)
    with Session(hosts, engine, wiring.start_inside, clock=clock, listener=fate) as ports:
        consent = AtTerminal(yes=True)
        report = apply(ports, goal, Terms(consent, wiring.this_operator(), signals.Interruption()))
    end_with(report, Targets("terminal"))


def _engine(fate: Fate, clock: SystemClock, host: str, open_stream: Callable[[], Stream]) -> Engine:
    return Engine(host, fate.watched(open_stream), clock=clock)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
