"""A cloned machine: two hosts with one machine-id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import HOST, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

# `.own` is also known to the scripts that wipe a host.
_TAKE = 'set -e; cd /etc; [ -e machine-id.own ] || cp machine-id machine-id.own; printf "%s\\n" "$1" > machine-id; sync'
_GIVE_BACK = "cd /etc; [ ! -e machine-id.own ] || { mv machine-id.own machine-id && sync; }"


class CloneOptions(Options):
    """Whose identity."""

    like: Annotated[str, Option("the host whose id is taken", HOST)]


class ClonedIdentity(Family[CloneOptions]):
    """``/etc/machine-id`` is that of another host, as on a virtual machine that was cloned; it outlives boots."""

    kind = "machine-id"
    summary = "give HOST the machine-id of another host (--like)"
    example = "m2 machine-id --like m1"
    options = CloneOptions

    def check(self, options: CloneOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse the host itself."""
        if record.host(options.like).name == host.name:
            raise UsageError(f"{host.name} has its own machine-id already", hint=self.hint())

    def describe(self, options: CloneOptions) -> str:
        """Say whose it is."""
        return f"its machine-id is that of {options.like}"

    def put(self, options: CloneOptions, target: FaultTarget) -> None:
        """Write the other's id, and keep the host's own next to it."""
        other = target.files_of(target.record.host(options.like)) / "etc/machine-id"
        target.does(_TAKE, other.read_text(encoding="ascii").strip(), doing=f"take the machine-id of {options.like}")

    def take_back(self, options: CloneOptions, target: FaultTarget) -> None:
        """Give the host its own id back."""
        del options
        target.does(_GIVE_BACK, doing="take its own machine-id back")
