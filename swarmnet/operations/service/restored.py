"""Configs, secrets and services exactly as a backup has them: their names are given, not made from contents."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from swarmnet.model.base import Secret
from swarmnet.model.compare import service_changes
from swarmnet.model.merge import replace
from swarmnet.model.placement import by_hostname
from swarmnet.model.plan import Action, Change, Risk, unmarked
from swarmnet.model.ref import Ref
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import ConfigSpec, SecretSpec
from swarmnet.operations.content.config import CreateConfig
from swarmnet.operations.content.secret import CreateSecret
from swarmnet.operations.engine_versions import too_old_for_service
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.service.actions import CreateService, ReplaceService, RestoreService
from swarmnet.operations.service.checks import warnings_of_service
from swarmnet.operations.service.operation import fate
from swarmnet.operations.service.ports import taken_ports

SOURCE = "the backup"
WHY = "the backup has it and the cluster has not"


class RestoredConfig(Operation):
    """One config as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_config"
    summary: ClassVar[str] = "One config as a backup has it."

    spec: ConfigSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, unless it is there."""
        if context.state.config(self.spec.name) is not None:
            return ()
        spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
        return (CreateConfig(object=Ref(kind="config", name=spec.name), why=WHY, spec=spec, source=SOURCE),)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return whether one of that name has other data, which no engine can change."""
        seen = context.state.config(self.spec.name)
        if seen is not None and seen.spec.data != self.spec.data:
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
        if context.state.secret(self.spec.name) is not None:
            return ()
        spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
        target = Ref(kind="secret", name=spec.name)
        return (CreateSecret(object=target, why=WHY, spec=spec, data=self.data, source="--secrets-from"),)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the secret."""
        return frozenset({("secret", self.spec.name)})


class RestoredService(Operation):
    """One service as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_service"
    summary: ClassVar[str] = "One service as a backup has it."

    spec: ServiceSpec
    wait: bool = True
    """False where it did not run when the backup was taken either."""

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return ports that other services of the swarm have, and what engines here are too old for."""
        old = tuple(too_old_for_service(self.spec, context.state))
        # One that is there as it was needs no engine to take it.
        return (*taken_ports(self.spec, context.state), *(old if old and self.plan(context) else ()))

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return constraints that no node meets, and what is not waited for."""
        found = [*warnings_of_service(self.spec, context)]
        if not self.wait and self.plan(context):
            found.append(f"service {self.spec.name} did not run when the backup was taken: it is not waited for")
        if self.spec.mode.is_job and context.state.service(self.spec.name) is None:
            found.append(f"service {self.spec.name} is a job: it runs once more")
        return tuple(found)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, or brings one of that name in place to how the backup has it."""
        seen = context.state.service(self.spec.name)
        target = Ref(kind="service", name=self.spec.name)
        if seen is None:
            spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
            return (CreateService(object=target, why=WHY, spec=spec, wait=self.wait),)
        changes = self._changes(seen.spec, context)
        if not changes:
            return ()
        spec = self.spec.model_copy(update={"labels": context.kept(self.spec.labels, seen.spec.labels)})
        if self.spec.mode is not seen.spec.mode:
            why = "engines cannot change the mode of a service: it is removed and created again"
            risk = Risk.DISRUPTIVE
            return (ReplaceService(object=target, why=why, risk=risk, changes=changes, spec=spec, wait=self.wait),)
        why, risk = fate(replace(seen.spec, spec), seen, context.state)
        return (RestoreService(object=target, why=why, risk=risk, changes=changes, spec=spec, wait=self.wait),)

    def _changes(self, seen: ServiceSpec, context: Context) -> tuple[Change, ...]:
        """Return how it differs in any field; marks tell who made it and never count."""
        nodes = context.state.nodes
        bare = seen.model_copy(update={"labels": unmarked(seen.labels)})
        return service_changes(by_hostname(self.spec, nodes), by_hostname(bare, nodes), exact=True)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the service."""
        return frozenset({("service", self.spec.name)})
