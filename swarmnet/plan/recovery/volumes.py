"""The volumes of a backup as steps: they come back empty, with the driver and the options that they had. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.compare import spec_changes
from swarmnet.model.find import by_id
from swarmnet.model.plan import Skip, unmarked
from swarmnet.model.ref import Ref
from swarmnet.operations.playbook import Step
from swarmnet.operations.volume.operation import VolumeOperation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.state import ClusterState
    from swarmnet.model.volume import Volume, VolumeSpec
    from swarmnet.plan.recovery.selection import Selection


def volume_steps(
    document: BackupDocument, state: ClusterState, hosts: Mapping[str, str], selection: Selection
) -> tuple[tuple[Step, ...], tuple[Skip, ...]]:
    """Return the steps that create the volumes that hosts lack, and the volumes that are there and differ."""
    steps, skips = [], []
    for host, old in _volumes(document, hosts):
        if not selection.takes("volume", old.id):
            continue
        spec = old.spec.model_copy(update={"labels": unmarked(old.spec.labels)})
        if names := _difference(spec, state, host):
            why = f"{host} has one that differs in {names}; it may hold data, so it stays"
            skips.append(Skip(object=Ref(kind="volume", name=old.id, host=host), why=why))
        else:
            fields = {name: getattr(spec, name) for name in type(spec).model_fields}
            # An engine held it: what playbooks may not write comes back, too.
            steps.append(Step(operation=VolumeOperation.model_construct(**fields), on=(host,)))
    return tuple(steps), tuple(skips)


def _volumes(document: BackupDocument, hosts: Mapping[str, str]) -> Iterator[tuple[str, Volume]]:
    for facts in document.state.hosts:
        if facts.host in hosts:
            yield from ((hosts[facts.host], one) for one in facts.volumes or ())


def _difference(spec: VolumeSpec, state: ClusterState, host: str) -> str:
    seen = by_id(state.volumes(host) or (), spec.name)
    if seen is None:
        return ""
    now = seen.spec.model_copy(update={"labels": unmarked(seen.spec.labels)})
    return ", ".join(change.path for change in spec_changes(spec, now, exact=True))
