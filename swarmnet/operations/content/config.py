"""``config``: contents that services see as files. Anyone with access to an engine can read them.

Engines cannot change the content of a config, so its object is named after its content. Services use the plain name and
get the content of the playbook. New content creates a new object and updates the services; ``--prune`` removes the old
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConflictError
from swarmnet.model.engine_json import absorb
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.operations.content.names import config_name
from swarmnet.operations.content.step import ContentStep
from swarmnet.operations.state_edits import next_version

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context


class CreateConfig(Action):
    """Create a config."""

    kind: Literal["config.create"] = "config.create"
    spec: ConfigSpec
    source: str
    """Where the data comes from."""

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the config."""
        return state.model_copy(
            update={"configs": (*state.configs, Config(id="", version=next_version(state), spec=self.spec))}
        )

    def run(self, ports: Ports) -> None:
        """Create it. If a config of that name was created meanwhile, it must have the same content."""
        manager = ports.manager()
        try:
            manager.configs.create(self.spec)
        except ConflictError:
            if not any(
                (one.spec.name, one.spec.data) == (self.spec.name, self.spec.data) for one in manager.configs.list()
            ):
                raise


class ConfigOperation(ContentStep):
    """A config of the swarm, which services refer to by its plain name."""

    name_in_playbook: ClassVar[str] = "config"
    summary: ClassVar[str] = "A config of the swarm, with contents from a file, the environment or a command."
    content_kind: ClassVar[Literal["config", "secret"]] = "config"

    def hashed(self, content: bytes) -> str:
        """Return the object's name."""
        return config_name(self.name, content)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what makes engines refuse the content, and another content under an exact name."""
        seen = context.state.config(self.name) if self.exact else None
        if seen is None or seen.spec.data == self.content.reveal():
            return super().problems(context)
        return (f"config {self.name} is there with other content, which stays: take 'exact' away, or rename it",)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates the config, or what makes an existing one with this content the current one."""
        data = self.content.reveal()
        name = self._object
        seen = context.state.config(name)
        if seen is not None:
            return self.kept(seen, context.state.configs)
        spec = absorb(ConfigSpec(name=name, data=data, labels=self.made_labels(context), extra=self.extra))
        why = "it is not there" if self.exact else f"no config of {self.name} has this content"
        return (CreateConfig(object=Ref(kind="config", name=name), why=why, spec=spec, source=str(self.source)),)
