"""What ``lab break`` does to a host, and how ``lab heal`` takes it back.

Faults are written in terms of :class:`swarmnet.lab.kinds.HostKind` and the switch, so that they work alike
on hosts of every kind. Both directions may be repeated: breaking what is broken changes nothing.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.commands import attempt, environment
from swarmnet.lab.waiting import until

if TYPE_CHECKING:
    from swarmnet.lab.kinds import HostKind
    from swarmnet.lab.network import Switch
    from swarmnet.lab.state import Fault, HostRecord, LabRecord

_BALLAST = "/var/lib/docker/.swarmnet-ballast"
_ENGINE_PID = 'pid=$(cat /run/docker.pid 2>/dev/null) && [ "$(cat /proc/$pid/comm 2>/dev/null)" = dockerd ]'
_STOP = f'{_ENGINE_PID} || exit 0; kill -TERM "$pid"'
_RUNS = _ENGINE_PID
_START = f"{_ENGINE_PID} && exit 0; setsid dockerd </dev/null >>/var/log/docker.log 2>&1 &"
# fallocate takes the room without writing it; dd takes what is left below the last whole block.
_FILL = (
    f'fallocate -l "$(df --output=avail -B1 /var/lib/docker | tail -n 1)" {_BALLAST}; '
    f"dd if=/dev/zero of={_BALLAST}.rest bs=4k 2>/dev/null; "
    "[ $(df --output=avail -B1 /var/lib/docker | tail -n 1) -lt 65536 ]"
)
_STOP_LIMIT = 30.0
_START_LIMIT = 60.0
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Breaker:
    """Puts faults on the hosts of one lab."""

    switch: Switch
    kind: HostKind

    def put(self, fault: Fault, record: LabRecord) -> None:
        """Make ``fault`` true; ``record`` already lists it."""
        host = record.host(fault.host)
        match fault.kind:
            case "kill":
                self.kind.power_off(host)
            case "engine":
                self._stop_engine(host)
            case "link":
                self.kind.plug(host, into_switch=False)
            case "block":
                self.switch.apply_blocks(record)
            case "disk":
                self._inside(host, _FILL, doing="fill the disk")

    def take_back(self, fault: Fault, record: LabRecord) -> None:
        """Undo ``fault``; ``record`` no longer lists it. Returns before the host's engine answers again."""
        host = record.host(fault.host)
        match fault.kind:
            case "kill":
                if not self.kind.powered(host):
                    self.kind.power_on(host)
                self._cut_again(host, record)
            case "engine":
                self._start_engine(host)
            case "link":
                self.kind.plug(host, into_switch=True)
            case "block":
                self.switch.apply_blocks(record)
            case "disk":
                self._inside(host, f"rm -f {_BALLAST} {_BALLAST}.rest", doing="free the disk")

    def _cut_again(self, host: HostRecord, record: LabRecord) -> None:
        """Keep a link cut that was cut when its host lost power: the port is a new one."""
        if any(fault.host == host.name and fault.kind == "link" for fault in record.faults):
            answers = partial(self.kind.engine_answers, host)
            until(answers, limit=_START_LIMIT, failing=lambda: f"the engine of {host.name} does not start")
            self.kind.plug(host, into_switch=False)

    def _stop_engine(self, host: HostRecord) -> None:
        self._inside(host, _STOP, doing="stop the engine")

        def stopped() -> bool:
            return attempt(self.kind.inside(host, ["sh", "-c", _RUNS])).exit_code != 0

        until(stopped, limit=_STOP_LIMIT, failing=lambda: f"the engine of {host.name} does not stop")

    def _start_engine(self, host: HostRecord) -> None:
        if self.kind.engine_answers(host):
            return
        argv = self.kind.inside(host, ["sh", "-c", _START])
        quiet = subprocess.DEVNULL
        subprocess.run(argv, stdin=quiet, stdout=quiet, stderr=quiet, env=environment(), check=False, timeout=30)

    def _inside(self, host: HostRecord, script: str, *, doing: str) -> None:
        done = attempt(self.kind.inside(host, ["sh", "-c", script]), limit=60)
        if done.exit_code != 0:
            raise LabError(f"{host.name}: cannot {doing}: {done.last_words()}")


def check(fault: Fault, record: LabRecord) -> None:
    """Refuse a fault that makes no sense.

    Raises:
        UsageError: An unknown host, or options that do not belong to this kind of fault.
    """
    record.host(fault.host)
    if fault.kind != "block":
        if fault.to or fault.protocol or fault.port is not None:
            raise UsageError(f"--to, --proto and --port belong to `block`, not to `{fault.kind}`")
        return
    if fault.to is None or fault.protocol is None:
        raise UsageError("`block` needs --to HOST", hint="for example: break m1 block --to w1 --proto udp --port 4789")
    if record.host(fault.to).name == fault.host:
        raise UsageError(f"{fault.host} cannot be blocked from itself")
    if fault.port is not None and (fault.protocol not in {"tcp", "udp"} or not 0 < fault.port <= _PORT_MAX):
        raise UsageError(f"--port {fault.port} does not go with --proto {fault.protocol}")
