"""The packages that an engine comes from on one host: what is installed, and what the host's own sources offer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from swarmnet.model.base import Document

_ENGINE = re.compile(r"(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)")


def engine_of(version: str) -> str:
    """Return the engine's version that a package's version has: ``5:26.1.4-1~debian.12`` and ``26.1.4+dfsg1`` alike."""
    found = _ENGINE.match(version)
    return found[1] if found else version


def numbers(engine: str) -> tuple[int, ...]:
    """Return the numbers of an engine's version, to be compared."""
    return tuple(int(word) for word in engine.split(".") if word.isdecimal())


class Package(Document):
    """One package in one version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Offer(Package):
    """A version that the host's sources have, or that is installed."""

    is_older: bool = False
    """Whether it is older than what is installed, as dpkg compares versions."""


class PackageChange(Document):
    """What apt would do with one package."""

    name: str
    before: str | None = None
    """The installed version; None for a new package."""
    after: str | None = None
    """None for a package that would be removed."""


class HostPackages(Document):
    """What the packages of one host say about its engine."""

    host: str
    distribution: str = ""
    """``ID`` of ``/etc/os-release``; empty where there is none."""
    installed: tuple[Package, ...] = ()
    """Packages of engines that are installed, whole or in part."""
    offers: tuple[Offer, ...] = ()
    """Versions of these and of others that bring an engine, in apt's order: the newest of each name first."""
    candidates: tuple[Package, ...] = ()
    """The version of each name that apt would take by itself."""
    program: str = ""
    """Where ``dockerd`` is; empty without one."""
    owner: str = ""
    """The package that ``dockerd`` is from; empty where none has it."""
    has_snap: bool = False
    """Whether Docker is installed as a snap."""
    unfinished: bool = False
    """Whether dpkg was interrupted, so that packages are not configured."""
    lists_age: float | None = None
    """Seconds since the lists of packages were fetched; None without lists."""
    changes: tuple[PackageChange, ...] = ()
    """What apt would do for the version that is asked for."""
    said: str = ""
    """Why apt would do nothing of it."""

    def version_of(self, name: str) -> str | None:
        """Return the installed version of a package, None where it is not installed."""
        return next((one.version for one in self.installed if one.name == name), None)

    def offers_of(self, name: str) -> tuple[Offer, ...]:
        """Return the versions of a package, the newest first."""
        return tuple(one for one in self.offers if one.name == name)

    def candidate_of(self, name: str) -> str | None:
        """Return the version that apt would take by itself; None where it knows none."""
        return next((one.version for one in self.candidates if one.name == name), None)


@dataclass(frozen=True, slots=True)
class PackageQuestion:
    """What is asked about packages."""

    hosts: frozenset[str]
    version: str | None = None
    """The version that is asked for; None takes apt's candidate."""
    installs: bool = False
    """Whether an engine is installed where there is none."""
