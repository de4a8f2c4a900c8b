"""Claim what a new lab must not share: its name, its subnet and its id."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.files import locked
from swarmnet.lab.hosts.processors import allowed, spread
from swarmnet.lab.layout import lay_out
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.machine.subnets import choose, networks_in_use
from swarmnet.lab.state import LabRecord, LabStore

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from ipaddress import IPv4Network

    from swarmnet.lab.spec import LabSpec

_ADDRESSES = Path("/run/swarmnet-lab-addresses.lock")


def require_root() -> None:
    """Refuse a machine or a user that cannot run labs.

    Raises:
        UsageError: This is not Linux, or the user is not root.
    """
    if os.uname().sysname != "Linux":
        raise UsageError("a lab needs Linux: its hosts are made of Linux namespaces", hint="use a Linux machine or VM")
    if os.geteuid() != 0:
        raise UsageError("a lab needs root: it makes network namespaces and mounts", hint="run it with sudo")


def alone_with_addresses() -> AbstractContextManager[None]:
    """Keep other labs of this machine from choosing addresses, in whichever directory their journals are.

    Hold it from before the claim until the chosen ones are on an interface: only there can every process see them.
    """
    return locked(_ADDRESSES, limit=120)


def claim(spec: LabSpec, *, store: LabStore, roots: dict[str, Path]) -> LabRecord:
    """Choose name, subnet and ids of a new lab and write its journal, alone on the machine."""
    with store.locked():
        store.sweep()
        if spec.name in store.names():
            raise UsageError(
                f"lab {spec.name!r} already exists",
                hint=f"choose another --name, or run `swarmnet lab down --name {spec.name}`",
            )
        # A lab with a damaged journal must not keep others from starting: `down` reports it.
        others, _ = store.readable()
        taken: dict[IPv4Network, str] = networks_in_use()
        # Labs may not have made their interfaces yet.
        taken |= {other.subnet: f"lab {other.name}" for other in others}
        subnet = choose(spec.subnet, hosts=len(spec.releases()), taken=taken)
        lab_id = secrets.token_hex(4)
        me = ProcessIdentity.of(os.getpid())
        record = LabRecord(
            name=spec.name,
            id=lab_id,
            subnet=subnet,
            hosts=spread(
                lay_out(spec, subnet=subnet, lab_id=lab_id, roots=roots),
                others=(host for other in others for host in other.hosts),
                processors=allowed(),
            ),
            phase="starting",
            owner=(me.pid, me.started) if me else (0, 0),
            inventory=(spec.inventory or store.directory(spec.name) / f"lab-{spec.name}.yml").absolute(),
            disk_gib=spec.disk_gib,
        )
        try:
            store.create(record)
        except BaseException:  # Ctrl-C right after the journal appeared
            store.remove(record)
            raise
        return record
