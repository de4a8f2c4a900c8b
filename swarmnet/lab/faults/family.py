"""What every kind of fault promises, and what it is given to work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import LabError
from swarmnet.lab.machine.commands import attempt

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.hosts.kinds import HostKind
    from swarmnet.lab.network import Switch
    from swarmnet.lab.state import Fault, HostRecord, LabRecord

Silence = Literal["host", "engine", "ssh"]
"""What need not answer while a fault is there; ``host`` is all of it."""
Event = Literal["boot", "engine start"]
"""What takes some faults away by itself."""


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
        """Tell whether a shell script, run inside the host, ends well."""
        return attempt(self.kind.inside(self.host, ["sh", "-c", script])).exit_code == 0

    def files_of(self, host: HostRecord) -> Path:
        """Return where the machine keeps what a host of the lab has changed of its root file system."""
        return self.switch.directory / "hosts" / host.name / "upper"


class Family(ABC):
    """One kind of fault: how it is checked, told, made and taken back.

    Both directions may be repeated: breaking what is broken changes nothing, and so does healing what is whole.
    """

    kind: ClassVar[str]
    """How it is called on the command line."""
    told: ClassVar[str]
    """What it does, for the help: a few words."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """The fields of :class:`~swarmnet.lab.state.Fault` that this kind uses beside host and kind."""
    key: ClassVar[frozenset[str]] = frozenset()
    """Those of them that tell one fault of a host from another; a new one replaces its equal."""
    silences: ClassVar[frozenset[Silence]] = frozenset()
    ends_with: ClassVar[frozenset[Event]] = frozenset()
    """What a boot or an engine start takes away, as it would on a real host; it is then no longer listed."""
    break_causes: ClassVar[frozenset[Event]] = frozenset()
    """What making this fault does to the others of its host."""
    heal_causes: ClassVar[frozenset[Event]] = frozenset()
    lasting: ClassVar[bool] = True
    """False: it is over when ``break`` returns, so that nothing is left to list or heal."""
    renewed: ClassVar[bool] = False
    """Whether it belongs to the host's cable or settings, but has to be made again after a boot."""

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse options that make no sense; that they belong to this kind is known already.

        Raises:
            UsageError: They make none; the hint shows a command that does.
        """
        del fault, record

    @abstractmethod
    def describe(self, fault: Fault) -> str:
        """Say in words what is broken, without the host's name."""

    @abstractmethod
    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Make the fault true; the journal lists it already.

        Raises:
            LabError: It cannot be done here; says why.
        """

    @abstractmethod
    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Undo the fault; the journal no longer lists it. Returns before the host's engine answers again."""

    def clear(self, fault: Fault, place: FaultTarget) -> None:
        """Undo what neither a power cut nor a wiped disk does, while the host is off."""
        del fault, place

    def rules(self, fault: Fault, record: LabRecord) -> list[str]:
        """Return the rules of nftables that the fault is made of on the lab's switch."""
        del fault, record
        return []
