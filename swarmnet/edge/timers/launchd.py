"""An agent of launchd, printed: macOS is not tested, so the operator looks at it and loads it."""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.schedule import Schedule

EVERY = 600
"""Seconds between two questions whether a run is due; launchd asks once after the machine slept."""


@dataclass(frozen=True, slots=True)
class LaunchAgent:
    """A property list for ``~/Library/LaunchAgents``."""

    label: str

    def install(self, _schedule: Schedule, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the property list, and what to do with it."""
        path = f"~/Library/LaunchAgents/{self.label}.plist"
        return (*agent(self.label, argv).splitlines(), f"save this as {path}, then: launchctl load {path}")

    def remove(self, _schedule: Schedule) -> tuple[str, ...]:
        """Return what to do."""
        path = f"~/Library/LaunchAgents/{self.label}.plist"
        return (f"type: launchctl unload {path} && rm {path}",)


def agent(label: str, argv: tuple[str, ...]) -> str:
    """Return the property list, indented by blanks: what is printed shows tabs, as all control characters, escaped."""
    keys = {"Label": label, "ProgramArguments": list(argv), "StartInterval": EVERY, "ProcessType": "Background"}
    return plistlib.dumps(keys).decode().expandtabs(1)
