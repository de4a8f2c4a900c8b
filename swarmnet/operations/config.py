"""``config``: contents that services see as files; anybody who may ask an engine can read them.

A config can never change: its object is named after its content, services refer to the plain name and get the content
of the playbook. New content is a new object and an update of the services; the old one stays for ``--prune``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from swarmnet.errors import ConflictError
from swarmnet.model.plan import Action, Change, Sign, Stage
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.operations.content import NAME_LABEL, ContentSource, ObjectName, config_name, faults_of_content
from swarmnet.operations.interface import Context, Operation

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState


class CreateConfig(Action):
    """Make a config."""

    kind: Literal["config.create"] = "config.create"
    spec: ConfigSpec

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Stage] = Stage.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the config."""
        return state.model_copy(update={"configs": (*state.configs, Config(id="", version=0, spec=self.spec))})

    def run(self, ports: Ports) -> None:
        """Make it; one of that name that somebody made meanwhile must hold the same content."""
        manager = ports.manager()
        try:
            manager.create_config(self.spec)
        except ConflictError:
            if not any((one.spec.name, one.spec.data) == (self.spec.name, self.spec.data) for one in manager.configs()):
                raise


class ConfigOperation(Operation):
    """A config of the swarm; services refer to it by its plain name."""

    name_in_playbook: ClassVar[str] = "config"
    summary: ClassVar[str] = "A config of the swarm, with contents from a file, the environment or a command."

    name: ObjectName
    source: ContentSource = Field(alias="from")
    _data: bytes | None = PrivateAttr(default=None)

    def unread(self) -> ContentSource | None:
        """Return where the content comes from, until it was read."""
        return self.source if self._data is None else None

    def read(self, content: bytes) -> Self:
        """Return the step with its content."""
        step = self.model_copy()
        step._data = content  # noqa: SLF001 - of the copy
        return step

    def objects(self) -> dict[tuple[str, str], str]:
        """Return the plain name to the hashed one."""
        return {} if self._data is None else {("config", self.name): config_name(self.name, self._data)}

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the config by its plain and its hashed name."""
        return frozenset({("config", self.name), *(("config", name) for name in self.objects().values())})

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what no engine would take."""
        return faults_of_content("config", self.name, self._data or b"", context)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the config's creation, unless one of that content is there."""
        data = self._data or b""
        name = config_name(self.name, data)
        if any(one.spec.name == name for one in context.state.configs):
            return ()
        spec = ConfigSpec(name=name, data=data, labels=context.marked({NAME_LABEL: self.name}))
        why = f"no config holds this content of {self.name}"
        size = (Change(path="bytes", after=len(data)),)
        return (CreateConfig(target=f"config {name}", why=why, changes=size, spec=spec),)
