"""User-Mode Linux: whether a root file system has it, and whether there is room for hosts on it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.model.plural import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab.machine.capabilities import Capability

_PROGRAM = Path("usr/bin/linux.uml")
MEMORY_MIB = 1536
"""What each host may take at most; engines of all releases and a few services need about a third of it."""
_MODULES = Path("usr/lib/uml/modules")
_TUN = Path("/dev/net/tun")
_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class UserModeLinux:
    """The kernel program and the modules that belong to it."""

    root: Path
    """The root file system that holds the program, and the libraries that it needs."""
    kernel: Path
    """The program, as a path in that root."""
    modules: Path
    """Named after the kernel's release."""

    @classmethod
    def of(cls, root: Path) -> UserModeLinux:
        """Return the kernel that a root file system holds.

        Raises:
            LabError: The package is missing in it, or half of it.
        """
        releases = sorted((root / _MODULES).glob("*/modules.dep"), key=_release)
        if not (root / _PROGRAM).exists() or not releases:
            raise LabError(
                f"hosts with a kernel of their own need User-Mode Linux, and {root} does not have it",
                hint="run `swarmnet lab setup --kernel own --yes` (x86 machines only), or use `--kernel shared`",
            )
        return cls(root, Path("/") / _PROGRAM, releases[-1].parent)


def require_own_kernels(hosts: int, *, tun: Path = _TUN, meminfo: Path = _MEMINFO) -> None:
    """Refuse own kernels where they cannot be.

    Raises:
        LabError: No tun device, or too little free memory; says which.
    """
    try:
        os.close(os.open(tun, os.O_RDWR))
    except OSError as wrong:
        raise LabError(
            f"hosts with a kernel of their own need {tun}, and it cannot be opened: {wrong.strerror}",
            hint="run `modprobe tun`; in a container, hand the device in. Or use `--kernel shared`",
        ) from wrong
    free, needed = available_mib(meminfo.read_text(encoding="ascii")), hosts * MEMORY_MIB
    if free < needed:
        raise LabError(
            f"{free} MiB of memory are free,"
            f" {count(hosts, 'host with its own kernel needs', 'hosts with kernels of their own need')} {needed} MiB",
            hint="start fewer of them, mix them with `--kernel own,shared,shared`, or end something else",
        )


def _release(dependencies: Path) -> list[int]:
    """Return what to order the modules of releases such as ``6.12.113`` by."""
    return [int(number) for number in re.findall(r"\d+", dependencies.parent.name)]


def available_mib(meminfo: str) -> int:
    """Return what the text of ``/proc/meminfo`` says can be taken without swapping."""
    kib = next(line.split()[1] for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    return int(kib) // 1024


def proves_all(kernel: Iterable[Capability]) -> bool:
    """Return whether a kernel can prove the routing mesh and encryption, and run engines at all."""
    lacking = [c for c in kernel if not c.works]
    return not any(c.need in {"lab", "engine"} or c.name in {"ipvs", "esp"} for c in lacking)
