"""The hosts that a drill takes place on: a throw-away lab that fits the backup, or spare hosts of an inventory."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli import wiring
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.lab.lab import Lab
    from swarmnet.lab.spec import KernelWish
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.drill import Ground
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Skip

LAB = "drill-"
"""How the names of throw-away labs begin: those whose process is gone are taken down by the next drill."""
KEPT = "kept-drill-"


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator gave for a drill, besides the backup."""

    on: Path | None = None
    hosts: int | None = None
    kernel: KernelWish = "auto"
    engine: str | None = None
    keep: bool = False
    timeout: float | None = None
    verbosity: int = 0
    log_file: Path | None = None

    def __post_init__(self) -> None:
        if self.on is not None and (self.hosts is not None or self.engine is not None):
            raise UsageError("--on takes the hosts of an inventory as they are", hint="leave out --hosts and --engine")


@dataclass(frozen=True, slots=True)
class Stage:
    """Hosts on which a backup is restored, and what of it they can run."""

    ground: Ground
    hosts: Inventory
    mapping: Mapping[str, str]
    document: BackupDocument
    """What is restored there."""
    place: str
    ready: float = 0.0
    skips: tuple[Skip, ...] = ()
    placeholders: frozenset[str] = frozenset()
    """Secrets that get a value of no meaning, since nothing real runs there."""
    kept: str | None = None
    """What removes it, where it is kept."""


@contextmanager
def lab_stage(given: Given, document: BackupDocument) -> Iterator[Stage]:
    """Bring up a lab that fits a backup, with stand-ins for its images, and take it down at the end of the block."""
    from swarmnet.lab.roots.engines import nearest
    from swarmnet.lab.spec import LabSpec
    from swarmnet.lab.throwaway import take_down_forgotten, throw_away
    from swarmnet.model.drill import Ground
    from swarmnet.plan.recovery.rehearsal import Roles, staged

    roles = Roles.of(document)
    hosts, managers = roles.sizes(given.hosts)
    name = f"{KEPT if given.keep else LAB}{secrets.token_hex(4)}"
    engine = given.engine or nearest(document.engines.values())
    spec = LabSpec(name=name, hosts=hosts, managers=managers, engines=(engine,), kernels=(given.kernel,))
    take_down_forgotten(LAB, say=wiring.note)
    begun = time.monotonic()
    with throw_away(spec, keep=given.keep, say=wiring.note) as lab:
        fit = staged(document)
        _images(lab, fit.images, fit.ports)
        inventory = wiring.read_inventory(lab.inventory)
        places = roles.places(inventory)
        yield Stage(
            ground=Ground.LAB,
            hosts=_only(inventory, places),
            mapping=places,
            document=fit.document,
            place=f"lab {name}, engine {engine}, kernels {'/'.join(sorted({host.kernel for host in lab.hosts}))}",
            ready=round(time.monotonic() - begun, 3),
            skips=fit.skips,
            placeholders=frozenset(one.spec.name for one in document.state.secrets),
            kept=f"swarmnet lab down --name {name}" if given.keep else None,
        )


def _images(lab: Lab, images: tuple[str, ...], ports: tuple[int, ...]) -> None:
    from swarmnet.lab.image import make_stand_ins

    if images:
        make_stand_ins(lab, images, ports)


def _only(inventory: Inventory, places: Mapping[str, str]) -> Inventory:
    """Return the inventory with the hosts that have a place alone."""
    taken = set(places.values())
    return inventory.model_copy(update={"hosts": tuple(host for host in inventory.hosts if host.name in taken)})


def spare_hosts(on: Path) -> Inventory:
    """Read the inventory of spare hosts.

    Raises:
        DocumentError: it is wrong.
        UsageError: it has no manager.
    """
    inventory = wiring.read_inventory(on)
    _has_manager(inventory, on)
    return inventory


def _has_manager(hosts: Inventory, on: Path) -> None:
    if not hosts.managers:
        raise UsageError(f"{on} has no manager that could replace one of the backup")


@contextmanager
def spare_stage(given: Given, on: Path, document: BackupDocument, *, yes: bool) -> Iterator[Stage]:
    """Yield the spare hosts of an inventory, once the operator has agreed; the caller clears them."""
    from swarmnet.model.drill import Ground
    from swarmnet.plan.recovery.rehearsal import Roles

    inventory = spare_hosts(on)
    places = Roles.of(document).places(inventory)
    hosts = _only(inventory, places)
    _has_manager(hosts, on)
    if not yes:
        names = ", ".join(host.name for host in hosts.hosts)
        what = f"restore {document.cluster} onto {names}, verify it, and take all of it away again"
        wiring.confirm_cluster(inventory.cluster, what, type_name=True)
    yield Stage(
        ground=Ground.HOSTS,
        hosts=hosts,
        mapping=places,
        document=document,
        place=f"{inventory.cluster}: {', '.join(host.name for host in hosts.hosts)}",
        kept=f"swarmnet reset -i {on}" if given.keep else None,
    )
