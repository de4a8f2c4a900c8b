"""What a lab looks like at one moment, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from swarmnet.lab.faults import describe
from swarmnet.lab.machine.capabilities import Capability, kernel_capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab.state import LabRecord


class HostStatus(BaseModel):
    """One host, as it was seen."""

    model_config = ConfigDict(frozen=True)

    name: str
    address: str
    role: str
    engine: str
    kernel: str
    """Which kind of host it is: ``shared``, the machine's kernel; ``own``, a kernel of its own."""
    powered: bool
    ssh: bool
    """Whether sshd answered from the operator's side."""
    engine_answers: bool


class LabStatus(BaseModel):
    """A lab, as it was seen."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    name: str
    phase: str
    """``starting``, ``up``, or ``interrupted``: the process that started it is gone, only `down` helps."""
    subnet: str
    inventory: str
    switch: bool
    hosts: tuple[HostStatus, ...]
    broken: tuple[str, ...]
    """What `lab break` broke, in words."""
    kernel: tuple[Capability, ...]
    """What the machine's kernel can do, and what its ``shared`` hosts therefore can and cannot prove."""
    own_kernel: tuple[Capability, ...] = ()
    """What the kernel of the ``own`` hosts can do; empty where there is none that runs."""

    @classmethod
    def of(
        cls, record: LabRecord, hosts: Iterable[HostStatus], *, switch: bool, own_kernel: tuple[Capability, ...]
    ) -> LabStatus:
        """Put together what the journal says and what was seen; tries the machine's kernel on the way."""
        return cls(
            name=record.name,
            phase="interrupted" if record.phase == "starting" and not record.being_started() else record.phase,
            subnet=str(record.subnet),
            inventory=str(record.inventory),
            switch=switch,
            hosts=tuple(hosts),
            broken=tuple(map(describe, record.faults)),
            kernel=kernel_capabilities(),
            own_kernel=own_kernel,
        )
