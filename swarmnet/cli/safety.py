"""The options of commands that save a cluster before they change it, and what is built from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli.sealing import (
    DEFAULT_REPOSITORY,
    KeysOption,
    NoBackupOption,
    SafetyRepositoryOption,
    key_ring,
    named_repository,
    remembering,
    sealing_vault,
)
from swarmnet.cli.wiring import note

if TYPE_CHECKING:
    from swarmnet.model.backup import Reason
    from swarmnet.workflows.apply import Safeguard
    from swarmnet.workflows.backup import Taken


@dataclass(frozen=True, slots=True)
class Safety:
    """Whether a backup is taken first, and where it goes."""

    no_backup: NoBackupOption = False
    repository: SafetyRepositoryOption = None
    keys: KeysOption = None

    def before(self, reason: Reason) -> Safeguard:
        """Return what saves the cluster before its first change: nothing where there are no keys, or on request."""
        import uuid
        from functools import partial
        from importlib.metadata import version as installed

        from swarmnet.edge.backups.repository import DirectoryRepository
        from swarmnet.edge.targets.location import is_url
        from swarmnet.workflows.safety_backup import SafetyBackup

        ring = key_ring(self.keys)
        if self.no_backup or not ring.signing_key.exists():
            return lambda _ports, _state, _hosts: None
        place = named_repository(self.repository) if self.repository else DEFAULT_REPOSITORY
        if is_url(place):  # what is saved must be there in any case: a target may not answer
            place = DEFAULT_REPOSITORY
        return SafetyBackup(
            vault=partial(sealing_vault, self.keys, None, None, single_recipient=True),
            repository=DirectoryRepository(Path(place)),
            reason=reason,
            tool=f"swarmnet {installed('swarmnet')}",
            new_id=lambda: uuid.uuid4().hex,
            taken=self._told,
        )

    def _told(self, taken: Taken) -> None:
        for warning in remembering(self.keys).made(taken.document):
            note(f"warning: {warning}")
        partial = "" if taken.document.completeness.complete else ", PARTIAL"
        note(f"saved before the first change: {taken.path}{partial}")
