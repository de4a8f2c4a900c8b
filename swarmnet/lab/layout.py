"""The hosts of a new lab: names, addresses, cards and kernels."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from swarmnet.lab.machine.subnets import addresses
from swarmnet.lab.roots.engines import KERNEL_ENGINE
from swarmnet.lab.state import HostRecord

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

    from swarmnet.lab.spec import KernelWish, LabSpec
    from swarmnet.lab.state import KernelKind, LabRole


def lay_out(spec: LabSpec, *, subnet: IPv4Network, lab_id: str, roots: dict[str, Path]) -> tuple[HostRecord, ...]:
    """Return the hosts of a lab; ``roots`` gives the root file system of each engine version that it needs."""
    kernels = {name: _kernel(wish) for name, wish in spec.kernel_wishes().items()}
    names = [*spec.host_names(), *spec.extras]
    places = addresses(subnet, names)
    return tuple(
        HostRecord(
            name=name,
            address=places[name],
            mac=_mac(lab_id, name),
            port=f"port{index}",
            engine=release.version,
            root=roots[release.version],
            role=_role(name, spec),
            kernel=kernels[name],
            kernel_root=roots[KERNEL_ENGINE] if kernels[name] == "own" else None,
        )
        for index, (name, release) in enumerate(spec.releases().items(), start=1)
    )


def _kernel(wish: KernelWish) -> KernelKind:
    if wish == "auto":
        raise ValueError("which kernel `auto` means was not decided")
    return wish


def _role(name: str, spec: LabSpec) -> LabRole:
    if name in spec.extras:
        return "none"
    return "manager" if name.startswith("m") else "worker"


def _mac(lab_id: str, name: str) -> str:
    """Return the address of a host's card: locally administered, and the same after every power cut."""
    octets = hashlib.sha256(f"{lab_id}/{name}".encode()).digest()[:5]
    return "02:" + ":".join(f"{octet:02x}" for octet in octets)
