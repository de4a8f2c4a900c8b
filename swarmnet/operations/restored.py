"""Configs, secrets and services exactly as a backup has them: their names are given, not made from contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from swarmnet.errors import ConflictError
from swarmnet.model.base import Secret
from swarmnet.model.compare import service_changes
from swarmnet.model.plan import Action, Change, Sign, Stage
from swarmnet.model.service import Service, ServiceSpec
from swarmnet.model.swarm import Config, ConfigSpec, SecretSpec, StoredSecret
from swarmnet.operations.convergence import wait_for_service
from swarmnet.operations.interface import Context, Operation
from swarmnet.operations.predicted import with_service

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

WHY = "the backup has it and the cluster has not"


class RestoreConfig(Action):
    """Make a config of the backup again."""

    kind: Literal["config.restore"] = "config.restore"
    spec: ConfigSpec

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Stage] = Stage.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the config."""
        return state.model_copy(update={"configs": (*state.configs, Config(id="", version=0, spec=self.spec))})

    def run(self, ports: Ports) -> None:
        """Make it; one of that name with the same data, made meanwhile, is as good."""
        manager = ports.manager()
        try:
            manager.create_config(self.spec)
        except ConflictError:
            if not any(
                one.spec.name == self.spec.name and one.spec.data == self.spec.data for one in manager.configs()
            ):
                raise


class RestoreSecret(Action):
    """Make a secret of the backup again, with data that the operator gave: it stands in no plan and no report."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["secret.restore"] = "secret.restore"
    spec: SecretSpec
    data: Annotated[Secret, Field(exclude=True)]

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Stage] = Stage.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the secret."""
        return state.model_copy(update={"secrets": (*state.secrets, StoredSecret(id="", version=0, spec=self.spec))})

    def run(self, ports: Ports) -> None:
        """Make it."""
        ports.manager().create_secret(self.spec, self.data)


class RestoreService(Action):
    """Make a service of the backup again."""

    kind: Literal["service.restore"] = "service.restore"
    spec: ServiceSpec

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Stage] = Stage.SERVICE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the service."""
        return with_service(state, Service(id="", version=0, spec=self.spec))

    def run(self, ports: Ports) -> None:
        """Make it and wait until its tasks run.

        Raises:
            ConvergenceError: they do not; says what the tasks said.
        """
        ports.manager().create_service(self.spec)
        wait_for_service(ports, self.spec.name)


class RestoredConfig(Operation):
    """One config as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_config"
    summary: ClassVar[str] = "One config as a backup has it."

    spec: ConfigSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, unless it is there."""
        if any(config.spec.name == self.spec.name for config in context.state.configs):
            return ()
        spec = self.spec.model_copy(update={"labels": context.marked(self.spec.labels)})
        return (RestoreConfig(target=f"config {spec.name}", why=WHY, changes=_told(bytes=len(spec.data)), spec=spec),)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return whether one of that name has other data, which no engine can change."""
        for config in context.state.configs:
            if config.spec.name == self.spec.name and config.spec.data != self.spec.data:
                return (f"config {self.spec.name} is there with other data than in the backup",)
        return ()

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the config."""
        return frozenset({("config", self.spec.name)})


class RestoredSecret(Operation):
    """One secret as the backup has it, with data from elsewhere."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name_in_playbook: ClassVar[str] = "restored_secret"
    summary: ClassVar[str] = "One secret of a backup."

    spec: SecretSpec
    data: Annotated[Secret, Field(exclude=True)]

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, unless one of that name is there; its data cannot be compared."""
        if any(secret.spec.name == self.spec.name for secret in context.state.secrets):
            return ()
        spec = self.spec.model_copy(update={"labels": context.marked(self.spec.labels)})
        return (RestoreSecret(target=f"secret {spec.name}", why=WHY, spec=spec, data=self.data),)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the secret."""
        return frozenset({("secret", self.spec.name)})


class RestoredService(Operation):
    """One service as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_service"
    summary: ClassVar[str] = "One service as a backup has it."

    spec: ServiceSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, unless it is there."""
        if context.state.service(self.spec.name) is not None:
            return ()
        spec = self.spec.model_copy(update={"labels": context.marked(self.spec.labels)})
        networks = [one.network for one in spec.networks or ()]
        changes = _told(image=spec.image, mode=spec.mode.value, replicas=spec.replicas, networks=", ".join(networks))
        return (RestoreService(target=f"service {spec.name}", why=WHY, changes=changes, spec=spec),)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return how a service of that name that is there differs."""
        seen = context.state.service(self.spec.name)
        changes = () if seen is None else service_changes(self.spec, seen.spec)
        if not changes:
            return ()
        fields = ", ".join(change.path for change in changes)
        return (f"service {self.spec.name} is there and differs from the backup: {fields}",)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the service."""
        return frozenset({("service", self.spec.name)})


def _told(**fields: str | int | None) -> tuple[Change, ...]:
    return tuple(Change(path=path, after=value) for path, value in fields.items() if value not in (None, ""))
