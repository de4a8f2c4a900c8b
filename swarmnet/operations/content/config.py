"""``config``: contents that services see as files; anybody who may ask an engine can read them.

A config can never change: its object is named after its content, services refer to the plain name and get the content
of the playbook. New content is a new object and an update of the services; the old one stays for ``--prune``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConflictError
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.operations.content.names import NAME_LABEL, config_name
from swarmnet.operations.content.step import ContentStep
from swarmnet.operations.state_edits import next_version

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context


class CreateConfig(Action):
    """Make a config."""

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
        """Make it; one of that name that somebody made meanwhile must hold the same content."""
        manager = ports.manager()
        try:
            manager.create_config(self.spec)
        except ConflictError:
            if not any((one.spec.name, one.spec.data) == (self.spec.name, self.spec.data) for one in manager.configs()):
                raise


class ConfigOperation(ContentStep):
    """A config of the swarm; services refer to it by its plain name."""

    name_in_playbook: ClassVar[str] = "config"
    summary: ClassVar[str] = "A config of the swarm, with contents from a file, the environment or a command."
    content_kind: ClassVar[Literal["config", "secret"]] = "config"

    def hashed(self, content: bytes) -> str:
        """Return the object's name."""
        return config_name(self.name, content)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the config's creation; where one of that content is there, what makes it the present one again."""
        data = self.content.reveal()
        name = self.hashed(data)
        if context.state.config(name) is not None:
            return self._written_again(context.state.configs, name)
        spec = ConfigSpec(name=name, data=data, labels=context.marked({NAME_LABEL: self.name}))
        why = f"no config holds this content of {self.name}"
        return (CreateConfig(object=Ref(kind="config", name=name), why=why, spec=spec, source=str(self.source)),)
