"""``absent: true``: remove a network, service, config or secret by its name.

Only what has this cluster's mark is removed, so a name that someone else uses is safe; ``take_ownership: true`` takes
what others made, too. What something still uses is refused with the names of its users: steps before may remove them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.model.base import Flag
from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.model.ref import Ref
from swarmnet.operations.content.names import NAME_LABEL
from swarmnet.operations.kind import Context, OwnableOperation
from swarmnet.operations.kinds import REMOVABLE
from swarmnet.operations.removal import Removal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.kind import Resource
    from swarmnet.model.plan import Action


class AbsentOperation(OwnableOperation):
    """An object that must not be there."""

    name: str
    """The name; of configs and secrets the plain one, which takes all their contents."""
    absent: Literal[True]
    """True removes the object. Such a step has no other keys."""
    take_ownership: Flag = False
    """True removes it even if others made it."""

    removes: ClassVar[bool] = True

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return one removal for each object of the name."""
        return tuple(
            Removal(
                kind=f"absent.{self.name_in_playbook}",
                object=self._ref(seen, host),
                id=seen.id,
                allowed_by=Permit.NONE,
                why="its step says 'absent: true'",
            )
            for host, seen in self._found(context)
        )

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents the removal: an owner, users, or the engine itself."""
        return tuple(text for host, seen in self._found(context) for text in self._problems(context, host, seen))

    def concerned(self) -> frozenset[tuple[str, str]]:
        """Return the object."""
        return frozenset({(self.name_in_playbook, self.name)})

    def _problems(self, context: Context, host: str | None, seen: Resource) -> Iterator[str]:
        kind, what = REMOVABLE[self.name_in_playbook], self._ref(seen, host)
        if not kind.may_go(seen):
            yield f"{what} is the engine's own and cannot be removed"
            return
        owner = seen.spec.labels.get(MANAGED_LABEL)
        if owner != context.inventory.cluster and not self.take_ownership:
            made = "others made it" if owner is None else f"it is of cluster {owner}"
            yield f"{what} does not have the mark of this cluster ({made}): add 'take_ownership: true' to remove it"
        if users := sorted(set(kind.users(context.state, host, seen.spec.name))):
            yield f"{what} is used by {', '.join(users)}: remove these before, or take it out of them"

    def _found(self, context: Context) -> Iterator[tuple[str | None, Resource]]:
        hosts = {None, *(host.name for host in context.hosts)}
        for host, seen in REMOVABLE[self.name_in_playbook].places(context.state):
            if host in hosts and self._is_meant(seen, host):
                yield host, seen

    def _is_meant(self, seen: Resource, host: str | None) -> bool:
        if self.name_in_playbook == "network" and host is None:
            return seen.spec.name.lower() == self.name.lower()
        return self.name in (seen.spec.name, seen.spec.labels.get(NAME_LABEL))

    def _ref(self, seen: Resource, host: str | None) -> Ref:
        return Ref(kind=self.name_in_playbook, name=seen.spec.name, host=host)


class AbsentNetwork(AbsentOperation):
    """A network of the swarm, or of the selected hosts."""

    name_in_playbook: ClassVar[str] = "network"
    summary: ClassVar[str] = "A network that must not be there, in the swarm or on a selected host."


class AbsentService(AbsentOperation):
    """A service."""

    name_in_playbook: ClassVar[str] = "service"
    summary: ClassVar[str] = "A service that must not be there."


class AbsentConfig(AbsentOperation):
    """A config."""

    name_in_playbook: ClassVar[str] = "config"
    summary: ClassVar[str] = "A config that must not be there, whatever its content."


class AbsentSecret(AbsentOperation):
    """A secret."""

    name_in_playbook: ClassVar[str] = "secret"
    summary: ClassVar[str] = "A secret that must not be there, whatever its content."


ABSENT: dict[str, type[AbsentOperation]] = {
    one.name_in_playbook: one for one in (AbsentNetwork, AbsentService, AbsentConfig, AbsentSecret)
}
"""By the word of the step."""
