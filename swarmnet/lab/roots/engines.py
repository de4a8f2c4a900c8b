"""The engine releases that a lab host can run, and the Debian suite that carries each.

Debian keeps one engine per suite for years, which makes suites the most stable source of three releases
that differ in API: measured 20.10.24 (API 1.41), 26.1.5 (API 1.45) and 28.5.2 (API 1.51).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMMON = (
    "busybox-static",
    "ca-certificates",
    "docker.io",
    "ethtool",
    "iperf3",
    "iproute2",
    "iptables",
    "iputils-ping",
    "kmod",
    "openssh-server",
    "procps",
    "sudo",
    "tcpdump",
)

KERNEL_PACKAGES = ("tcc", "user-mode-linux")
"""Debian's packages with the kernel program and the modules of hosts with kernels of their own.

The compiler builds what that program preloads, ``hosts/registers.c``.
"""
HAS_KERNEL = os.uname().machine in {"x86_64", "i686"}
"""Whether Debian has that package for this machine."""
KERNEL_ENGINE = "26.1"
"""The release whose root holds it.

Debian 13's kernel 6.12 starts programs several times faster than Debian 12's 6.1, and has the iptables modules that the
engines need; 7.2, of forky, has neither those nor nftables for IPv4.
"""


@dataclass(frozen=True, slots=True)
class EngineRelease:
    """One engine release and where it comes from."""

    version: str
    """Major and minor number, as ``--engine`` takes it."""
    suite: str
    """The Debian suite whose ``docker.io`` has this version."""
    packages: tuple[str, ...]
    """What a root file system needs beyond the minimal base."""


ENGINES: dict[str, EngineRelease] = {
    release.version: release
    for release in (
        # In bookworm the docker CLI is inside docker.io.
        EngineRelease("20.10", "bookworm", _COMMON),
        EngineRelease("26.1", "trixie", (*_COMMON, "docker-cli", *(KERNEL_PACKAGES if HAS_KERNEL else ()))),
        EngineRelease("28.5", "forky", (*_COMMON, "docker-cli")),
    )
}
DEFAULT_ENGINE = "26.1"


def release_of(version: str) -> EngineRelease:
    """Return the release called ``version``.

    Raises:
        UsageError: The release does not exist; the message names those there are.
    """
    try:
        return ENGINES[version]
    except KeyError:
        raise UsageError(f"no lab host can run engine {version!r}", hint=f"choose from {', '.join(ENGINES)}") from None


def nearest(versions: Iterable[str]) -> str:
    """Return the oldest release that is not older than any of these engines, else the newest there is."""
    newest = max((_number(version) for version in versions), default=(0, 0))
    return next((name for name in ENGINES if _number(name) >= newest), [*ENGINES][-1])


def _number(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major) if major.isdigit() else 0, int(minor) if minor.isdigit() else 0)
