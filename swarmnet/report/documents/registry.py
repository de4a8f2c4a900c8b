"""Every JSON document by the word that ``swarmnet schema`` takes. Loads them all: commands import what they print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.documents.adopt import AdoptDocument
from swarmnet.report.documents.apply import ApplyDocument
from swarmnet.report.documents.at_hand import AtHandDocument
from swarmnet.report.documents.backups import (
    BackupCheckDocument,
    BackupCopyDocument,
    BackupCreateDocument,
    BackupHeaderDocument,
    BackupPruneDocument,
    BackupsDocument,
    BackupShowDocument,
    RewrapDocument,
)
from swarmnet.report.documents.bundle import BundleDocument, ManifestDocument
from swarmnet.report.documents.check import CheckDocument
from swarmnet.report.documents.convert import ConvertDocument
from swarmnet.report.documents.drift import DriftDocument
from swarmnet.report.documents.drill import DrillDocument, DrillsDocument, LoseDocument
from swarmnet.report.documents.error import ErrorDocument, FileErrorDocument
from swarmnet.report.documents.history import HistoryDiffDocument, HistoryDocument
from swarmnet.report.documents.ipam import IpamDocument
from swarmnet.report.documents.keys import (
    KeysCheckDocument,
    KeysDocument,
    KeysInitDocument,
    KeysRenewDocument,
    TrustDocument,
    UnlockDocument,
)
from swarmnet.report.documents.lock import LocksDocument
from swarmnet.report.documents.log import LogsDocument
from swarmnet.report.documents.plan import PlanDocument, RestorePlanDocument, SavedPlanDocument
from swarmnet.report.documents.raft import BackupRaftDocument
from swarmnet.report.documents.restore import RestoreDocument
from swarmnet.report.documents.schedule import (
    ScheduleImageDocument,
    ScheduleInstallDocument,
    ScheduleRemoveDocument,
    ScheduleRunDocument,
    ScheduleStatusDocument,
)
from swarmnet.report.documents.show import ShowDocument
from swarmnet.report.documents.status import StatusDocument
from swarmnet.report.documents.trace import TraceDocument
from swarmnet.report.documents.verify import VerifyDocument
from swarmnet.report.documents.watch import WatchDocument

if TYPE_CHECKING:
    from swarmnet.report.documents.base import Output

DOCUMENTS: dict[str, type[Output]] = {
    "check": CheckDocument,
    "verify": VerifyDocument,
    "watch": WatchDocument,
    "history": HistoryDocument,
    "history-diff": HistoryDiffDocument,
    "plan": PlanDocument,
    "saved-plan": SavedPlanDocument,
    "apply": ApplyDocument,
    "adopt": AdoptDocument,
    "status": StatusDocument,
    "bundle": BundleDocument,
    "bundle-manifest": ManifestDocument,
    "ipam": IpamDocument,
    "convert": ConvertDocument,
    "show": ShowDocument,
    "trace": TraceDocument,
    "restore": RestoreDocument,
    "restore-at-hand": AtHandDocument,
    "restore-plan": RestorePlanDocument,
    "drift": DriftDocument,
    "drill": DrillDocument,
    "drills": DrillsDocument,
    "drill-lose": LoseDocument,
    "backups": BackupsDocument,
    "backup-create": BackupCreateDocument,
    "backup-raft": BackupRaftDocument,
    "backup-show": BackupShowDocument,
    "backup-header": BackupHeaderDocument,
    "backup-check": BackupCheckDocument,
    "backup-copy": BackupCopyDocument,
    "backup-prune": BackupPruneDocument,
    "schedule-install": ScheduleInstallDocument,
    "schedule-run": ScheduleRunDocument,
    "schedule-status": ScheduleStatusDocument,
    "schedule-remove": ScheduleRemoveDocument,
    "schedule-image": ScheduleImageDocument,
    "keys": KeysDocument,
    "keys-check": KeysCheckDocument,
    "keys-init": KeysInitDocument,
    "keys-renew": KeysRenewDocument,
    "keys-rewrap": RewrapDocument,
    "trust": TrustDocument,
    "lock": LocksDocument,
    "unlock": UnlockDocument,
    "logs": LogsDocument,
    "error": ErrorDocument,
    "file-error": FileErrorDocument,
}
"""Every document by the word that ``swarmnet schema`` takes."""
