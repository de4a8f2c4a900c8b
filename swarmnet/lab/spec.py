"""The lab that the operator asks for, checked. Loads little: the help of ``lab`` commands reads its defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from swarmnet.errors import UsageError
from swarmnet.lab.roots.engines import DEFAULT_ENGINE, KERNEL_ENGINE, release_of
from swarmnet.model.plural import count

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

    from swarmnet.lab.roots.engines import EngineRelease

KernelWish = Literal["shared", "own", "auto"]

DEFAULT_NAME = "default"
MOST_HOSTS = 200
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_RESERVED = {"switch"}
_THREE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSpec:
    """A lab to create.

    Raises:
        UsageError: The wish cannot be: names, counts or engines that do not fit together.
    """

    name: str = DEFAULT_NAME
    hosts: int = 3
    engines: tuple[str, ...] = (DEFAULT_ENGINE,)
    """One release for all hosts, or one for each."""
    kernels: tuple[KernelWish, ...] = ("shared",)
    """One kind for all hosts, or one for each; ``auto`` is decided before hosts are laid out."""
    managers: int | None = None
    """None: three if there are three hosts, else one."""
    extras: tuple[str, ...] = ()
    """Hosts that the inventory does not list; they run the first of the engines."""
    subnet: IPv4Network | None = None
    """None: the first free /24."""
    inventory: Path | None = None
    """None: a file in the lab's own directory."""
    disk_gib: int = 16
    """Size of each host's engine disk; sparse, so it takes only what is used."""

    def __post_init__(self) -> None:
        if not 1 <= self.hosts <= MOST_HOSTS:
            raise UsageError(f"a lab has 1 to {MOST_HOSTS} hosts, not {self.hosts}")
        for label in (self.name, *self.extras):
            _check_label(label)
        names = [*self.host_names(), *self.extras]
        if len(set(names)) < len(names) or _RESERVED & set(names):
            raise UsageError(
                f"hosts {', '.join(names)}: names must be unique, and none may be {', '.join(_RESERVED)}",
                hint="m1, m2, ... and w1, w2, ... are the lab's own; choose another name for an --extra",
            )
        if len(self.engines) not in {1, self.hosts}:
            raise UsageError(
                f"{count(len(self.engines), 'engine')} for {count(self.hosts, 'host')}",
                hint="name one for all, or one for each",
            )
        if len(self.kernels) not in {1, self.hosts}:
            raise UsageError(
                f"{count(len(self.kernels), 'kernel')} for {count(self.hosts, 'host')}",
                hint="name one for all, or one for each",
            )
        for engine in self.engines:
            release_of(engine)

    def manager_count(self) -> int:
        """Return how many of the hosts are managers.

        Raises:
            UsageError: More managers than hosts, or none.
        """
        if self.managers is None:
            return _THREE if self.hosts >= _THREE else 1
        if not 1 <= self.managers <= self.hosts:
            raise UsageError(
                f"{count(self.managers, 'manager')} among {count(self.hosts, 'host')}",
                hint=f"choose --managers from 1 to {self.hosts}, or raise --hosts",
            )
        return self.managers

    def host_names(self) -> list[str]:
        """Return m1, m2 ... for managers, then w1, w2 ... for workers."""
        managers = self.manager_count()
        workers = range(1, self.hosts - managers + 1)
        return [f"m{number}" for number in range(1, managers + 1)] + [f"w{number}" for number in workers]

    def releases(self) -> dict[str, EngineRelease]:
        """Return the engine release of each host."""
        each = self.engines if len(self.engines) == self.hosts else self.engines * self.hosts
        own = dict(zip(self.host_names(), each, strict=True))
        return {name: release_of(own.get(name, self.engines[0])) for name in (*self.host_names(), *self.extras)}

    def root_releases(self) -> set[EngineRelease]:
        """Return the releases whose root file systems the lab needs; own kernels come from one of them."""
        own = "own" in self.kernel_wishes().values()
        return {*self.releases().values(), *((release_of(KERNEL_ENGINE),) if own else ())}

    def kernel_wishes(self) -> dict[str, KernelWish]:
        """Return the kind of kernel of each host; extras are like the first host."""
        each = self.kernels if len(self.kernels) == self.hosts else self.kernels * self.hosts
        own = dict(zip(self.host_names(), each, strict=True))
        return {name: own.get(name, self.kernels[0]) for name in (*self.host_names(), *self.extras)}


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise UsageError(
            f"{label!r} cannot name a lab or a host",
            hint="use 1 to 32 small letters, digits and inner dashes, such as demo-1",
        )
