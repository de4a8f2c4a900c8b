"""A target that does at one call, or at all of them, what real ones do in trouble."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from swarmnet.errors import TargetError, TargetUnreachableError

if TYPE_CHECKING:
    from typing import BinaryIO

    from swarmnet.model.sealed import Sink
    from swarmnet.model.targets import BackupTarget, Stored

FAULTS = ("vanishes", "refuses", "keeps nothing", "keeps a part", "shows a part")
DEATH = "dies"


class Died(BaseException):
    """The end of the process, at a call."""


class FaultyTarget:
    """Passes calls on; ``at`` is the number of the call that goes wrong, None means all."""

    def __init__(self, target: BackupTarget, *, at: int | None, fault: str) -> None:
        self._target = target
        self._at = at
        self._fault = fault
        self.calls = 0

    @property
    def place(self) -> str:
        return self._target.place

    def files(self) -> tuple[Stored, ...]:
        self._now()
        return self._target.files()

    def read(self, name: str, most: int) -> bytes:
        fault = self._now()
        data = self._target.read(name, most)
        return data[: len(data) // 2] if fault == "shows a part" else data

    def fetch(self, name: str, sink: Sink) -> None:
        fault = self._now()
        whole = BytesIO()
        self._target.fetch(name, whole.write)
        data = whole.getvalue()
        sink(data[: len(data) // 2] if fault == "shows a part" else data)

    def put(self, name: str, content: BinaryIO, *, replace: bool = False) -> None:
        fault = self._now()
        if fault == "keeps nothing":
            return
        if fault == "keeps a part":
            content.seek(0)
            data = content.read()
            content = BytesIO(data[: len(data) // 2])
        self._target.put(name, content, replace=replace)

    def remove(self, name: str) -> None:
        self._now()
        self._target.remove(name)

    def _now(self) -> str:
        """Return the fault of this call, if there is one."""
        number, self.calls = self.calls, self.calls + 1
        if self._at is not None and number != self._at:
            return ""
        if self._fault == "vanishes":
            raise TargetUnreachableError("it does not answer", hint="run the command again")
        if self._fault == "refuses":
            raise TargetError("it refuses", hint="get the right to it")
        if self._fault == DEATH:
            raise Died
        return self._fault
