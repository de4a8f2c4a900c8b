"""Which objects of a backup a restore takes: ``--only`` and ``--exclude``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.operations.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.service import ServiceSpec

Object = tuple[str, str]
"""Kind and name; the swarm itself has no name."""
WORDS = ("swarm", *(kind.word for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Selection:
    """What the operator chose, and what follows from it."""

    left_out: frozenset[Object] = frozenset()
    by: str = ""
    """The flag that left it out."""

    def takes(self, kind: str, name: str = "") -> bool:
        """Return whether an object is restored."""
        return (kind, name) not in self.left_out


def selection(document: BackupDocument, only: tuple[str, ...], exclude: tuple[str, ...]) -> Selection:
    """Return what ``--only`` and ``--exclude`` leave of a backup.

    ``--only`` brings along what its objects need: the networks, configs and secrets of a service, and the
    configuration network of a network. ``--exclude`` wins over ``--only``.

    Raises:
        UsageError: a pattern is not ``KIND/NAME``, or matches nothing in the backup.
    """
    known = frozenset(_objects(document))
    taken = _with_needs(document, _matches(known, "--only", only)) if only else known
    left_out = known - taken | _matches(known, "--exclude", exclude)
    return Selection(
        left_out, " and ".join(flag for flag, words in (("--only", only), ("--exclude", exclude)) if words)
    )


def needs_of(spec: ServiceSpec) -> frozenset[Object]:
    """Return the networks, configs and secrets that a service cannot be created without."""
    named = [("network", one.network) for one in spec.networks or ()]
    named += [("config", name) for name in spec.uses("Config")]
    named += [("secret", name) for name in spec.uses("Secret")]
    return frozenset(named)


def _objects(document: BackupDocument) -> Iterable[Object]:
    state = document.state
    if state.swarm is not None:
        yield "swarm", ""
    for kind in KINDS:
        yield from ((kind.word, name) for name in kind.names(state))


def _matches(known: frozenset[Object], flag: str, patterns: tuple[str, ...]) -> frozenset[Object]:
    found: set[Object] = set()
    for pattern in patterns:
        kind, _slash, name = pattern.partition("/")
        if kind not in WORDS or (not name) != (kind == "swarm"):
            hint = f"write KIND/NAME, where KIND is one of {', '.join(WORDS[1:])} and NAME may hold *; or swarm"
            raise UsageError(f"{flag} {pattern}: this does not name an object", hint=hint)
        matched = {one for one in known if one[0] == kind and fnmatchcase(one[1], name)}
        if not matched:
            there = ", ".join(sorted(name for other, name in known if other == kind)) or "none"
            raise UsageError(f"{flag} {pattern}: the backup has no such {kind}", hint=f"it has: {there}")
        found |= matched
    return frozenset(found)


def _with_needs(document: BackupDocument, chosen: frozenset[Object]) -> frozenset[Object]:
    services = {one.spec.name: one.spec for one in document.state.services}
    networks = (*document.state.networks, *(net for facts in document.state.hosts for net in facts.networks))
    needed = {need for kind, name in chosen if kind == "service" for need in needs_of(services[name])}
    taken = chosen | needed
    sources = {
        ("network", net.spec.config_from)
        for net in networks
        if net.spec.config_from is not None and ("network", net.spec.name) in taken
    }
    return taken | frozenset(sources)
