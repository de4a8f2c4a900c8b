"""Archives: plain age files that each recipient opens with ``age -d``, such as a manager's folder of state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage

from swarmnet.edge.operator.files import expanded
from swarmnet.errors import UsageError
from swarmnet.files import write_once

if TYPE_CHECKING:
    from swarmnet.edge.backups.keys import Recipient


@dataclass(frozen=True, slots=True)
class SealedArchives:
    """Implements ``Archives`` with the recipients of the directory of keys."""

    recipients: tuple[Recipient, ...]

    def write(self, path: str, content: bytes) -> None:
        """Seal the content for every recipient and create the file, whole; an existing one is never overwritten."""
        if not self.recipients:
            raise UsageError(f"no recipient to seal {path} for", hint="run `swarmnet keys init`")
        sealed: bytes = pyrage.encrypt(content, [one.age() for one in self.recipients])
        try:
            write_once(expanded(path), sealed)
        except FileExistsError:
            raise UsageError(f"{path} exists; no archive is overwritten", hint="name another file") from None
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}", hint="name another file") from None
