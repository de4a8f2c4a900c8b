"""The engine releases that a lab host can run, and the Debian suite that carries each.

Debian keeps one engine per suite for years, which makes suites the most stable source of three releases
that differ in API: measured 20.10.24 (API 1.41), 26.1.5 (API 1.45) and 28.5.2 (API 1.51).
"""

from __future__ import annotations

from dataclasses import dataclass

from swarmnet.errors import UsageError

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
        EngineRelease("26.1", "trixie", (*_COMMON, "docker-cli")),
        EngineRelease("28.5", "forky", (*_COMMON, "docker-cli")),
    )
}
DEFAULT_ENGINE = "26.1"


def release_of(version: str) -> EngineRelease:
    """Return the release called ``version``.

    Raises:
        UsageError: There is no such release; the message names those there are.
    """
    try:
        return ENGINES[version]
    except KeyError:
        raise UsageError(f"no lab host can run engine {version!r}", hint=f"choose from {', '.join(ENGINES)}") from None
