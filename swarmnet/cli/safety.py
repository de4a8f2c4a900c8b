"""The options of commands that save a cluster before they change it, and what is built from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli.repositories import DEFAULT_REPOSITORY, SafetyRepositoryOption, named_repository
from swarmnet.cli.sealing import KeysOption, NoBackupOption, key_ring, remembering, sealing_vault
from swarmnet.cli.wiring import note

if TYPE_CHECKING:
    from swarmnet.model.backup import Reason
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.apply import Safeguard
    from swarmnet.workflows.backup import Taken


@dataclass(frozen=True, slots=True)
class Safety:
    """Whether a backup is taken first, and where it goes."""

    no_backup: NoBackupOption = False
    repository: SafetyRepositoryOption = None
    keys: KeysOption = None

    def before(self, reason: Reason) -> Safeguard:
        """Return what saves the cluster before its first change: nothing where there are no keys, or on request.

        Raises:
            UsageError: the repository is a URL that is not a target's.
        """
        place = named_repository(self.repository) if self.repository else DEFAULT_REPOSITORY
        if self.no_backup:
            return lambda _ports, _state, _hosts: None
        return partial(self._save, reason, place)

    def _save(
        self, reason: Reason, place: str, ports: Ports, state: ClusterState, hosts: frozenset[str] | None
    ) -> None:
        """Save the cluster; what does so is loaded now, since most runs change nothing."""
        import uuid
        from importlib.metadata import version as installed

        from swarmnet.edge.backups.repository import DirectoryRepository
        from swarmnet.edge.targets.location import is_url
        from swarmnet.workflows.safety_backup import SafetyBackup

        if not key_ring(self.keys).signing_key.exists():
            return
        if is_url(place):  # what is saved must be there even so: a target may not answer
            place = DEFAULT_REPOSITORY
        saved = SafetyBackup(
            vault=partial(sealing_vault, self.keys, None, None, single_recipient=True),
            repository=DirectoryRepository(Path(place)),
            reason=reason,
            tool=f"swarmnet {installed('swarmnet')}",
            new_id=lambda: uuid.uuid4().hex,
            taken=self._report_taken,
        )
        saved(ports, state, hosts)

    def _report_taken(self, taken: Taken) -> None:
        for warning in remembering(self.keys).made(taken.document):
            note(f"warning: {warning}")
        partial = "" if taken.document.completeness.complete else ", PARTIAL"
        note(f"saved before the first change: {taken.path}{partial}")
