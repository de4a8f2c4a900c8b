"""The engine: stopped, or frozen so that it keeps its socket and answers no request."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import NoOptions
from swarmnet.lab.machine.commands import environment
from swarmnet.lab.machine.waiting import until

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

RUNNING = 'pid=$(cat /run/docker.pid 2>/dev/null) && [ "$(cat /proc/$pid/comm 2>/dev/null)" = dockerd ]'
"""A shell condition that sets ``pid``; not the pid file alone, which outlives a killed engine."""
_STOP = f'{RUNNING} || exit 0; kill -TERM "$pid"; kill -CONT "$pid"'
_START = f"{RUNNING} && exit 0; setsid dockerd </dev/null >>/var/log/docker.log 2>&1 &"
_FREEZE = f'{RUNNING} || {{ echo "no engine runs there" >&2; exit 1; }}; kill -STOP "$pid"'
_THAW = f'{RUNNING} || exit 0; kill -CONT "$pid"'
_STOP_LIMIT = 120.0
_FATE_LIMIT = 60.0
ON_PURPOSE = frozenset({"engine", "freeze"})
"""The kinds of faults that silence an engine on purpose."""


class StoppedEngine(Family[NoOptions]):
    """``dockerd`` ends as on ``systemctl stop docker``: containers stop, sshd goes on."""

    kind = "engine"
    summary = "stop dockerd"
    options = NoOptions
    silences = frozenset({"engine"})
    ends_with = frozenset({"boot"})
    heal_causes = frozenset({"engine start"})

    def check(self, options: NoOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse to stop a frozen engine: it could not receive the signal."""
        del options
        _not_both(host, record, other="freeze", hint="frozen")

    def describe(self, options: NoOptions) -> str:
        """Say that it is stopped."""
        del options
        return "engine stopped"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Stop the engine and return when it is gone."""
        del options
        stop_engine(target)

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Start the engine, where it does not answer."""
        del options
        _start_engine(target)


class FrozenEngine(Family[NoOptions]):
    """``dockerd`` gets SIGSTOP: it keeps its socket and answers no request. Containers and sshd go on."""

    kind = "freeze"
    summary = "SIGSTOP dockerd: it keeps its socket and answers no request"
    options = NoOptions
    silences = frozenset({"engine"})
    ends_with = frozenset({"boot", "engine start"})

    def check(self, options: NoOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse to freeze an engine that is stopped."""
        del options
        _not_both(host, record, other="engine", hint="stopped")

    def describe(self, options: NoOptions) -> str:
        """Say that it is frozen."""
        del options
        return "engine frozen"

    def put(self, options: NoOptions, target: FaultTarget) -> None:
        """Suspend the process."""
        del options
        target.does(_FREEZE, doing="freeze its engine")

    def take_back(self, options: NoOptions, target: FaultTarget) -> None:
        """Let the process go on."""
        del options
        target.does(_THAW, doing="resume its engine")


def stop_engine(target: FaultTarget) -> None:
    """Stop an engine and return when it is gone.

    Raises:
        LabError: It does not stop within 30 seconds.
    """
    target.does(_STOP, doing="stop the engine")
    name = target.host.name
    until(lambda: not target.holds(RUNNING), limit=_STOP_LIMIT, failing=lambda: f"the engine of {name} does not stop")


def revive_engine(target: FaultTarget) -> None:
    """Start an engine that died of what is healed now; one that is just starting shows first whether it will.

    Raises:
        LabError: It neither answers nor ends within a minute.
    """
    name = target.host.name
    until(
        lambda: target.kind.engine_answers(target.host) or not target.holds(RUNNING),
        limit=_FATE_LIMIT,
        failing=lambda: f"the engine of {name} neither answers nor ends",
    )
    _start_engine(target)


def _start_engine(target: FaultTarget) -> None:
    if target.kind.engine_answers(target.host):
        return
    argv, quiet = target.kind.inside(target.host, ["sh", "-c", _START]), subprocess.DEVNULL
    subprocess.run(argv, stdin=quiet, stdout=quiet, stderr=quiet, env=environment(), check=False, timeout=30)


def _not_both(host: HostRecord, record: LabRecord, *, other: str, hint: str) -> None:
    if any(f.host == host.name and f.kind == other for f in record.faults):
        raise UsageError(
            f"the engine of {host.name} is {hint} already", hint=f"run `swarmnet lab heal {host.name} {other}` first"
        )
