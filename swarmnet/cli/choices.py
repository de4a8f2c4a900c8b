"""What the operator decides about a restore, from the words of the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import Secret

OTHERS = 0o077
"""Permission bits that a file with secrets must not have."""


def pairs(mapping: list[str]) -> dict[str, str]:
    """Return ``OLD=NEW`` words as a mapping.

    Raises:
        UsageError: a word is no such pair, or an old host is named twice.
    """
    found: dict[str, str] = {}
    for word in mapping:
        old, equals, new = word.partition("=")
        if not (old and equals and new) or old in found:
            raise UsageError(f"--map {word}: not OLD=NEW, or {old} stands twice", hint="for example --map m1=n1")
        found[old] = new
    return found


def given_secrets(source: str, document: BackupDocument) -> dict[str, Secret]:
    """Return the data of secrets from ``env:PREFIX`` or from a file that nobody else can read.

    Raises:
        UsageError: others can read the file, or it names a secret that the backup has not.
        DocumentError: the file is wrong.
    """
    from swarmnet.edge.files import read_document  # noqa: PLC0415 - commands load what they need
    from swarmnet.parse.secrets import secrets_of_environment, secrets_of_file  # noqa: PLC0415 - as above

    names = [secret.spec.name for secret in document.state.secrets]
    if source.startswith("env:"):
        return secrets_of_environment(os.environ, source.removeprefix("env:"), names)
    path = Path(source)
    content = read_document(path)
    if path.exists() and path.stat().st_mode & OTHERS:
        raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
    found = secrets_of_file(content, name=source)
    if strange := sorted(found.keys() - set(names)):
        known = ", ".join(names) or "none"
        raise UsageError(f"{path}: the backup has no secret {', '.join(strange)}", hint=f"it has: {known}")
    return found
