"""The options of a restore, and what the operator says where a question is asked instead."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.moved import MapOption, SubnetMapOption
from swarmnet.cli.options import LimitedCluster, MissingOption, ReplaceOption, names_of
from swarmnet.cli.readiness import UnreadyOption, ready_to_join
from swarmnet.cli.restore_choices import given_secrets, pairs
from swarmnet.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.cli.sealing import BackupToRestore
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.hosts import Inventory
    from swarmnet.plan.guard import Permissions
    from swarmnet.workflows.restore import Restore


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """The operator's choices for a restore."""

    map_: MapOption = None
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Ask which host replaces each old one that has none.")
    ] = False
    subnet_map: SubnetMapOption = None
    secrets_from: Annotated[
        str | None,
        typer.Option("--secrets-from", metavar="FILE.yml|env:PREFIX", help="Values of secrets, which no backup holds."),
    ] = None
    unlock_key_file: Annotated[
        str | None,
        typer.Option(
            "--unlock-key-file", metavar="FILE", help="Turn autolock on as in the backup; its new key is written there."
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="KIND/NAME",
            help="Restore only these, with what they need: service/web, 'network/shop_*'.",
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="KIND/NAME", help="Skip these; exit 15 where they differ."),
    ] = None
    replace: ReplaceOption = None
    other_cluster: Annotated[
        bool,
        typer.Option("--other-cluster", help="Restore a backup of a cluster with another name."),
    ] = False
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Restore a backup that is marked partial.")] = (
        False
    )
    allow_missing: MissingOption = False
    allow_unready: UnreadyOption = False

    def restore(self, document: BackupDocument, inventory: Inventory, limit: list[str] | None) -> Restore:
        """Return what onto which hosts.

        Raises:
            UsageError: the options do not fit this backup and these hosts.
            RefusedError: the backup is of another cluster, and that was not allowed.
        """
        from swarmnet.plan.recovery.steps import Choices
        from swarmnet.workflows.restore import Restore

        which = origin_of(document.id, document.created, document.cluster)
        if document.cluster != inventory.cluster and not self.other_cluster:
            raise RefusedError(
                f"this is {which}; the inventory names cluster {inventory.cluster}",
                hint="to allow this, add --other-cluster",
            )
        given = {} if self.secrets_from is None else given_secrets(self.secrets_from, document)
        document = self._renumbered(document)
        choices = Choices(
            mapping=self.mapping(document, inventory),
            secrets=given,
            allow_partial=self.allow_partial,
            unlock_key_file=self.unlock_key_file,
            limit=wiring.limited(inventory, limit)[0],
            only=tuple(self.only or ()),
            exclude=tuple(self.exclude or ()),
        )
        return Restore(document, inventory, choices, which, ready_to_join(allowed=self.allow_unready))

    def _renumbered(self, document: BackupDocument) -> BackupDocument:
        if not self.subnet_map:
            return document
        from swarmnet.plan.recovery.selection import selection
        from swarmnet.plan.recovery.subnet_map import EXAMPLE, OPTION, SubnetMap, renumbered

        subnets = SubnetMap.of(pairs(self.subnet_map, OPTION, EXAMPLE))
        return renumbered(document, subnets, selection(document, tuple(self.only or ()), tuple(self.exclude or ())))

    def mapping(self, document: BackupDocument, inventory: Inventory) -> dict[str, str]:
        """Return old hosts to new ones: as given, and with ``--interactive`` as answered."""
        given = pairs(self.map_ or [])
        return given | asked(document, inventory, given) if self.interactive else given

    def permissions(self) -> Permissions:
        """Return what the flags allow."""
        from swarmnet.plan.guard import Permissions

        return Permissions(allow_missing=self.allow_missing, replace=names_of(self.replace))


def asked(document: BackupDocument, inventory: Inventory, given: dict[str, str]) -> dict[str, str]:
    """Ask which host replaces each old one that has none by name or by ``--map``.

    Raises:
        RefusedError: there is no terminal, or stdin ended.
    """
    from swarmnet.plan.recovery.supplies import places_to_ask

    if not sys.stdin.isatty():
        raise RefusedError("--interactive: there is no terminal to ask at", hint="map each host: --map OLD=NEW")
    old, new = places_to_ask(document, [host.name for host in inventory.hosts], given)
    found: dict[str, str] = {}
    for name in old:
        free = [one for one in new if one not in found.values()]
        if not free:
            wiring.note(f"{name}: no host is left to take its place")
            continue
        node = document.state.node_of(name)
        role = "" if node is None or node.spec.role is None else f", a {node.spec.role.value}"
        answer = _answer(f"which host replaces {name}{role}? {', '.join(free)}, or - for none", free)
        if answer:
            found[name] = answer
    if found:
        wiring.note(f"the same without questions: {shlex.join(_maps(found))}")
    return found


def _answer(question: str, free: list[str]) -> str:
    """Return one of the free hosts, or an empty text for none; ask until it is one of these."""
    while True:
        wiring.note(question)
        line = sys.stdin.readline()
        if not line:
            raise RefusedError("no answer: stdin ended; nothing was done")
        word = line.strip()
        if word in free or word == NONE:
            return "" if word == NONE else word
        wiring.note(f"{word!r} is not one of these hosts")


NONE = "-"
"""The answer that leaves an old host without a place."""


def apply_command(
    cluster: LimitedCluster, options: RestoreOptions, source: BackupToRestore, mapping: dict[str, str]
) -> str:
    """Return the command that carries out what was planned with these words."""
    words = ["swarmnet", "restore", "apply", source.backup, "-i", str(cluster.inventory), *_maps(mapping)]
    given: tuple[tuple[str, list[Path] | list[str] | None], ...] = (
        ("--limit", cluster.limit),
        ("--subnet-map", options.subnet_map),
        ("--only", options.only),
        ("--exclude", options.exclude),
        ("--replace", options.replace),
        ("--identity", source.identity),
        ("--trust", source.trust),
    )
    words += [part for name, values in given for value in values or () for part in (name, str(value))]
    single = (
        ("--secrets-from", options.secrets_from),
        ("--unlock-key-file", options.unlock_key_file),
        ("--repository", _repository(source)),
        ("--keys", source.keys),
    )
    words += [part for name, value in single if value is not None for part in (name, str(value))]
    flags = (
        ("--other-cluster", options.other_cluster),
        ("--allow-partial", options.allow_partial),
        ("--allow-missing", options.allow_missing),
        ("--allow-unready", options.allow_unready),
        ("--allow-rollback", source.allow_rollback),
    )
    return shlex.join((*words, *(name for name, is_given in flags if is_given)))


def _repository(source: BackupToRestore) -> str | None:
    from swarmnet.cli.repositories import DEFAULT_REPOSITORY

    return None if source.repository in ("", DEFAULT_REPOSITORY) else source.repository


def _maps(mapping: dict[str, str]) -> Iterator[str]:
    return (part for old, new in mapping.items() for part in ("--map", f"{old}={new}"))


def origin_of(backup: str, created: datetime, cluster: str) -> str:
    """Return which backup it is, for the plan and its question."""
    from swarmnet.report.terminal.backups import origin

    return origin(backup, created, cluster, datetime.now(UTC))
