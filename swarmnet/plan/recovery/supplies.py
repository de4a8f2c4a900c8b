"""What the operator has to bring along for a restore: hosts, secrets, images, data, addresses. Pure.

No backup holds these. Each comes with the command that brings it, or with the words to add to the restore's own.
"""

from __future__ import annotations

from collections import Counter
from shlex import quote
from typing import TYPE_CHECKING

from swarmnet.model.image import registry_of
from swarmnet.model.service_mounts import MountType
from swarmnet.model.supply import Supply, SupplyKind, variable
from swarmnet.operations.content.names import NAME_LABEL
from swarmnet.plan.recovery.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.service import ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.plan.recovery.steps import Choices, Restoration

PREFIX = "RESTORE_"
"""Beginning of the variables that the advice for secrets names."""
_KEPT = (MountType.VOLUME, MountType.BIND, MountType.CLUSTER)
"""Mounts whose contents outlive a task."""
_SHOWN = 3
"""Names that one line lists."""


def supplies_of(document: BackupDocument) -> tuple[Supply, ...]:
    """Return what a restore of all of a backup onto fresh hosts needs, whatever hosts these are."""
    everything = Selection()
    return (
        *_secrets(document, everything, ()),
        *_unlock_key(document, is_kept=False),
        *_images(document, everything, ()),
        *_data(document, everything),
        *_files(document),
    )


def supplies(found: Restoration, state: ClusterState, choices: Choices) -> tuple[Supply, ...]:
    """Return what this restore still needs.

    Args:
        found: the restore that is planned.
        state: what is there now.
        choices: what the operator gave already.
    """
    document, chosen = found.document, found.selection
    there = {secret.spec.name for secret in state.secrets} | {*choices.secrets}
    running = {service.spec.name for service in state.services}
    is_on = state.swarm is not None and state.swarm.spec.autolock is True
    return (
        *_hosts(found),
        *_secrets(document, chosen, there),
        *_unlock_key(document, is_kept=is_on or choices.unlock_key_file is not None),
        *_images(document, chosen, running),
        *_data(document, chosen, running),
        *_files(document),
        *_addresses(found, state),
    )


def called(document: BackupDocument) -> dict[str, str]:
    """Return the full name of each secret by what its playbook called it, or by itself where that is not unique."""
    specs = [secret.spec for secret in document.state.secrets]
    names = Counter(spec.labels.get(NAME_LABEL) for spec in specs)
    plain = {spec.name: spec.labels.get(NAME_LABEL) for spec in specs}
    return {(name if name and names[name] == 1 else full): full for full, name in plain.items()}


def _hosts(found: Restoration) -> Iterator[Supply]:
    taken = {*found.hosts.values()}
    free = [host.name for host in found.inventory.hosts if host.name not in taken]
    for name in found.document.completeness.hosts:
        if name not in found.hosts:
            yield Supply(
                kind=SupplyKind.HOST,
                what=name,
                why="no host takes its place: its labels, local networks and volumes do not come back",
                how=f"add --map {quote(name)}={quote(free[0]) if free else 'HOST'}, or --interactive",
            )


def _secrets(document: BackupDocument, chosen: Selection, given: Collection[str]) -> Iterator[Supply]:
    for short, name in called(document).items():
        if name in given or not chosen.takes("secret", name):
            continue
        users = [one.spec.name for one in document.state.services if name in one.spec.uses("Secret")]
        needed = f"; {_listed(users)} cannot come back without it" if users else ""
        yield Supply(
            kind=SupplyKind.SECRET,
            what=name,
            why=f"no engine gives out its data, so no backup holds it{needed}",
            how=f"export {variable(PREFIX, short)}=..., and add --secrets-from env:{PREFIX}",
        )


def _unlock_key(document: BackupDocument, *, is_kept: bool) -> Iterator[Supply]:
    swarm = document.state.swarm
    if swarm is not None and swarm.spec.autolock and not is_kept:
        yield Supply(
            kind=SupplyKind.UNLOCK_KEY,
            what="autolock",
            why="the old swarm was locked with a key; the new swarm makes a new one, which needs a place",
            how="add --unlock-key-file FILE",
        )


