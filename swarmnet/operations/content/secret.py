"""``secret``: contents that only tasks see. Engines never return them, and swarmnet never shows or stores them.

As with configs, the object is named after its content, with a hash that is slow to guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from swarmnet.errors import ConflictError
from swarmnet.model.base import Secret
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import SecretSpec, StoredSecret
from swarmnet.operations.content.names import NAME_LABEL, secret_name
from swarmnet.operations.content.step import ContentStep
from swarmnet.operations.state_edits import next_version

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
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
            manager.create_secret(self.spec, self.data)
        except ConflictError:
            if not any(one.spec.name == self.spec.name for one in manager.secrets()):
                raise


class SecretOperation(ContentStep):
    """A secret of the swarm, which services refer to by its plain name."""

    name_in_playbook: ClassVar[str] = "secret"
    summary: ClassVar[str] = "A secret of the swarm, with contents from a file, the environment or a command."
    content_kind: ClassVar[Literal["config", "secret"]] = "secret"

    def hashed(self, content: bytes) -> str:
        """Return the object's name, by a hash that is slow to guess."""
        return secret_name(self.name, content)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates the secret, or what makes an existing one with this content the current one."""
        if context.state.secret(self._object) is not None:
            return self._written_again(context.state.secrets, self._object)
        spec = SecretSpec(name=self._object, labels=context.marked({NAME_LABEL: self.name}))
        why = f"no secret of {self.name} has this content"
        target, source = Ref(kind="secret", name=self._object), str(self.source)
        return (CreateSecret(object=target, why=why, spec=spec, data=self.content, source=source),)
