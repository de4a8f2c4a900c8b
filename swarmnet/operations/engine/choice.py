"""Which packages bring a host the engine that is asked for. Pure.

Debian and Ubuntu have ``docker.io``; Docker's own source has ``docker-ce``. A host keeps the one that it has. No source
is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.packages import HostPackages, Offer, Package, PackageQuestion, engine_of, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

SUPPORTED = ("debian", "ubuntu")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "docker-ce": ("docker-ce-cli", "docker-ce-rootless-extras"),
    "docker.io": ("docker-cli", "docker-doc"),
}
"""The package that has the engine, and the others that go with it in the same version; the first of these has the
command ``docker``. In Debian 12, ``docker.io`` has it itself."""
NAMES = tuple(name for family, others in FAMILIES.items() for name in (family, *others))
REFRESH = "add --refresh to fetch the package lists first"


@dataclass(frozen=True, slots=True)
class Choice:
    """The packages that a host is to have."""

    packages: tuple[Package, ...]
    """The engine's own first."""
    is_there: bool
    """Whether all of them are installed in these versions."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What apt is to install, as it takes it."""
        return () if self.is_there else tuple(f"{one.name}={one.version}" for one in self.packages)

    @property
    def engine(self) -> str:
        """The version that the engine then has."""
        return engine_of(self.packages[0].version)


def choice(found: HostPackages, asked: PackageQuestion) -> Choice:
    """Return the packages that bring the engine that is asked for.

    Raises:
        RefusedError: the host has another system, an engine of another kind, a newer one, or no source of this one.
    """
    _replaceable(found)
    family = _family(found, asked)
    present = found.version_of(family)
    version = _version(found, family, present, asked)
    command, *rest = FAMILIES[family]
    others = [one for one in (command, *rest) if one == command or found.version_of(one) is not None]
    offered = {(one.name, one.version) for one in found.offers}
    packages = (
        Package(name=family, version=version),
        *(Package(name=one, version=version) for one in others if (one, version) in offered),
    )
    return Choice(packages, all(found.version_of(one.name) == one.version for one in packages))


def _replaceable(found: HostPackages) -> None:
    host = found.host
    if found.distribution not in SUPPORTED:
        system = found.distribution or "a system without /etc/os-release"
        raise RefusedError(
            f"{host} runs {system}: engines are replaced on Debian and Ubuntu only",
            hint=f"use the package tool of {host} itself, between swarmnet node drain and swarmnet node activate",
        )
    if found.has_snap:
        raise RefusedError(
            f"{host} has Docker as a snap, which updates itself and keeps its data elsewhere",
            hint=f"remove the snap on {host} (snap remove docker), then swarmnet engine install",
        )
    if found.program and found.owner not in FAMILIES:
        whose = f"is from package {found.owner}" if found.owner else "is from no package"
        raise RefusedError(
            f"{found.program} on {host} {whose}: only engines of docker.io and docker-ce are replaced",
            hint="update it in the way in which it was installed",
        )


def _family(found: HostPackages, asked: PackageQuestion) -> str:
    """Return the engine's package: the one that is there, or Docker's own where the host has that source."""
    there = next((one for one in FAMILIES if found.version_of(one) is not None), None)
    if there is not None:
        return there
    if not asked.installs:
        raise RefusedError(f"{found.host} has no engine", hint=f"swarmnet engine install -i INVENTORY {found.host}")
    offered = next((one for one in FAMILIES if found.candidate_of(one) is not None), None)
    if offered is None:
        raise RefusedError(
            f"the package sources of {found.host} have neither docker.io nor docker-ce",
            hint=f"{REFRESH}; no package source is added automatically",
        )
    return offered


def _version(found: HostPackages, family: str, present: str | None, asked: PackageQuestion) -> str:
    if asked.version is None:
        candidate = found.candidate_of(family) or present
        older = present is not None and any(one.version == candidate and one.is_older for one in found.offers)
        return str(present if older else candidate)
    offers = found.offers_of(family)
    matching = next((one for one in offers if _matches(one, asked.version)), None)
    if matching is None:
        versions = ", ".join(dict.fromkeys(engine_of(one.version) for one in offers)) or "none"
        raise RefusedError(
            f"the package sources of {found.host} have no {family} {asked.version}; they have {versions}", hint=REFRESH
        )
    if present is not None and (
        matching.is_older or numbers(engine_of(matching.version)) < numbers(engine_of(present))
    ):
        raise RefusedError(
            f"{found.host} has {family} {present}, which is newer than {matching.version}: engines do not read what"
            " newer ones wrote",
            hint="to go back, remove the host from the swarm, reinstall it, and let it join again",
        )
    return matching.version


def _matches(offer: Offer, version: str) -> bool:
    wanted, engine = version.split("."), engine_of(offer.version).split(".")
    return offer.version == version or engine[: len(wanted)] == wanted
