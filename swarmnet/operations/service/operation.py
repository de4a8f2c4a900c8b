"""``service``: tasks that the swarm keeps running. Fields that are left out are not managed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, TypedDict

from pydantic import Field

from swarmnet.model.base import Flag
from swarmnet.model.cleared import cleared
from swarmnet.model.compare import service_changes
from swarmnet.model.engine_json import absorb
from swarmnet.model.fields import Remedy
from swarmnet.model.memory import remembered
from swarmnet.model.merge import lay, replace, without_labels
from swarmnet.model.plan import Action, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.service import FileReference, ServiceSpec
from swarmnet.operations.content.names import newest
from swarmnet.operations.engine_versions import too_old_for_service
from swarmnet.operations.expect.notation import CheckForm
from swarmnet.operations.kind import Context, Need, OwnableOperation
from swarmnet.operations.labels import faults_of_labels, removed_labels
from swarmnet.operations.notation import Duration, Files, Texts, Words
from swarmnet.operations.service.actions import CreateService, ReplaceService, SetService, UpdateService
from swarmnet.operations.service.checks import faults_of_service, problems_of_service, warnings_of_service
from swarmnet.operations.service.container_notation import (
    CapabilityForm,
    DnsForm,
    HealthcheckForm,
    HostsForm,
    SeccompForm,
    UlimitsForm,
)
from swarmnet.operations.service.converge import SERVICE_LIMIT
from swarmnet.operations.service.friendly import friendly
from swarmnet.operations.service.mount_notation import MountForm
from swarmnet.operations.service.mounted import bind_needs
from swarmnet.operations.service.notation import (
    AttachmentForm,
    ConfigForm,
    LimitsForm,
    LoggingForm,
    PlatformForm,
    PortForm,
    ReservationsForm,
    RestartForm,
    SecretForm,
    UpdateForm,
)
from swarmnet.operations.service.replaced_tasks import apart, ended_tasks, resumed, unnoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Change
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState


_SCALED = frozenset({"replicas", "max_concurrent", "platforms"})
"""Fields that others set for a service that runs: its scale, and the platforms that the docker command adds."""

if TYPE_CHECKING:
    _Written = ServiceSpec
else:
    _Written = friendly(ServiceSpec)


class ServiceOperation(OwnableOperation, _Written):
    """Tasks that the swarm keeps running; fields that are left out are not managed."""

    name_in_playbook: ClassVar[str] = "service"
    summary: ClassVar[str] = "Tasks that the swarm keeps running; fields that are left out are not managed."

    networks: tuple[AttachmentForm, ...] | None = None
    ports: tuple[PortForm, ...] | None = None
    platforms: tuple[PlatformForm, ...] | None = None
    limits: LimitsForm | None = None
    reservations: ReservationsForm | None = None
    logging: LoggingForm | None = None
    update: UpdateForm | None = None
    rollback: UpdateForm | None = None
    restart: RestartForm | None = None
    configs: tuple[ConfigForm, ...] | None = None
    secrets: tuple[SecretForm, ...] | None = None
    mounts: tuple[MountForm, ...] | None = None
    healthcheck: HealthcheckForm | None = None
    dns: DnsForm | None = None
    hosts: HostsForm | None = None
    cap_add: tuple[CapabilityForm, ...] | None = None
    cap_drop: tuple[CapabilityForm, ...] | None = None
    seccomp: SeccompForm | None = None
    ulimits: UlimitsForm | None = None
    labels: Texts = Field(default_factory=dict)
    remove_labels: Words = ()
    """Names of labels that the service does not have."""
    env_file: Files | None = None
    """Files of variables, one or several; relative paths start at the playbook's folder. `env` goes before them."""
    check: CheckForm | None = None
    """A question that `verify` asks each task, such as `{http: /health, port: 8080}`; engines never see it."""
    whole: Flag = False
    """True takes the step for all of the service: what it leaves out goes back to what engines do without it."""
    wait: bool = True
    """False goes on as soon as the engine accepted the service."""
    timeout: Annotated[Duration, Field(gt=0)] = SERVICE_LIMIT
    """Seconds for the tasks to run."""

    @property
    def written(self) -> ServiceSpec:
        """The service as written, configs and secrets by their plain names."""
        return _written(self)

    def _over(self, seen: Service | None) -> ServiceSpec:
        """Return the service as written, in the mode that it has where the step names none."""
        if seen is None or "mode" in self.model_fields_set:
            return self.written
        counted = self.replicas is not None or self.max_replicas_per_node is not None
        fits = not (counted and seen.spec.mode.is_everywhere)
        return self.written.model_copy(update={"mode": seen.spec.mode} if fits else {})

    def spec(self, context: Context) -> ServiceSpec:
        """Return the wanted service: configs and secrets by the names of their objects, and its marks."""
        seen = context.state.service(self.name)
        written = self._over(seen)
        if seen is None:
            labels = context.made(written.labels)
        else:
            labels = context.kept(written.labels, seen.spec.labels, take_ownership=self.take_ownership)
        return written.model_copy(
            update={
                "configs": _objects("config", written.configs, context),
                "secrets": _objects("secret", written.secrets, context),
                "labels": labels,
            }
        )

    def with_variables(self, found: Mapping[str, str]) -> ServiceOperation:
        """Return the step once its env files are read; what it names itself goes before what they have."""
        return self.model_copy(update={"env": {**found, **(self.env or {})}, "env_file": None})

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the service."""
        return frozenset({("service", self.name)})

    def names(self) -> frozenset[tuple[str, str]]:
        """Return its name and its aliases on its networks."""
        places = self.networks or ()
        return frozenset((one.network, name) for one in places for name in (self.name, *(one.aliases or ())))

    def needs(self, hosts: tuple[Host, ...]) -> tuple[Need, ...]:
        """Return the question whether hosts have the paths that it mounts."""
        return bind_needs(self.written, hosts)

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with the service in itself."""
        return (
            *faults_of_service(self.written),
            *faults_of_labels(self.labels, self.remove_labels),
            *(self.check.faults() if self.check is not None else ()),
        )

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what the service asks for and is not there."""
        if self.env_file is not None:
            return ("its env files were not read",)
        spec = self._over(context.state.service(self.name))
        found, old = tuple(problems_of_service(spec, context)), tuple(too_old_for_service(spec, context.state))
        # One that is there as written needs no engine to take it.
        return found if old and not found and not self.plan(context) else (*found, *old)

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return constraints that no node meets."""
        return tuple(warnings_of_service(self._over(context.state.service(self.name)), context))

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the service's creation, update or replacement; nothing when it is as written."""
        spec, seen = self.spec(context), context.state.service(self.name)
        spec = spec if seen is None else resumed(spec, seen.spec)
        target = Ref(kind="service", name=self.name)
        changes = () if seen is None else self._changes(spec, seen.spec)
        common = _Common(object=target, changes=changes, spec=spec, wait=self.wait, timeout=self.timeout)
        if seen is None:
            return (CreateService(why="it is not there", **common),)
        if self.whole:
            return self._whole(spec, seen, context)
        if any(change.remedy is Remedy.REPLACE for change in changes):
            why = "engines cannot change a service's mode: it is removed and created again"
            common["spec"] = lay(without_labels(unnoted(seen.spec), self.remove_labels), spec)
            return (ReplaceService(why=why, risk=Risk.DISRUPTIVE, **common),)
        if not changes:
            return ()
        why, risk = fate(lay(seen.spec, spec), seen, context.state)
        return (UpdateService(why=why, risk=risk, remove_labels=self.remove_labels, **common),)

    def _changes(self, spec: ServiceSpec, seen: ServiceSpec) -> tuple[Change, ...]:
        return (*service_changes(spec, seen), *removed_labels(seen.labels, self.remove_labels))

    def _whole(self, spec: ServiceSpec, seen: Service, context: Context) -> tuple[Action, ...]:
        """Return what brings a service to what the step says, and takes all else away; parts without a field stay."""
        full = lay(seen.spec, cleared(spec, seen.spec, keep=_SCALED)).model_copy(update={"labels": spec.labels})
        changes = service_changes(full, seen.spec, exact=True)
        if not changes:
            return ()
        common = _Common(
            object=Ref(kind="service", name=self.name),
            changes=changes,
            spec=full,
            wait=self.wait,
            timeout=self.timeout,
        )
        if any(change.remedy is Remedy.REPLACE for change in changes):
            why = "engines cannot change a service's mode: it is removed and created again"
            return (ReplaceService(why=why, risk=Risk.DISRUPTIVE, **common),)
        why, risk = fate(replace(seen.spec, full), seen, context.state)
        return (SetService(why=why, risk=risk, **common),)


