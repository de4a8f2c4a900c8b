"""Say once what a trace found from several containers: one group for those that saw the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import listed
from swarmnet.report.terminal.verdicts import commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.report import Status
    from swarmnet.model.trace import Layer, Path

MOST = 12
"""Containers or hosts that are named; of more, their number."""
HERE = "\0"
"""Stands for the host of the one that asks; no host has it in its name."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one layer of some paths says, in the same words but for the host."""

    name: str
    status: Status
    detail: str
    fix: str
    commands: tuple[str, ...]

    @classmethod
    def of(cls, layer: Layer, host: str = "") -> Seen:
        """Return what a layer says, with ``HERE`` for this host."""
        detail, fix = (_without(text or "", host) for text in (layer.detail, layer.fix))
        return cls(layer.name, layer.status, detail, fix, commands(layer.evidence))

    def at(self, hosts: Sequence[str]) -> Seen:
        """Return it with the names of the hosts."""
        words = listed(tuple(dict.fromkeys(hosts)), MOST)
        detail, fix = (text.replace(HERE, words) for text in (self.detail, self.fix))
        return Seen(self.name, self.status, detail, fix, self.commands)


@dataclass(frozen=True, slots=True)
class Group:
    """The layers that the paths of these askers, and no others, have in common."""

    sources: tuple[str, ...]
    layers: tuple[Seen, ...]

    @property
    def title(self) -> str:
        """Who asked."""
        return listed(self.sources, MOST)


def folded(paths: Sequence[Path]) -> tuple[Group, ...]:
    """Return what paths say, each once: first what most have in common, and each path's own at its end.

    Layers keep their order within a group.
    """
    where: dict[Seen, list[int]] = {}
    for of_path in (_same(paths, one) for one in range(len(paths))):
        for seen, places in of_path:
            where.setdefault(seen, places)
    found = sorted(where.items(), key=lambda one: (-len(one[1]), one[1]))
    return tuple(
        Group(tuple(paths[at].source for at in places), tuple(seen for seen, _ in several))
        for places, several in groupby(found, key=lambda one: one[1])
    )


def _same(paths: Sequence[Path], mine: int) -> list[tuple[Seen, list[int]]]:
    """Return what the layers of one path say, each with all paths that say it: word for word, else but for the host."""
    found = []
    for layer in paths[mine].layers:
        exactly = Seen.of(layer)
        places = [at for at, path in enumerate(paths) if exactly in map(Seen.of, path.layers)]
        likewise = Seen.of(layer, paths[mine].host)
        alike = [at for at, path in enumerate(paths) if likewise in [Seen.of(one, path.host) for one in path.layers]]
        is_template = len(alike) > len(places)
        hosts = [paths[at].host for at in alike]
        found.append((likewise.at(hosts), alike) if is_template else (exactly, places))
    return found


def _without(text: str, host: str) -> str:
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", HERE, text) if host else text
