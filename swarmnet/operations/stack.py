"""``stack``: a stack file of Docker, as the steps that it stands for; this step itself only prunes.

The steps of the file are put before this one when the playbook's files are read (``parse.compose.playbook``), so that
plan, restore and drift see networks, configs, secrets and services, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field, PrivateAttr

from swarmnet.model.base import Flag
from swarmnet.model.plan import Permit
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.kinds import REMOVABLE
from swarmnet.operations.notation import Files, one_or_more
from swarmnet.operations.removal import Removal

if TYPE_CHECKING:
    from swarmnet.model.plan import Action

NAMESPACE = "com.docker.stack.namespace"
"""Label of all that belongs to a stack; ``docker stack`` finds it by this."""


class StackOperation(Operation):
    """A stack file of Docker: its networks, configs, secrets and services, named and labelled as docker stack does."""

    name_in_playbook: ClassVar[str] = "stack"
    summary: ClassVar[str] = "A stack file of Docker: its networks, configs, secrets and services."

    file: Files
    """The stack file, or several that are merged in their order; relative paths start at the playbook's folder."""
    name: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Name of the stack; left out, the one that the file has."""
    env_file: Files | None = None
    """Files of variables for the stack file; left out, ``.env`` next to it, if it is there."""
    profiles: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ()
    """Profiles whose services are wanted, too; `*` is all."""
    prune: Flag = False
    """True removes services of the stack that the file no longer has, also those that docker stack made."""
    _stack: str | None = PrivateAttr(default=None)
    _services: frozenset[str] = PrivateAttr(default=frozenset())

    def expanded(self, stack: str, services: frozenset[str]) -> StackOperation:
        """Return the step once its files are read: the stack's name, and its services in the swarm."""
        step = self.model_copy()
        step._stack = stack  # noqa: SLF001 - of the copy
        step._services = services  # noqa: SLF001 - as above
        return step

    def faults(self) -> tuple[str, ...]:
        """Return nothing: what is wrong with the files is reported with their lines."""
        return ()

    def problems(self, _context: Context) -> tuple[str, ...]:
        """Return whether the files were not read, so that nothing is known of the stack."""
        return () if self._stack is not None else ("the stack's files were not read",)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the removal of the stack's services that the file no longer has, if the step asks for it."""
        if not self.prune:
            return ()
        why = f"it is of stack {self._stack}, whose file no longer has it"
        return tuple(
            Removal.of(REMOVABLE["service"], seen, None, Permit.STACK, why)
            for seen in context.state.services
            if seen.spec.labels.get(NAMESPACE) == self._stack and seen.spec.name not in self._services
        )
