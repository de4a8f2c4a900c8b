"""Files of the operator's machine that hold one secret each: an unlock key, for instance."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from swarmnet.edge.operator.files import expanded
from swarmnet.errors import UnwrittenError, UsageError
from swarmnet.files import write_once
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = 0o077
"""Permission bits that a file with a secret must not have."""
LARGEST = 64 * 1024
"""Bytes; a key has 51."""


class LocalSecretFiles:
    """Implements ``SecretFiles``: plain files with mode 0600; links are not followed where a file is made."""

    def read(self, path: str) -> Secret | None:
        """Return the secret without blanks around it, None when the file does not exist."""
        place = expanded(path)
        try:
            with place.open("rb") as file:
                status = os.fstat(file.fileno())
                content = file.read(LARGEST + 1)
        except FileNotFoundError:
            _check_folder(place)
            return None
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        if stat.S_ISREG(status.st_mode) and status.st_mode & OTHERS:
            raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        if len(content) > LARGEST or not content.strip():
            raise UsageError(f"{path} holds no key: it is {'too large' if content.strip() else 'empty'}")
        return Secret(content.strip())

    def write(self, path: str, secret: Secret) -> None:
        """Make the file, whole or not at all; one that is there is never overwritten."""
        place = expanded(path)
        try:
            write_once(place, secret.reveal() + b"\n")
        except FileExistsError:
            if not place.is_file() or self.read(path) != secret:  # a pipe would be waited for
                raise UsageError(f"{path} holds something else; it is not overwritten", hint="move it away") from None
        except OSError as error:
            raise UnwrittenError(path, error, hint="name another place") from None


def _check_folder(place: Path) -> None:
    if not place.parent.is_dir():
        raise UsageError(f"{place.parent} is not a folder", hint="create it, or name another place")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{place.parent} is not writable", hint="name another place")
