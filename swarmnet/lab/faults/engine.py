"""The engine: stopped, or frozen so that it holds its socket and answers nobody."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.machine.commands import environment
from swarmnet.lab.machine.waiting import until

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

RUNNING = 'pid=$(cat /run/docker.pid 2>/dev/null) && [ "$(cat /proc/$pid/comm 2>/dev/null)" = dockerd ]'
"""A shell condition that sets ``pid``; not the pid file alone, which outlives a killed engine."""
_STOP = f'{RUNNING} || exit 0; kill -TERM "$pid"; kill -CONT "$pid"'
_START = f"{RUNNING} && exit 0; setsid dockerd </dev/null >>/var/log/docker.log 2>&1 &"
_FREEZE = f'{RUNNING} || {{ echo "no engine runs there" >&2; exit 1; }}; kill -STOP "$pid"'
_THAW = f'{RUNNING} || exit 0; kill -CONT "$pid"'
_STOP_LIMIT = 120.0
_FATE_LIMIT = 60.0
ON_PURPOSE = frozenset({"engine", "freeze"})
"""The kinds of faults under which an engine is silent because somebody wants it so."""


class StoppedEngine(Family):
    """``dockerd`` ends as on ``systemctl stop docker``: containers stop, sshd goes on."""

    kind = "engine"
    told = "stop dockerd"
    silences = frozenset({"engine"})
    ends_with = frozenset({"boot"})
    heal_causes = frozenset({"engine start"})

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse to stop a frozen engine: it could not hear of it."""
        _not_both(fault, record, other="freeze", hint="frozen")

    def describe(self, fault: Fault) -> str:
        """Say that it is stopped."""
        del fault
        return "engine stopped"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Stop the engine and return when it is gone."""
        del fault
        stop_engine(place)

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Start the engine, where it does not answer."""
        del fault
        _start_engine(place)


class FrozenEngine(Family):
    """``dockerd`` gets SIGSTOP: it keeps its socket and answers nobody. Containers and sshd go on."""

    kind = "freeze"
    told = "SIGSTOP dockerd: it holds its socket and answers nobody"
    silences = frozenset({"engine"})
    ends_with = frozenset({"boot", "engine start"})

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse to freeze an engine that is stopped."""
        _not_both(fault, record, other="engine", hint="stopped")

    def describe(self, fault: Fault) -> str:
        """Say that it is frozen."""
        del fault
        return "engine frozen"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Stop the process where it stands."""
        del fault
        place.does(_FREEZE, doing="freeze its engine")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Let the process go on."""
        del fault
        place.does(_THAW, doing="let its engine go on")


def stop_engine(place: FaultTarget) -> None:
    """Stop an engine and return when it is gone.

    Raises:
        LabError: It does not stop within 30 seconds.
    """
    place.does(_STOP, doing="stop the engine")
    name = place.host.name
    until(lambda: not place.holds(RUNNING), limit=_STOP_LIMIT, failing=lambda: f"the engine of {name} does not stop")


def revive_engine(place: FaultTarget) -> None:
    """Start an engine that died of what is healed now; one that is just starting shows first whether it will.

    Raises:
        LabError: It neither answers nor ends within a minute.
    """
    name = place.host.name
    until(
        lambda: place.kind.engine_answers(place.host) or not place.holds(RUNNING),
        limit=_FATE_LIMIT,
        failing=lambda: f"the engine of {name} neither answers nor ends",
    )
    _start_engine(place)


def _start_engine(place: FaultTarget) -> None:
    if place.kind.engine_answers(place.host):
        return
    argv, quiet = place.kind.inside(place.host, ["sh", "-c", _START]), subprocess.DEVNULL
    subprocess.run(argv, stdin=quiet, stdout=quiet, stderr=quiet, env=environment(), check=False, timeout=30)


def _not_both(fault: Fault, record: LabRecord, *, other: str, hint: str) -> None:
    if any(f.host == fault.host and f.kind == other for f in record.faults):
        raise UsageError(
            f"the engine of {fault.host} is {hint} already", hint=f"run `swarmnet lab heal {fault.host} {other}` first"
        )
