"""What the machine needs before its first lab: a few programs, and the cached root file systems."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.claim import require_root
from swarmnet.lab.hosts.uml import proves_all
from swarmnet.lab.machine.capabilities import kernel_capabilities, load_modules
from swarmnet.lab.machine.commands import SYSTEM_PATH, attempt
from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.roots.engines import ENGINES, HAS_KERNEL, KERNEL_ENGINE, release_of
from swarmnet.lab.state import LabStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.lab.spec import KernelWish

PROGRAMS: dict[str, str] = {
    "debootstrap": "debootstrap",
    "gpgv": "gpgv",
    "hostname": "hostname",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "wget": "wget",
}
"""Programs that labs are made with, and the Debian and Ubuntu package of each."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT_LIMIT = 900.0


_OWN_KERNEL_PROGRAMS: dict[str, str] = {"ssh": "openssh-client"}
"""What hosts with kernels of their own need beyond that; ``ssh`` holds the lab's line to each."""


def missing_packages(*, own_kernel: bool = False) -> list[str]:
    """Return the packages that this machine lacks; with ``own_kernel`` also those that such hosts need."""
    programs = PROGRAMS | (_OWN_KERNEL_PROGRAMS if own_kernel else {})
    lacking = {package for program, package in programs.items() if shutil.which(program, path=SYSTEM_PATH) is None}
    if not _KEYRING.exists():
        lacking.add("debian-archive-keyring")
    return sorted(lacking)


def install(packages: Sequence[str]) -> None:
    """Install packages with apt.

    Raises:
        LabError: This machine has no apt, or apt failed.
    """
    if shutil.which("apt-get", path=SYSTEM_PATH) is None:
        raise LabError(
            f"missing here: {', '.join(packages)}; this is neither Debian nor Ubuntu",
            hint="install the programs with this system's own package tool, then run `swarmnet lab setup` again",
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]):
        done = attempt(argv, limit=_APT_LIMIT, env=quiet)
        if done.exit_code != 0:
            raise LabError(f"{' '.join(argv)} failed: {done.last_words()}")


def own_kernel_wanted(wish: KernelWish) -> bool:
    """Return whether this machine needs User-Mode Linux; ``auto``: if it helps and Debian has it for this machine.

    It helps where the machine's kernel lacks IPVS or ESP.
    """
    if wish != "auto":
        return wish == "own"
    load_modules()
    if proves_all(kernel_capabilities()):
        return False
    return HAS_KERNEL


def prepare(
    engines: Sequence[str], *, may_install: bool, say: Callable[[str], None], kernel: KernelWish = "auto"
) -> dict[str, str]:
    """Make this machine ready for labs with ``engines`` (all, where empty) and return their full versions.

    ``kernel`` says whether to prepare for hosts with their own kernels too.

    Raises:
        UsageError: Not Linux, not root, or an unknown engine.
        LabError: Programs are missing and may not be installed, or a root could not be built.
    """
    require_root()
    own_kernel = own_kernel_wanted(kernel)
    wanted = (*(engines or ENGINES), *((KERNEL_ENGINE,) if own_kernel else ()))
    releases = [release_of(engine) for engine in dict.fromkeys(wanted)]
    lacking = missing_packages(own_kernel=own_kernel)
    if lacking and not may_install:
        raise LabError(
            f"missing packages: {' '.join(lacking)}",
            hint=f"run `swarmnet lab setup --yes`, or `apt-get install {' '.join(lacking)}`",
        )
    if lacking:
        say(f"installing {' '.join(lacking)}")
        install(lacking)
    cache = RootCache.default()
    problems = cache.build(releases, say=say)
    if problems:
        raise LabError("\n".join(problems), hint="see the logs in the cache directory")
    store = LabStore.default()
    labs, damaged = store.readable()
    if damaged:
        # One of them may be the journal of a lab that runs on an old root.
        say(f"keeping outdated root file systems: {', '.join(damaged)} in {store.base} cannot be read as a lab")
    else:
        cache.remove_outdated(
            used={
                root for lab in labs for host in lab.hosts for root in (host.root, host.kernel_root) if root is not None
            }
        )
    stamps = {release.version: cache.stamp(release) for release in releases}
    return {version: stamp.engine for version, stamp in stamps.items() if stamp is not None}
