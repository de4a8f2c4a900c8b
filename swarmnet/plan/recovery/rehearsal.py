"""A restore as a rehearsal: which hosts take which places, what runs in a lab instead, what was announced. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.backup import BackupDocument, Loss
from swarmnet.model.drill import Explained
from swarmnet.model.hosts import Role
from swarmnet.model.plan import Skip
from swarmnet.model.ref import Ref
from swarmnet.model.service import Protocol
from swarmnet.model.service_mounts import MountType
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.kinds import KINDS
from swarmnet.plan.recovery.describe import IDLE, own
from swarmnet.plan.recovery.left_over import is_explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.differences import Difference, Drift
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.plan.recovery.steps import Restoration

BUSYBOX = frozenset({"httpd", "sleep", "tail"})
"""Programs that a stand-in has, and that run there with the arguments of a service."""
_DIGEST = re.compile(r"@[a-z0-9]+:[0-9a-f]+\Z")


@dataclass(frozen=True, slots=True)
class Roles:
    """How many hosts of each role a backup has."""

    managers: tuple[str, ...]
    workers: tuple[str, ...]

    @classmethod
    def of(cls, document: BackupDocument) -> Roles:
        """Return the hosts of a backup by what they were; those that were in no swarm count as workers."""
        names = [facts.host for facts in document.state.hosts]
        managers = [name for name in names if _was_manager(document.state, name)]
        return cls(tuple(managers), tuple(name for name in names if name not in managers))

    def sizes(self, hosts: int | None) -> tuple[int, int]:
        """Return how many hosts and managers a lab has for it: as many as it had, or ``hosts`` in all."""
        total = len(self.managers) + len(self.workers) if hosts is None else hosts
        room = total - 1 if self.workers and total > 1 else total
        return total, max(1, min(len(self.managers), room))

    def places(self, inventory: Inventory) -> dict[str, str]:
        """Return old host names to new ones: managers to managers, as far as there are any; then whatever is left.

        A host of the same name and role takes its own place.
        """
        found: dict[str, str] = {}
        for old, role in ((self.managers, Role.MANAGER), (self.workers, Role.WORKER)):
            new = [host.name for host in inventory.hosts if host.role is role]
            same = [name for name in old if name in new]
            found |= {name: name for name in same}
            others = (name for name in old if name not in same)
            found |= dict(zip(others, (name for name in new if name not in same), strict=False))
        return found


def _was_manager(state: ClusterState, name: str) -> bool:
    node = state.node_of(name)
    return node is not None and node.spec.role is Role.MANAGER


@dataclass(frozen=True, slots=True)
class Staged:
    """A backup as a lab can run it, and what is different for that reason."""

    document: BackupDocument
    images: tuple[str, ...]
    """What the stand-in is called: every image of its services, without digests."""
    ports: tuple[int, ...]
    """TCP ports that the stand-in listens on."""
    skips: tuple[Skip, ...]


def staged(document: BackupDocument) -> Staged:
    """Return the backup for hosts without its images: a small stand-in has each one's name.

    A stand-in cannot have a digest of its own choosing, so services are created without. It runs no program of the real
    image: services with a command or a health check of their own are created, and not waited for.
    """
    services = document.state.services
    skips = [skip for service in services for skip in _without_digest(service.spec)]
    idle = {loss.what for loss in document.losses if loss.kind == IDLE}
    losses = [loss for service in services if service.spec.name not in idle for loss in _not_run(service.spec)]
    named = tuple(
        service.model_copy(update={"spec": service.spec.model_copy(update={"image": plain(service.spec.image)})})
        for service in services
    )
    state = document.state.model_copy(update={"services": named})
    ports = {
        port.target
        for service in services
        for port in service.spec.ports or ()
        if port.protocol in (None, Protocol.TCP)
    }
    return Staged(
        document=document.model_copy(update={"state": state, "losses": (*document.losses, *losses)}),
        images=tuple(sorted({service.spec.image for service in named})),
        ports=tuple(sorted(ports)),
        skips=tuple(skips),
    )


def placeholder(secret: str) -> Skip:
    """Return the word about a secret that gets a value of no meaning."""
    why = "it gets a value of no meaning: engines never give the data of a secret back"
    return Skip(object=Ref(kind="secret", name=secret), field="data", why=why)


def plain(image: str) -> str:
    """Return the name of an image without its digest."""
    return _DIGEST.sub("", image)


def _without_digest(spec: ServiceSpec) -> Iterator[Skip]:
    if plain(spec.image) != spec.image:
        why = "a lab runs a stand-in of the same name, which has no such digest"
        yield Skip(object=Ref(kind="service", name=spec.name), field="image", why=why)


def _not_run(spec: ServiceSpec) -> Iterator[Loss]:
    reason = _own_program(spec)
    if reason is not None:
        yield Loss(
            kind=IDLE,
            what=spec.name,
            why=f"a lab has no image {spec.image}, and its stand-in cannot run {reason}",
            instead=f"service {spec.name} is created, and not waited for; rehearse it on spare hosts with --on",
        )


def _own_program(spec: ServiceSpec) -> str | None:
    """Return what of a service needs its real image; None where a stand-in will do."""
    words = spec.command or spec.args or ()
    if words and words[0] not in BUSYBOX:
        return "its command"
    if spec.healthcheck is not None:
        return "its health check"
    return "its user" if spec.user and not spec.user.split(":")[0].isdigit() else None


def occupied(state: ClusterState) -> tuple[str, ...]:
    """Return what keeps hosts from being spare ones: a swarm, or anything that someone put there."""
    return tuple(text for facts in own(state).hosts for text in _of_host(facts))


def _of_host(facts: HostFacts) -> Iterator[str]:
    if facts.engine.membership.state is not SwarmStanding.INACTIVE:
        yield f"{facts.host} is in a swarm"
    for kind in KINDS:
        if names := tuple(kind.put_on(facts)):
            yield f"{facts.host} has {kind.word} {', '.join(names[:3])}{' ...' if names[3:] else ''}"


def volumes_of(document: BackupDocument) -> frozenset[str]:
    """Return the volumes that a restore of a backup creates, or that its services make engines create."""
    names = {one.spec.name for facts in document.state.hosts for one in facts.volumes or ()}
    mounts = (mount for service in document.state.services for mount in service.spec.mounts or ())
    return frozenset(names | {one.source for one in mounts if one.type is MountType.VOLUME and one.source is not None})


@dataclass(frozen=True, slots=True)
class Sorted:
    """Differences between a backup and what came back."""

    lost: tuple[Difference, ...]
    explained: tuple[Explained, ...]
    unseen: tuple[str, ...]


def sort(drift: Drift, found: Restoration, more: Sequence[Skip] = ()) -> Sorted:
    """Return which differences were announced before the restore, and which are losses that nothing announces.

    Announced is what the restoration leaves out for a reason of its own, what the operator left out, and ``more``.
    That the plan itself would find a difference announces nothing: it would explain every fault of the restore.
    """
    skips = (*found.skips, *more)
    lost = tuple(one for one in drift.differences if not is_explained(one, skips) and not found.is_left_out(one.ref))
    explained = [Explained(what=_what(skip), why=skip.why) for skip in skips]
    explained += [
        Explained(what=one.object, why=f"left out by {found.selection.by}")
        for one in drift.differences
        if one not in lost and not is_explained(one, skips)
    ]
    return Sorted(lost, tuple(explained), drift.unseen)


def _what(skip: Skip) -> str:
    return str(skip.object) if skip.field is None else f"{skip.object}: {skip.field}"
