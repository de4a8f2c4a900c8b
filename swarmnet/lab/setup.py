"""What the machine needs before its first lab: a few programs, and the cached root file systems."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.claim import require_root
from swarmnet.lab.commands import SYSTEM_PATH, attempt
from swarmnet.lab.engines import ENGINES, release_of
from swarmnet.lab.roots import RootCache
from swarmnet.lab.state import LabStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def missing_packages() -> list[str]:
    """Return the packages that this machine lacks."""
    lacking = {package for program, package in PROGRAMS.items() if shutil.which(program, path=SYSTEM_PATH) is None}
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


def prepare(engines: Sequence[str], *, may_install: bool, say: Callable[[str], None]) -> dict[str, str]:
    """Make this machine ready for labs with ``engines`` (all, where empty) and return their full versions.

    Raises:
        UsageError: Not Linux, not root, or an engine that there is not.
        LabError: Programs are missing and may not be installed, or a root could not be built.
    """
    require_root()
    releases = [release_of(engine) for engine in dict.fromkeys(engines or ENGINES)]
    lacking = missing_packages()
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
        raise LabError("\n".join(problems), hint="the logs in the cache directory tell the whole story")
    store = LabStore.default()
    cache.remove_outdated(used={host.root for name in store.names() for host in store.load(name).hosts})
    stamps = {release.version: cache.stamp(release) for release in releases}
    return {version: stamp.engine for version, stamp in stamps.items() if stamp is not None}
