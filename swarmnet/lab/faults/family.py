"""What every kind of fault promises, and what it is given to work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from pydantic import ValidationError

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.faults.options import Options, complaint
from swarmnet.lab.machine.commands import attempt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from swarmnet.lab.faults.options import Declared
    from swarmnet.lab.hosts.kinds import HostKind
    from swarmnet.lab.network import Switch
    from swarmnet.lab.state import HostRecord, LabRecord

O = TypeVar("O", bound=Options)  # noqa: E741 - the options of one family

Silence = Literal["host", "engine", "ssh"]
"""What does not answer while a fault is present; ``host`` is all of it."""
Event = Literal["boot", "engine start"]
"""What ends some faults by itself."""


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """One host of one lab, as faults reach it: from inside, and at its cable."""

    host: HostRecord
    kind: HostKind
    switch: Switch
    record: LabRecord

    def does(self, script: str, *words: str, doing: str, limit: float = 60.0) -> str:
        """Run a shell script as root inside the host, with ``words`` as its arguments, and return its output.

        Raises:
            LabError: The host is off, or the script failed: "HOST: cannot DOING: its last words".
        """
        done = attempt(self.kind.inside(self.host, ["sh", "-c", script, "fault", *words]), limit=limit)
        if done.exit_code != 0:
            raise LabError(f"{self.host.name}: cannot {doing}: {done.last_words()}")
        return done.stdout

    def holds(self, script: str) -> bool:
        """Return whether a shell script exits with 0 inside the host."""
        return attempt(self.kind.inside(self.host, ["sh", "-c", script])).exit_code == 0

    def files_of(self, host: HostRecord) -> Path:
        """Return the directory where the machine keeps a host's changes to its root file system."""
        return self.switch.directory / "hosts" / host.name / "upper"


class Family(ABC, Generic[O]):
    """One kind of fault: how it is checked, described, made and healed.

    Both directions are idempotent: breaking what is broken changes nothing, and neither does healing what is whole.
    """

    kind: ClassVar[str]
    """Its name on the command line."""
    summary: ClassVar[str]
    """What it does, in a few words for the help."""
    example: ClassVar[str] = ""
    """A command line for the hint of an error, after ``swarmnet lab break``."""
    options: type[O]
    """What it takes besides the host."""
    silences: ClassVar[frozenset[Silence]] = frozenset()
    ends_with: ClassVar[frozenset[Event]] = frozenset()
    """Events that end the fault, as on a real host; the journal then no longer lists it."""
    break_causes: ClassVar[frozenset[Event]] = frozenset()
    """Events that making this fault causes for the other faults of its host."""
    heal_causes: ClassVar[frozenset[Event]] = frozenset()
    lasting: ClassVar[bool] = True
    """False: it is over when ``break`` returns, so there is nothing to list or heal."""
    renewed: ClassVar[bool] = False
    """Whether it belongs to the host's cable or settings, but must be made again after a boot."""

    def declared(self) -> tuple[Declared, ...]:
        """Return its options, in the order of the model."""
        return self.options.declared()

    def read(self, values: Mapping[str, object]) -> O:
        """Return the options that a journal or a command line holds.

        Raises:
            UsageError: One is missing or out of range; the hint shows a command that works.
        """
        try:
            return self.options.model_validate(dict(values))
        except ValidationError as wrong:
            first = complaint(self.kind, self.options, wrong.errors()[0])
            raise UsageError(first, hint=self.hint()) from None

    def hint(self) -> str | None:
        """Return the example as a hint."""
        return f"for example: swarmnet lab break {self.example}" if self.example else None

    def check(self, options: O, host: HostRecord, record: LabRecord) -> None:
        """Refuse options that make no sense together or on this host; each value alone is in range already.

        Raises:
            UsageError: They make no sense; the hint shows a command that works.
        """
        del options, host, record

    @abstractmethod
    def describe(self, options: O) -> str:
        """Return in words what is broken, without the host's name."""

    @abstractmethod
    def put(self, options: O, target: FaultTarget) -> None:
        """Make the fault; the journal lists it already.

        Raises:
            LabError: It is not possible here; the message says why.
        """

    @abstractmethod
    def take_back(self, options: O, target: FaultTarget) -> None:
        """Undo the fault; the journal no longer lists it. Returns before the host's engine answers again."""

    def clear(self, options: O, target: FaultTarget) -> None:
        """Undo what neither a power cut nor a wiped disk undoes, while the host is off."""
        del options, target

    def rules(self, options: O, host: HostRecord, record: LabRecord) -> list[str]:
        """Return the nftables rules on the lab's switch that make the fault."""
        del options, host, record
        return []
