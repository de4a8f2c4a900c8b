"""``container``: one container outside of services on every selected host. Fields that are left out are not managed.

A container that is as written is left alone, whatever made it. Limits, restart rule and places on networks are changed
while it runs. For all else another container replaces it, which keeps what the step leaves out, the places on
networks and the volumes without a name included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from swarmnet.model.base import Flag
from swarmnet.model.compare import container_changes, endpoint_changes
from swarmnet.model.endpoint import CONNECT_MAC_API, CREATE_MAC_API, EndpointSpec
from swarmnet.model.fields import Remedy
from swarmnet.model.merge import lay
from swarmnet.model.plain_container import Made, PlainContainer
from swarmnet.model.plan import MANAGED_LABEL, Change
from swarmnet.model.ref import Ref
from swarmnet.model.service_mounts import Mount, MountType
from swarmnet.model.version import ApiVersion
from swarmnet.operations.container.actions import (
    NEW,
    OLD,
    START_LIMIT,
    CreateContainer,
    RemoveContainer,
    ReplaceContainer,
    StartContainer,
    UpdateContainer,
)
from swarmnet.operations.container.checks import (
    UNJOINABLE,
    on_several_hosts,
    problems_of_endpoint,
    too_old_for_container,
)
from swarmnet.operations.container.connections import (
    ConnectContainer,
    DisconnectContainer,
    ReconnectContainer,
    endpoint_of,
)
from swarmnet.operations.container.forms import (
    EndpointForm,
    HostPortForm,
    PlainLimitsForm,
    PlainLoggingForm,
    RestartForm,
    WholeDuration,
)
from swarmnet.operations.kind import Context, OwnableOperation
from swarmnet.operations.notation import Duration, Texts
from swarmnet.operations.service.container_notation import CapabilityForm, HealthcheckForm, HostsForm, UlimitsForm
from swarmnet.operations.service.friendly import friendly
from swarmnet.operations.service.mount_notation import MountForm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, Container, HostFacts

if TYPE_CHECKING:
    _Written = PlainContainer
else:
    _Written = friendly(PlainContainer)

_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"
KEPT_RUNNING = ("always", "unless-stopped")


def _name(value: str) -> str:
    if re.fullmatch(_NAME, value) is None:
        raise ValueError("must have two or more letters, digits, '_', '.' or '-', and begin with a letter or digit")
    if value.endswith((OLD, NEW)):
        raise ValueError(f"must not end with {OLD} or {NEW}, which replacements add")
    return value


ContainerName = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]


class ContainerOperation(OwnableOperation, _Written):
    """One container outside of services on every selected host; fields that are left out are not managed."""

    name_in_playbook: ClassVar[str] = "container"
    summary: ClassVar[str] = (
        "One container outside of services on every selected host; fields that are left out are not managed."
    )
    looks_at: ClassVar[frozenset[str]] = frozenset({"containers"})

    name: ContainerName
    image: str = ""
    networks: tuple[EndpointForm, ...] | None = None
    """All its networks, in order: the first one is its way out where no gateway_priority says otherwise."""
    ports: tuple[HostPortForm, ...] | None = None
    restart: RestartForm | None = None
    limits: PlainLimitsForm | None = None
    mounts: tuple[MountForm, ...] | None = None
    healthcheck: HealthcheckForm | None = None
    hosts: HostsForm | None = None
    stop_grace_period: WholeDuration | None = None
    cap_add: tuple[CapabilityForm, ...] | None = None
    cap_drop: tuple[CapabilityForm, ...] | None = None
    ulimits: UlimitsForm | None = None
    logging: PlainLoggingForm | None = None
    labels: Texts = Field(default_factory=dict)
    absent: Flag = False
    """True removes the container; its volumes stay."""
    wait: bool = True
    """False goes on as soon as the container was started."""
    timeout: Annotated[Duration, Field(gt=0)] = START_LIMIT
    """Seconds for the container to run, and to be healthy where it has a check."""

    @property
    def written(self) -> PlainContainer:
        """The container as written."""
        return PlainContainer.model_validate(self.model_dump(include=set(PlainContainer.model_fields)))

    @property
    def places(self) -> tuple[EndpointSpec, ...] | None:
        """The places on networks as written; None where the step names none."""
        if self.networks is None:
            return None
        return tuple(EndpointSpec.model_validate(one.model_dump()) for one in self.networks)

    def containers(self) -> frozenset[str]:
        """Return the container's name, and the one that it has while another takes its place."""
        return frozenset({self.name, self.name + OLD})

    def provides_on_hosts(self) -> frozenset[tuple[str, str]]:
        """Return the container, and the one that it replaces."""
        return frozenset() if self.absent else frozenset(("container", name) for name in self.containers())

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with the step on any host."""
        return tuple(self._faults())

    def _faults(self) -> Iterator[str]:
        if self.absent:
            others = sorted(self.model_fields_set - {"name", "absent", "take_ownership"})
            if others:
                yield f"'absent: true' removes the container: leave out {', '.join(others)}"
            return
        if not self.image:
            yield "key 'image' is missing"
        names = [one.network for one in self.networks or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            yield f"network {', '.join(twice)} is listed twice"
        own = [name for name in names if name in UNJOINABLE]
        if own and len(names) > 1:
            yield f"a container on network {own[0]} can be on no other"
        if own and self.ports:
            yield f"a container on network {own[0]} publishes no ports: leave out 'ports'"
        if any(one.type is MountType.CLUSTER for one in self.mounts or ()):
            yield "a mount of type cluster is for the tasks of services: a container has none"

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what makes the step impossible on each host, or on all of them together."""
        found = [facts for host in context.hosts if (facts := context.state.facts(host.name)) is not None]
        return (
            *(text for facts in found for text in self._problems(context, facts)),
            *on_several_hosts(self.places or (), context.state, found),
        )

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates, changes, replaces or removes the container on each host."""
        return tuple(
            action
            for host in context.hosts
            if (facts := context.state.facts(host.name)) is not None
            for action in self._on(context, facts)
        )

    def _found(self, state: ClusterState, host: str) -> Container | None:
        """Return the container; while a killed replacement has left it without its name, by the other one."""
        return state.container(host, self.name) or state.container(host, self.name + OLD)

    def _problems(self, context: Context, facts: HostFacts) -> Iterator[str]:
        seen = self._found(context.state, facts.host)
        what = f"container {self.name} on {facts.host}"
        if seen is not None and seen.service is not None:
            yield f"{what} is a task of service {seen.service}: change the service, or choose another name"
            return
        if self.absent:
            if seen is not None and not self._is_ours(context, seen) and not self.take_ownership:
                yield (
                    f"{what} does not have the mark of this cluster: add 'take_ownership: true' to remove what others"
                    " made"
                )
            return
        yield from too_old_for_container(self.written, facts)
        for place in self.places or ():
            if place.network not in UNJOINABLE:
                yield from problems_of_endpoint(place, context.state, facts, seen)
        case = None if seen is None else self._case(context, facts, seen)
        if case is not None and case.replaces and ends_with_its_run(seen):
            yield f"{what} was started with --rm, so its engine removes it when it stops: remove it, then run again"

    def _on(self, context: Context, facts: HostFacts) -> Iterator[Action]:
        seen = self._found(context.state, facts.host)
        ref = Ref(kind="container", name=self.name, host=facts.host)
        if self.absent:
            if seen is not None:
                yield RemoveContainer(
                    object=ref, why="its step says 'absent: true'", host=facts.host, container=seen.name
                )
            return
        if seen is None:
            spec = self.written.model_copy(update={"labels": context.made(self.labels)})
            yield CreateContainer(
                object=ref,
                why="it does not exist",
                host=facts.host,
                spec=spec,
                endpoints=self.places or (),
                **self._terms(),
            )
            return
        case = self._case(context, facts, seen)
        if case is None:
            return
        if case.replaces:
            yield self._replacement(context, ref, case)
            return
        if case.changes:
            yield UpdateContainer(
                object=ref,
                why="it differs; it keeps running",
                changes=case.changes,
                host=facts.host,
                spec=case.update,
            )
        yield from case.moves
        if not seen.running and case.made.whole.restart in KEPT_RUNNING and self.restart in (None, *KEPT_RUNNING):
            why = f"it does not run, and its restart rule is {case.made.whole.restart}"
            yield StartContainer(object=ref, why=why, host=facts.host, container=self.name, **self._terms())

    def _terms(self) -> dict[str, Any]:
        return {"wait": self.wait, "timeout": self.timeout}

    def _replacement(self, context: Context, ref: Ref, case: _Case) -> Action:
        ours = self._is_ours(context, case.seen) or self.take_ownership
        labels = context.kept(case.full.labels, case.seen.labels, take_ownership=self.take_ownership)
        why = "it differs in what engines set once: another container replaces it, with the same volumes"
        return ReplaceContainer(
            object=ref,
            why=why,
            changes=case.changes,
            host=case.facts.host,
            spec=case.full.model_copy(update={"labels": labels}),
            endpoints=case.places,
            theirs=not ours,
            present=case.seen.name,
            **self._terms(),
        )

    def _is_ours(self, context: Context, seen: Container) -> bool:
        return seen.labels.get(MANAGED_LABEL) == context.inventory.cluster

    def _case(self, context: Context, facts: HostFacts, seen: Container) -> _Case | None:
        """Return how a container differs; None where its engine did not say how it was made."""
        del context
        return None if seen.made is None else _Case(self.written, self.places, facts, seen, seen.made)


@dataclass(frozen=True)
class _Case:
    """A container that is there, and what is wanted of it."""

    wanted: PlainContainer
    asked: tuple[EndpointSpec, ...] | None
    facts: HostFacts
    seen: Container
    made: Made

    @property
    def changes(self) -> tuple[Change, ...]:
        """How it differs, besides its networks."""
        renamed = () if self.seen.name == self.wanted.name else (Change(path="name", after=self.wanted.name),)
        return (*renamed, *container_changes(self.made.asked(self.wanted), self.made.whole))

    @property
    def update(self) -> PlainContainer:
        """What an update in place sends: limits, with those that engines check against each other, and restart."""
        limits = self.wanted.limits
        if limits is not None and limits.memory and limits.swap is None:
            present = self.made.whole.limits
            before, swap = (0, 0) if present is None else (present.memory or 0, present.swap or 0)
            # Engines take no limit of memory over that of memory and swap, which is twice as high unless asked for.
            fitting = 2 * limits.memory if swap in (0, 2 * before) else max(swap, limits.memory) if swap > 0 else swap
            limits = limits.model_copy(update={"swap": fitting})
        return PlainContainer(
            name=self.wanted.name, image=self.wanted.image, limits=limits, restart=self.wanted.restart
        )

    @property
    def full(self) -> PlainContainer:
        """What takes its place: as written, and as it was where the step leaves something out."""
        full = lay(self.made.spec, self.wanted)
        mounts = {one.target: one for one in full.mounts or ()}
        kept = [Mount(target=path, source=name) for path, name in self.made.volumes.items() if path not in mounts]
        update: dict[str, object] = {"name": self.wanted.name}
        if kept:
            update["mounts"] = (*mounts.values(), *kept)
        if self.wanted.limits is not None and self.wanted.limits.swap is None and full.limits is not None:
            update["limits"] = full.limits.model_copy(update={"swap": None})
        return full.model_copy(update=update)

    @property
    def places(self) -> tuple[EndpointSpec, ...]:
        """Its places on networks afterwards."""
        present = {one.network: one.spec for one in self.seen.endpoints}
        if self.asked is None:
            # Engines before API 1.44 set a MAC address on the first network alone.
            return tuple(sorted(map(self._kept, present.values()), key=lambda one: one.mac is None))
        return tuple(
            lay(self._kept(present[one.network]), one) if one.network in present else one for one in self.asked
        )

    def _kept(self, place: EndpointSpec) -> EndpointSpec:
        """Return a place as it can be asked for again."""
        if self.facts.engine.api < ApiVersion.parse(CREATE_MAC_API):
            place = place.model_copy(update={"gateway_priority": None})
        return place

    @property
    def replaces(self) -> bool:
        """Whether another container must take its place."""
        names = {one.network for one in self.seen.endpoints} | {one.network for one in self.asked or ()}
        closed = self.asked is not None and bool(names & set(UNJOINABLE)) and bool(self.moves)
        mac = any(one.mac is not None for one in self._asked_to_move())
        old = self.facts.engine.api < ApiVersion.parse(CONNECT_MAC_API)
        renamed = self.seen.name != self.wanted.name
        return renamed or closed or (mac and old) or any(one.remedy is Remedy.REPLACE for one in self.changes)

    def _asked_to_move(self) -> Iterator[EndpointSpec]:
        for one in self.asked or ():
            place = endpoint_of(self.seen, one.network)
            if place is None or endpoint_changes(one, place.seen_as(one)):
                yield one

    @property
    def moves(self) -> tuple[Action, ...]:
        """What puts it on its networks while it runs."""
        return tuple(self._moves())

    def _moves(self) -> Iterator[Action]:
        host, name = self.facts.host, self.wanted.name
        for one in self.asked or ():
            ref = Ref(kind="endpoint", name=f"{name} in {one.network}", host=host)
            place = endpoint_of(self.seen, one.network)
            if place is None:
                why = f"container {name} is not on network {one.network}"
                yield ConnectContainer(object=ref, why=why, host=host, container=name, spec=one)
            elif changes := endpoint_changes(one, place.seen_as(one)):
                why = "engines change no connection in place: the container leaves the network and joins it again"
                yield ReconnectContainer(object=ref, why=why, changes=changes, host=host, container=name, spec=one)
        wanted = {one.network for one in self.asked or ()}
        for end in self.seen.endpoints if self.asked is not None else ():
            if end.network not in wanted:
                ref = Ref(kind="endpoint", name=f"{name} in {end.network}", host=host)
                why = f"the step of container {name} does not list network {end.network}"
                yield DisconnectContainer(object=ref, why=why, host=host, container=name, network=end.network)


def ends_with_its_run(seen: Container | None) -> bool:
    """Return whether an engine removes a container when it ends (``docker run --rm``)."""
    made = None if seen is None else seen.made
    host = None if made is None else made.spec.extra.get("HostConfig")
    return isinstance(host, dict) and host.get("AutoRemove") is True
