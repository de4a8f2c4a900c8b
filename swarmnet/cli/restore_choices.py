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


def pairs(mapping: list[str], option: str = "--map", example: str = "m1=n1") -> dict[str, str]:
    """Return ``OLD=NEW`` words of an option as a mapping.

    Raises:
        UsageError: a word is not such a pair, or names an old host twice.
    """
    found: dict[str, str] = {}
    for word in mapping:
        old, equals, new = word.partition("=")
        if not (old and equals and new) or old in found:
            raise UsageError(
                f"{option} {word}: not OLD=NEW, or {old} is given twice", hint=f"for example {option} {example}"
            )
        found[old] = new
    return found


def given_secrets(source: str, document: BackupDocument) -> dict[str, Secret]:
    """Return the data of secrets from ``env:PREFIX`` or from a file that only its owner can read.

    A secret is called as the playbook that made it called it; by its full name where two would share that.

    Raises:
        UsageError: others can read the file, or it names a secret that is not in the backup.
        DocumentError: the file is wrong.
    """
    from swarmnet.parse.secrets import secrets_of_environment
    from swarmnet.plan.recovery.supplies import called

    full_names = called(document)
    if source.startswith("env:"):
        found = secrets_of_environment(os.environ, source.removeprefix("env:"), full_names)
        return {full_names[name]: data for name, data in found.items()}
    path = Path(source)
    found = secrets_in(path)
    accepted = {full: full for full in full_names.values()} | full_names
    if strange := sorted(found.keys() - accepted.keys()):
        known = ", ".join(full_names) or "none"
        raise UsageError(f"{path}: the backup has no secret {', '.join(strange)}", hint=f"it has: {known}")
    return {accepted[name]: data for name, data in found.items()}


def secrets_in(path: Path) -> dict[str, Secret]:
    """Return the values in a file that only its owner can read, by the names that it has for them.

    Raises:
        UsageError: the file does not exist, or others can read it.
        DocumentError: the file is wrong.
    """
    from swarmnet.edge.operator.files import read_document
    from swarmnet.parse.secrets import secrets_of_file

    content = read_document(path)
    if path.exists() and path.stat().st_mode & OTHERS:
        raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
    return secrets_of_file(content, name=str(path))
