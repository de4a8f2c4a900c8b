"""How long the phases of a run take: reported as they begin, recorded as they end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.events import Progress
from swarmnet.model.verification import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.ports import Ports


@dataclass(slots=True)
class Timer:
    """The phases of one run so far."""

    ports: Ports
    phases: list[Phase] = field(default_factory=list)
    begun: float = field(init=False)
    """When the run began, by the monotonic clock."""

    def __post_init__(self) -> None:
        """Begin now."""
        self.begun = self.ports.clock.monotonic()

    @contextmanager
    def phase(self, name: str, text: str) -> Iterator[None]:
        """Report a phase, unless its text is empty, and record its seconds at its end, also where it fails."""
        if text:
            self.ports.listener(Progress(text))
        begun = self.ports.clock.monotonic()
        try:
            yield
        finally:
            self.phases.append(Phase(name=name, seconds=round(self.ports.clock.monotonic() - begun, 3)))
