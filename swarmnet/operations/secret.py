"""``secret``: contents that only tasks see; no engine ever gives them back, and swarmnet never shows or stores them.

As with configs, the object is named after its content, by a hash that is slow to guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr

from swarmnet.errors import ConflictError
from swarmnet.model.base import Secret
from swarmnet.model.plan import Action, Sign, Stage
from swarmnet.model.swarm import SecretSpec, StoredSecret
from swarmnet.operations.content import NAME_LABEL, ContentSource, ObjectName, faults_of_content, secret_name
from swarmnet.operations.interface import Context, Operation

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState


class CreateSecret(Action):
    """Make a secret."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["secret.create"] = "secret.create"
    spec: SecretSpec
    data: Secret = Field(exclude=True, repr=False)
    """Never part of a stored plan."""

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Stage] = Stage.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the secret."""
        return state.model_copy(update={"secrets": (*state.secrets, StoredSecret(id="", version=0, spec=self.spec))})

    def run(self, ports: Ports) -> None:
        """Make it; one of that name that somebody made meanwhile holds the same content."""
        manager = ports.manager()
        try:
            manager.create_secret(self.spec, self.data)
        except ConflictError:
            if not any(one.spec.name == self.spec.name for one in manager.secrets()):
                raise


class SecretOperation(Operation):
    """A secret of the swarm; services refer to it by its plain name."""

    name_in_playbook: ClassVar[str] = "secret"
    summary: ClassVar[str] = "A secret of the swarm, with contents from a file, the environment or a command."

    name: ObjectName
    source: ContentSource = Field(alias="from")
    _data: Secret | None = PrivateAttr(default=None)
    _hashed: str = PrivateAttr(default="")

    def unread(self) -> ContentSource | None:
        """Return where the content comes from, until it was read."""
        return self.source if self._data is None else None

    def read(self, content: bytes) -> Self:
        """Return the step with its content."""
        step = self.model_copy()
        step._data = Secret(content)  # noqa: SLF001 - of the copy
        step._hashed = secret_name(self.name, content)  # noqa: SLF001 - once, since it is slow on purpose
        return step

    def objects(self) -> dict[tuple[str, str], str]:
        """Return the plain name to the hashed one."""
        return {} if self._data is None else {("secret", self.name): self._hashed}

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the secret by its plain and its hashed name."""
        return frozenset({("secret", self.name), *(("secret", name) for name in self.objects().values())})

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what no engine would take."""
        return faults_of_content("secret", self.name, self._secret().reveal(), context)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the secret's creation, unless one of that content is there."""
        if any(one.spec.name == self._hashed for one in context.state.secrets):
            return ()
        spec = SecretSpec(name=self._hashed, labels=context.marked({NAME_LABEL: self.name}))
        why = f"no secret holds this content of {self.name}"
        return (CreateSecret(target=f"secret {self._hashed}", why=why, spec=spec, data=self._secret()),)

    def _secret(self) -> Secret:
        return Secret(b"") if self._data is None else self._data
