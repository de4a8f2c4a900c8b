"""What containers found for the names of services, and what several such looks say together. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.ends import End

SEVERAL = 2
"""Hosts that must lack the same: of one alone, gossip may be cut off."""


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """One name on one network, and what managers say that it leads to."""

    network: str
    service: str
    """The first service that has the name."""
    name: str
    addresses: tuple[str, ...]
    """Empty where no task runs, so that engines should not know the name."""
    of_tasks: bool
    """Whether the addresses are the tasks' own."""

    @property
    def label(self) -> str:
        """The key of its outcome, and what resolvers are asked: a name on one network alone.

        Resolvers take what follows the last dot for the network, and managers allow no dot in a network's name.
        """
        return f"{self.name}.{self.network}"


@dataclass(frozen=True, slots=True)
class Look:
    """What one container found for one name."""

    asker: End
    name: Name
    found: tuple[str, ...]
    why: str

    @property
    def missing(self) -> tuple[str, ...]:
        """Addresses that managers know and the name does not lead to."""
        return tuple(one for one in self.name.addresses if one not in self.found)

    @property
    def extra(self) -> tuple[str, ...]:
        """Addresses that the name leads to and managers do not know there."""
        return tuple(one for one in self.found if one not in self.name.addresses)

    def as_json(self) -> JsonObject:
        """Return it as evidence."""
        wanted: list[JsonValue] = [*self.name.addresses]
        return {"from": str(self.asker), "name": self.name.label, "wanted": wanted, "found": [*self.found]}


@dataclass(slots=True)
class Looks:
    """All that came back."""

    right: list[Look] = field(default_factory=list)
    wrong: list[Look] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)
    """Container to why it answers nothing at all."""
    deaf: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Host to the containers there whose resolver answers nothing."""


def is_nameless(look: Look, holder: str, looks: Looks) -> bool:
    """Return whether no other host finds what one look lacks, though the task's own host finds everything.

    An engine knows the tasks of its own host without gossip (20.10 to 28.5), and where gossip is cut off, that host
    lacks the tasks of the others.

    Args:
        look: one that lacks addresses.
        holder: the host of the task that has them.
        looks: all of the run.
    """
    mine = [one for one in (*looks.right, *looks.wrong) if one.name == look.name]
    finding = [one for one in mine if not set(look.missing) <= set(one.missing)]
    if not finding:
        return True
    lacking = {one.asker.host for one in mine if one not in finding}
    troubled = {one.asker.host for one in looks.wrong if one.name.network == look.name.network and one.missing}
    return len(lacking) >= SEVERAL and holder not in troubled and all(one.asker.host == holder for one in finding)
