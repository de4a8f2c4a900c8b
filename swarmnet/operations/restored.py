"""Configs, secrets and services exactly as a backup has them: their names are given, not made from contents."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from swarmnet.model.base import Secret
from swarmnet.model.compare import service_changes
from swarmnet.model.plan import Action, Risk
from swarmnet.model.service import ServiceSpec
from swarmnet.model.swarm import ConfigSpec, SecretSpec
from swarmnet.operations.config import CreateConfig
from swarmnet.operations.interface import Context, Operation
from swarmnet.operations.secret import CreateSecret
from swarmnet.operations.service_actions import CreateService, ReplaceService

SOURCE = "the backup"
WHY = "the backup has it and the cluster has not"


class RestoredConfig(Operation):
    """One config as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_config"
    summary: ClassVar[str] = "One config as a backup has it."

    spec: ConfigSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, unless it is there."""
        if any(config.spec.name == self.spec.name for config in context.state.configs):
            return ()
        spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
        return (CreateConfig(target=f"config {spec.name}", why=WHY, spec=spec, source=SOURCE),)

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
        spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
        target = f"secret {spec.name}"
        return (CreateSecret(target=target, why=WHY, spec=spec, data=self.data, source="--secrets-from"),)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the secret."""
        return frozenset({("secret", self.spec.name)})


class RestoredService(Operation):
    """One service as the backup has it."""

    name_in_playbook: ClassVar[str] = "restored_service"
    summary: ClassVar[str] = "One service as a backup has it."

    spec: ServiceSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes it, or makes it anew where one of that name differs, which the guard asks about."""
        seen = context.state.service(self.spec.name)
        target = f"service {self.spec.name}"
        if seen is None:
            spec = self.spec.model_copy(update={"labels": context.made(self.spec.labels)})
            return (CreateService(target=target, why=WHY, spec=spec),)
        if not service_changes(self.spec, seen.spec):
            return ()
        spec = self.spec.model_copy(update={"labels": context.marked(self.spec.labels)})
        changes = service_changes(spec, seen.spec, exact=True)  # what it has beyond the backup goes with it
        why = "one of that name is there and differs from the backup: it is removed and made anew"
        return (ReplaceService(target=target, why=why, risk=Risk.DISRUPTIVE, changes=changes, spec=spec),)

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the service."""
        return frozenset({("service", self.spec.name)})
