"""Timers of systemd, of the user or of the whole machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.edge.timers.marked import marked, remove_ours, run, write_ours
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from swarmnet.model.schedule import Schedule

AGAIN = 900
"""Seconds after which a run is repeated that could not begin, since no host answered or another run had the lock."""
SPREAD = 600
"""Seconds at most by which systemd delays a run, so that not all machines ask at the same second."""


@dataclass(frozen=True, slots=True)
class SystemdTimer:
    """A service and its timer in a folder of units."""

    folder: Path
    name: str
    """Of both units, without suffix."""
    user: bool
    is_running: bool
    """False where systemd is installed, and does not run this machine: then units are written and not started."""
    events: tuple[str, ...]
    """When it starts, as ``OnCalendar=`` has it."""
    ask: Callable[[Sequence[str]], tuple[int, str, str]] = run

    @property
    def files(self) -> tuple[Path, Path]:
        """The service and the timer."""
        return self.folder / f"{self.name}.service", self.folder / f"{self.name}.timer"

    def install(self, schedule: Schedule, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Write both units, and start the timer."""
        service, timer = self.files
        write_ours({service: service_unit(schedule, argv), timer: timer_unit(schedule, self.events)})
        said = [f"wrote {service}", f"wrote {timer}"]
        return (*said, *self._control(("daemon-reload",), ("enable", "--now", timer.name)))

    def remove(self, _schedule: Schedule) -> tuple[str, ...]:
        """Stop the timer and remove both units."""
        service, timer = self.files
        stopped = self._control(("disable", "--now", timer.name)) if timer.exists() else ()
        return (*stopped, *remove_ours((service, timer)), *self._control(("daemon-reload",)))

    def _control(self, *verbs: tuple[str, ...]) -> tuple[str, ...]:
        said: list[str] = []
        for verb in verbs:
            argv = ("systemctl", *(("--user",) if self.user else ()), *verb)
            if not self.is_running:
                said.append(f"systemd does not run here; where it does, type: {' '.join(argv)}")
                continue
            code, _out, err = self.ask(argv)
            if code:
                said.append(f"`{' '.join(argv)}` failed: {err.strip() or code}")
        return tuple(said)


def service_unit(schedule: Schedule, argv: Sequence[str]) -> str:
    """Return the unit of one run. It may use what the user may, since SSH and its programs read more than we know."""
    return f"""{marked(schedule.cluster)}
[Unit]
Description=Backup of cluster {_specifiers(_plain(schedule.cluster))} (swarmnet)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={_command(argv)}
Nice=10
UMask=0077
RuntimeMaxSec=1h
# {ExitCode.UNREACHABLE}: no host answers; {ExitCode.LOCKED}: another run has the lock. Both are tried again.
RestartForceExitStatus={ExitCode.UNREACHABLE} {ExitCode.LOCKED}
RestartSec={AGAIN}
"""


def timer_unit(schedule: Schedule, events: Sequence[str]) -> str:
    """Return the unit that starts it: once after the machine was off at its time, or at several of them."""
    calendar = "\n".join(f"OnCalendar={event}" for event in events)
    return f"""{marked(schedule.cluster)}
[Unit]
Description=Backups of cluster {_specifiers(_plain(schedule.cluster))} (swarmnet)

[Timer]
{calendar}
Persistent=true
# A run that is still due, since none could begin, is asked for each hour; one that is not due ends at once.
OnUnitInactiveSec=1h
RandomizedDelaySec={SPREAD}

[Install]
WantedBy=timers.target
"""


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text).replace("\\", "/")


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _command(argv: Sequence[str]) -> str:
    """Return ExecStart= with words that systemd reads back as they are (systemd.service(5), "Command lines").

    Variables are not read in the program's path, so its ``$`` stays single; quotes cannot be written there at all.
    """
    program, *words = argv
    if set(program) & set("\"'\\\n"):
        raise UsageError(f"systemd cannot run {program}: its path has quotes", hint="use --with cron, or move swarmnet")
    return " ".join((_quoted(program), *(_quoted(word).replace("$", "$$") for word in words)))


def _quoted(word: str) -> str:
    text = _specifiers(word).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