def _images(document: BackupDocument, chosen: Selection, running: Collection[str]) -> Iterator[Supply]:
    """Yield the registries that hosts pull from, and the images that no registry has given a digest."""
    specs = [one for one in _services(document, chosen) if one.name not in running]
    pulled: dict[str, set[str]] = {}
    for spec in specs:
        if "@" in spec.image:
            pulled.setdefault(registry_of(spec.image), set()).add(spec.image)
    for registry, images in sorted(pulled.items()):
        yield Supply(
            kind=SupplyKind.IMAGE,
            what=registry,
            why=f"hosts pull from there: {_listed(sorted(one.partition('@')[0] for one in images))}",
            how=f"try it on each new host: docker pull {quote(min(images))}",
        )
    for image in sorted({spec.image for spec in specs if "@" not in spec.image}):
        yield Supply(
            kind=SupplyKind.IMAGE,
            what=image,
            why="no registry gave its digest, so it may be on the old hosts alone",
            how=f"on each new host: docker pull {quote(image)}; or from where it is:"
            f" docker save {quote(image)} | ssh HOST docker load",
        )


def _data(document: BackupDocument, chosen: Selection, running: Collection[str] = ()) -> Iterator[Supply]:
    for spec in _services(document, chosen):
        sources = [one.source or "an unnamed volume" for one in spec.mounts or () if one.type in _KEPT]
        if sources and spec.name not in running:
            yield Supply(
                kind=SupplyKind.DATA,
                what=f"service {spec.name}",
                why=f"the contents of {_listed(sources)} are in no backup of swarmnet",
                how=f"add --exclude {quote(f'service/{spec.name}')}; bring the contents yourself, then leave that out",
            )


def _files(document: BackupDocument) -> Iterator[Supply]:
    """Yield the playbook that the backup holds: it makes what no restore creates."""
    sources = document.sources
    if sources is not None:
        lacking = f"; it also reads {_listed([*sources.missing])}, which you bring" if sources.missing else ""
        yield Supply(
            kind=SupplyKind.FILES,
            what=sources.playbook,
            why=f"it made the cluster and is in the backup; no restore creates containers{lacking}",
            how=f"add --files-to DIR, and afterwards: swarmnet apply {quote(f'DIR/{sources.playbook}')} -i INVENTORY",
        )


def _addresses(found: Restoration, state: ClusterState) -> Iterator[Supply]:
    """Yield the old hosts whose address changes, where services publish ports on them."""
    if not any(spec.ports for spec in _services(found.document, found.selection)):
        return
    inventory = {host.name: host.advertise or host.address for host in found.inventory.hosts}
    moves = []
    for old, new in found.hosts.items():
        before, facts = found.document.state.facts(old), state.facts(new)
        was = "" if before is None else before.engine.membership.address
        now = (facts.engine.membership.address if facts is not None else "") or inventory.get(new, "")
        if was and now and was != now:
            moves.append(f"{was} is now {now}")
    if moves:
        yield Supply(
            kind=SupplyKind.ADDRESS,
            what=_listed(moves),
            why="clients, DNS, load balancers and firewalls that name old addresses do not find published ports",
            how="after the restore: swarmnet show ports -i INVENTORY",
        )


def _services(document: BackupDocument, chosen: Selection) -> Iterator[ServiceSpec]:
    for service in sorted(document.state.services, key=lambda one: one.spec.name):
        if chosen.takes("service", service.spec.name):
            yield service.spec


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def places_to_ask(
    document: BackupDocument, names: list[str], mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the old hosts that no host replaces yet, and the new hosts that take no place.

    Args:
        document: the backup.
        names: the hosts of the inventory, in its order.
        mapping: what the operator mapped already.
    """
    old = [name for name in document.completeness.hosts if name not in mapping]
    taken = {*mapping.values()}
    by_name = {name for name in old if name in names and name not in taken}
    left = tuple(name for name in old if name not in by_name)
    return left, tuple(name for name in names if name not in taken and name not in by_name)
