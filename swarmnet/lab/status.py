"""The state of a lab at one moment, for people and for machines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from swarmnet.lab.faults import describe
from swarmnet.lab.hosts.answering import ssh_answers
from swarmnet.lab.machine.capabilities import (
    Capability,
    guest_capabilities,
    kernel_capabilities,
    read_capabilities,
    write_capabilities,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab.running import RunningLab
    from swarmnet.lab.state import HostRecord, LabRecord


class HostStatus(BaseModel):
    """One host, as observed."""

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
    """A lab, as observed."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    name: str
    phase: str
    """``starting``, ``up``, or ``interrupted``: the process that started it is gone; run `lab down`."""
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
        """Combine the journal and the observation; also tests the machine's kernel."""
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


def look(lab: RunningLab) -> LabStatus:
    """Observe every host of a lab and return the result."""
    with ThreadPoolExecutor(8) as pool:
        hosts = tuple(pool.map(partial(_host_status, lab), lab.hosts))
    return LabStatus.of(lab.record, hosts, switch=lab.switch.running(), own_kernel=_own_kernel(lab))


def _own_kernel(lab: RunningLab) -> tuple[Capability, ...]:
    """Return what the hosts' own kernels can do. All of them run the same program, so it is tested once, on one host.

    Trying takes a guest some seconds, so the lab keeps what was found.
    """
    known = lab.directory / "own-kernel.json"
    if known.exists():
        return read_capabilities(known)
    for host in lab.hosts:
        kind = lab.kind(host)
        if host.kernel == "own" and kind.engine_answers(host):
            found = guest_capabilities(partial(kind.inside, host))
            write_capabilities(known, found)
            return found
    return ()


def _host_status(lab: RunningLab, host: HostRecord) -> HostStatus:
    kind = lab.kind(host)
    powered = kind.powered(host)
    return HostStatus(
        name=host.name,
        address=str(host.address),
        role=host.role,
        engine=host.engine,
        kernel=host.kernel,
        powered=powered,
        ssh=powered and ssh_answers(host, kind),
        engine_answers=powered and kind.engine_answers(host),
    )
