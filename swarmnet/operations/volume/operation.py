"""``volume``: one named volume on every selected host.

Engines cannot change a volume in place, and a volume that is created again is empty. So one that differs is a problem
of the plan, never a replacement, and no command of swarmnet removes a volume.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from swarmnet.model.compare import spec_changes
from swarmnet.model.fields import Effect
from swarmnet.model.find import by_id
from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.volume import Volume, VolumeSpec
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.notation import Texts
from swarmnet.operations.state_edits import with_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Change
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"
LOCAL_OPTIONS = ("device", "o", "size", "type")
"""What the local driver takes; it refuses others (moby ``volume/local``)."""


def _name(value: str) -> str:
    if re.fullmatch(_NAME, value) is None:
        raise ValueError("must have two or more letters, digits, '_', '.' or '-', and begin with a letter or digit")
    return value


VolumeName = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]


class CreateVolume(Action):
    """Create an empty volume on one host."""

    kind: Literal["volume.create"] = "volume.create"
    host: str
    spec: VolumeSpec

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the volume."""
        made = Volume(spec=self.spec)
        return with_facts(
            state, self.host, lambda facts: facts.model_copy(update={"volumes": (*(facts.volumes or ()), made)})
        )

    def run(self, ports: Ports) -> None:
        """Create it; one that was made meanwhile is taken as it is, and the next plan compares it."""
        ports.engine(self.host).volumes.create(self.spec)


class VolumeOperation(Operation, VolumeSpec):
    """One named volume on every selected host."""

    name_in_playbook: ClassVar[str] = "volume"
    summary: ClassVar[str] = "One named volume on every selected host."
    looks_at: ClassVar[frozenset[str]] = frozenset({"volumes"})

    name: VolumeName
    options: Texts = Field(default_factory=dict)
    labels: Texts = Field(default_factory=dict)

    @property
    def spec(self) -> VolumeSpec:
        """The wanted volume, without swarmnet's mark."""
        return VolumeSpec(**{name: getattr(self, name) for name in VolumeSpec.model_fields})

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return nothing: hosts may have volumes of one name that differ, by a step each."""
        return frozenset()

    def faults(self) -> tuple[str, ...]:
        """Return options that the local driver refuses."""
        unknown = sorted(self.options.keys() - set(LOCAL_OPTIONS)) if self.driver == "local" else []
        if not unknown:
            return ()
        known = ", ".join(LOCAL_OPTIONS)
        return (f"volume {self.name}: the local driver has no option {', '.join(unknown)}; it takes {known}",)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return the hosts whose volume differs in what engines cannot change."""
        return tuple(
            f"volume {self.name} on {host} differs in {names}: engines cannot change a volume, and a new one is empty."
            f" Save its data and remove it (`docker volume rm {self.name}`), or choose another name"
            for host, seen in self._places(context)
            if (names := _paths(self.changes_from(seen), Effect.REPLACE))
        )

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return the hosts whose volume has other labels."""
        return tuple(
            f"volume {self.name} on {host} differs in {names}: engines cannot change labels of a volume; they stay"
            for host, seen in self._places(context)
            if (names := _paths(self.changes_from(seen), Effect.NOTHING))
        )

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what creates the volume on each host that lacks it."""
        spec = self.spec.model_copy(update={"labels": context.made(self.labels)})
        return tuple(
            CreateVolume(
                object=Ref(kind="volume", name=self.name, host=host), why="it does not exist", host=host, spec=spec
            )
            for host, seen in self._places(context)
            if seen is None
        )

    def changes_from(self, seen: Volume | None) -> tuple[Change, ...]:
        """Return how an existing volume differs from the wanted one."""
        return () if seen is None else spec_changes(self.spec, seen.spec)

    def _places(self, context: Context) -> Iterator[tuple[str, Volume | None]]:
        for host in context.hosts:
            found = context.state.volumes(host.name)
            if found is not None:
                yield host.name, by_id(found, self.name)


def _paths(changes: tuple[Change, ...], effect: Effect) -> str:
    return ", ".join(change.path for change in changes if change.effect is effect)
