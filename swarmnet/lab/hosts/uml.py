"""User-Mode Linux on this machine: whether it is there, and whether there is room for hosts on it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.machine.commands import SYSTEM_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab.machine.capabilities import Capability

PACKAGE = "user-mode-linux"
"""Debian's package with the kernel program and its modules."""
PROGRAM = "linux.uml"
MEMORY_MIB = 1536
"""What each host may take at most; engines of all releases and a few services need about a third of it."""
_MODULES = Path("/usr/lib/uml/modules")
_TUN = Path("/dev/net/tun")
_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class UserModeLinux:
    """The kernel program and the modules that belong to it."""

    kernel: Path
    modules: Path
    """Named after the kernel's release."""

    @classmethod
    def installed(cls, *, path: str = SYSTEM_PATH, modules: Path = _MODULES) -> UserModeLinux:
        """Return what is installed here.

        Raises:
            LabError: The package is missing, or half of it.
        """
        program = shutil.which(PROGRAM, path=path)
        releases = sorted(modules.glob("*/modules.dep"))
        if program is None or not releases:
            what = PROGRAM if program is None else f"its modules in {modules}"
            raise LabError(
                f"hosts with a kernel of their own need User-Mode Linux, and {what} is missing here",
                hint="run `swarmnet lab setup --kernel own --yes`, or use `--kernel shared`",
            )
        return cls(Path(program), releases[-1].parent)


def require_own_kernels(hosts: int, *, tun: Path = _TUN, meminfo: Path = _MEMINFO) -> None:
    """Refuse own kernels where they cannot be.

    Raises:
        LabError: No User-Mode Linux, no tun device, or too little free memory; says which.
    """
    UserModeLinux.installed()
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
            f"{free} MiB of memory are free, {hosts} hosts with kernels of their own need {needed} MiB",
            hint="start fewer of them, mix them with `--kernel own,shared,shared`, or end something else",
        )


def available_mib(meminfo: str) -> int:
    """Return what the text of ``/proc/meminfo`` says can be taken without swapping."""
    kib = next(line.split()[1] for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    return int(kib) // 1024


def proves_all(kernel: Iterable[Capability]) -> bool:
    """Return whether a kernel can prove the routing mesh and encryption, and run engines at all."""
    lacking = [c for c in kernel if not c.works]
    return not any(c.need in {"lab", "engine"} or c.name in {"ipvs", "esp"} for c in lacking)
