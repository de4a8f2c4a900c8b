"""``secret``: contents that only tasks see. Engines never return them, and swarmnet never shows or stores them.

As with configs, the object is named after its content, with a hash that is slow to guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr

from swarmnet.errors import ConflictError
from swarmnet.model.base import Secret
from swarmnet.model.engine_json import absorb
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import NewSecret, SecretSpec, StoredSecret
from swarmnet.operations.content.names import secret_name
from swarmnet.operations.content.step import ContentStep
from swarmnet.operations.state_edits import next_version

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.content.source import ContentSource
    from swarmnet.operations.kind import Context


class CreateSecret(Action):
    """Create a secret."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["secret.create"] = "secret.create"
    spec: SecretSpec
    data: Secret = Field(exclude=True, repr=False)
    """Never part of a stored plan."""
    source: str
    """Where the data comes from."""

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the secret."""
        return state.model_copy(
            update={"secrets": (*state.secrets, StoredSecret(id="", version=next_version(state), spec=self.spec))}
        )

    def run(self, ports: Ports) -> None:
        """Create it. A secret of that name that was created meanwhile has the same content."""
        manager = ports.manager()
        try:
            manager.secrets.create(NewSecret(self.spec, self.data))
        except ConflictError:
            if not any(one.spec.name == self.spec.name for one in manager.secrets.list()):
                raise


class SecretOperation(ContentStep):
    """A secret of the swarm, which services refer to by its plain name."""

    name_in_playbook: ClassVar[str] = "secret"
    summary: ClassVar[str] = "A secret of the swarm, with contents from a file, the environment or a command."
    content_kind: ClassVar[Literal["config", "secret"]] = "secret"
    _missing: str = PrivateAttr(default="")

    def faults(self) -> tuple[str, ...]:
        """Return a name that is too long, and a value that is written into the playbook."""
        if self.source.text is None:
            return super().faults()
        return (
            *super().faults(),
            f"the value of secret {self.name} is in the playbook: write 'from: {{file: ...}}', env or command",
        )

    def unread(self) -> ContentSource | None:
        """Return where the content comes from, or None once it is read, or known to be missing."""
        return None if self._missing else super().unread()

    def unreadable(self, why: str) -> Self | None:
        """Return the step without its value if the name is exact: a secret that is there is never compared."""
        if not self.exact:
            return None
        step = self.model_copy()
        step._missing, step._object = why, self.name  # noqa: SLF001 - of the copy
        return step

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what makes engines refuse the value; one of an exact name that is there needs none."""
        there = context.state.secret(self.name) is not None
        if self.exact and (there or self._missing):
            return () if there else (f"secret {self.name} is not there, and its value is missing: {self._missing}",)
        return super().problems(context)

    def hashed(self, content: bytes) -> str:
        """Return the object's name, by a hash that is slow to guess."""
        return secret_name(self.name, content)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates the secret, or what makes an existing one with this content the current one."""
        seen = context.state.secret(self._object)
        if seen is not None:
            return self.kept(seen, context.state.secrets)
        spec = absorb(SecretSpec(name=self._object, labels=self.made_labels(context), extra=self.extra))
        why = "it is not there" if self.exact else f"no secret of {self.name} has this content"
        target, source = Ref(kind="secret", name=self._object), str(self.source)
        return (CreateSecret(object=target, why=why, spec=spec, data=self.content, source=source),)
