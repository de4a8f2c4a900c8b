"""The base of every playbook operation: a frozen description of the desired state that can plan how to reach it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

from swarmnet.model.base import Document, Flag
from swarmnet.model.plan import MANAGED_LABEL, RESTORE_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import Labels
    from swarmnet.model.host_image import ImageArchive
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.content.source import ContentSource


@dataclass(frozen=True, slots=True)
class Context:
    """What a step plans with."""

    state: ClusterState
    """The state after the steps before it."""
    inventory: Inventory
    hosts: tuple[Host, ...]
    """The hosts that the step selects."""
    objects: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """``(kind, plain name)`` of the configs and secrets of this playbook to the hashed name of their content."""
    provided: frozenset[tuple[str, str]] = frozenset()
    """``(kind, name)`` of what the steps before create, including those that have problems."""

    restore: str = ""
    """Id of the backup that the steps come from, or empty for a playbook."""
    observed: ClusterState | None = None
    """The state before all steps."""
    written: tuple[NetworkSpec, ...] = ()
    """The networks of all steps, those that come later included: no chosen block may be one of theirs."""
    later: frozenset[tuple[str, str]] = frozenset()
    """``(kind, name)`` of what the steps after this one create, change or remove."""
    named: frozenset[tuple[str, str]] = frozenset()
    """``(network, name)`` of what all steps call something by, those that come later included."""
    connected: frozenset[tuple[str, str]] = frozenset()
    """``(source, target)`` of what lines of all steps are about, as written, those that come later included."""

    def made(self, labels: Labels) -> Labels:
        """Return the labels of an object that a step creates: with both marks if a restore creates it."""
        return self.marked(labels) | ({RESTORE_LABEL: self.restore} if self.restore else {})

    def marked(self, labels: Labels) -> Labels:
        """Return the labels with the mark of everything that swarmnet creates in this cluster."""
        return labels | {MANAGED_LABEL: self.inventory.cluster}

    def kept(self, labels: Labels, seen: Labels, *, take_ownership: bool = False) -> Labels:
        """Return the labels of an object that exists, which keeps the marks that it has.

        What others made gets no mark, and so ``--prune`` and ``reset`` leave it alone, unless its step asks for it.

        Args:
            labels: the labels that the step names.
            seen: the labels that the object has.
            take_ownership: True adds swarmnet's mark.
        """
        marks = {name: text for name, text in seen.items() if name in (MANAGED_LABEL, RESTORE_LABEL)}
        return self.marked(labels | marks) if take_ownership else labels | marks


@dataclass(frozen=True, slots=True)
class Need:
    """A command that a host must run before the step can be planned. It must change nothing."""

    host: str
    argv: tuple[str, ...]
    sudo: bool = False
    timeout: float = 30.0
    own: bool = False
    """True for a question of swarmnet's own: it needs no permission, and a host that cannot say leaves it open."""


class Operation(Document, ABC):
    """One step of a playbook. ``plan`` is pure: the same context gives the same actions.

    A new operation is a file with a subclass and its actions, and one line in ``swarmnet.operations.BY_NAME``.
    """

    name_in_playbook: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for ``--help`` and the JSON Schema."""

    looks_at: ClassVar[frozenset[str]] = frozenset()
    """Fields of ``HostFacts`` that planning needs and that hosts are not asked for otherwise."""
    may_move_tasks: ClassVar[bool] = False
    """True where a step can take nodes away from tasks: the plan warns of services that find no other."""
    only_after_changes: ClassVar[bool] = False
    """True for a step without a purpose where no other step changes anything."""
    removes: ClassVar[bool] = False
    """True for a step that removes an object, which containers may use."""

    @abstractmethod
    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the actions that lead from the context's state to the desired one, or none if it is reached already.

        Called only if ``problems`` finds none.
        """

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with the step in any cluster. Reported with its line while reading."""
        return ()

    def problems(self, _context: Context) -> tuple[str, ...]:
        """Return what makes the step impossible in this context, one sentence each."""
        return ()

    def concerns(self, _context: Context) -> tuple[Host, ...]:
        """Return the hosts on which the step itself acts; a step for the whole cluster returns none."""
        return ()

    def warnings(self, _context: Context) -> tuple[str, ...]:
        """Return what the operator should know before confirming the plan."""
        return ()

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return ``(kind, name)`` of what the step creates, of the kinds network, service, config and secret.

        Two steps that create the same object are an error. ``--prune`` removes what swarmnet created and no step
        provides. Configs and secrets are listed by their plain and by their hashed name.
        """
        return frozenset()

    def provides_on_hosts(self) -> frozenset[tuple[str, str]]:
        """Return ``(kind, name)`` of what the step creates on each of its hosts, which ``--prune`` leaves there."""
        return frozenset()

    def concerned(self) -> frozenset[tuple[str, str]]:
        """Return ``(kind, name)`` of what the step creates, changes or removes."""
        return self.provides()

    def names(self) -> frozenset[tuple[str, str]]:
        """Return ``(network, name)`` of the names that the step gives to something on networks."""
        return frozenset()

    def connects(self) -> frozenset[tuple[str, str]]:
        """Return ``(source, target)`` of each line that says who may, or must not, reach whom."""
        return frozenset()

    def objects(self) -> dict[tuple[str, str], str]:
        """Return the hashed name of each ``(kind, plain name)``, once the contents are read."""
        return {}

    def needs(self, _hosts: tuple[Host, ...]) -> tuple[Need, ...]:
        """Return the commands that hosts must run before the step can be planned."""
        return ()

    def placed(self, _folder: str) -> Self:
        """Return the step with its relative paths resolved against ``folder``, the playbook's folder."""
        return self

    def containers(self) -> frozenset[str]:
        """Return the names of the containers whose making must be known for planning."""
        return frozenset()

    def images(self) -> frozenset[str]:
        """Return the names of the images that hosts must be asked for."""
        return frozenset()

    def image_archive(self) -> str | None:
        """Return the path of an image archive on the operator's machine, once it is resolved."""
        return None

    def described(self, _archive: ImageArchive) -> Self:
        """Return the step with what its image archive holds."""
        return self

    def key_file(self) -> str | None:
        """Return the file on the operator's machine that keeps the swarm's unlock key."""
        return None

    def unread(self) -> ContentSource | None:
        """Return the source of a content that is not read yet."""
        return None

    def unreadable(self, _why: str) -> Self | None:
        """Return the step as it is without its content, or None if it needs it; ``why`` names what is missing."""
        return None

    def read(self, _content: bytes) -> Self:
        """Return the step with this content."""
        return self


class OwnableOperation(Operation):
    """A step whose object others may have made; it becomes swarmnet's only if the step asks for it."""

    take_ownership: Flag = False
    """True marks an object that others made as made by swarmnet: `--prune` and `reset` may then remove it."""