@remembered
def _written(step: ServiceOperation) -> ServiceSpec:
    return absorb(ServiceSpec.model_validate(step.model_dump(include=set(ServiceSpec.model_fields))))


class _Common(TypedDict):
    object: Ref
    changes: tuple[Change, ...]
    spec: ServiceSpec
    wait: bool
    timeout: float


def fate(wanted: ServiceSpec, seen: Service, state: ClusterState) -> tuple[str, Risk]:
    """Return what an update to the whole spec ``wanted`` does to the tasks that run, and its risk."""
    if wanted.mode.is_job:
        return "it differs; the job runs once more", Risk.DISRUPTIVE
    running = [task for task in state.tasks if task.service_id == seen.id and task.desired_state == "running"]
    ended = ended_tasks(seen.spec, wanted, running, lambda: state.nodes)
    if not ended:
        return "it differs; its tasks run on", Risk.SAFE
    which = "its tasks are"
    if len(ended) < len(running):
        which = f"{len(ended)} of its {len(running)} tasks {'is' if len(ended) == 1 else 'are'}"
    twice = (
        ", twice: engines mix up names and ports of tasks that run side by side"
        if (apart(seen.spec, wanted, lambda: running))
        else ""
    )
    return f"it differs; {which} replaced{twice}", Risk.DISRUPTIVE


def _objects(kind: str, files: tuple[FileReference, ...] | None, context: Context) -> tuple[FileReference, ...] | None:
    if files is None:
        return None
    return tuple(one.model_copy(update={"source": newest(kind, one.source, context) or one.source}) for one in files)
