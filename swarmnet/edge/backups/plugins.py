"""Keys in hardware, through the plugins of age: programs ``age-plugin-NAME`` on the PATH (C2SP, ``age-plugin.md``)."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.base import Secret

    Ask = Callable[[Path], Secret | None]
    """Returns the passphrase of a file, or None when there is no one to ask."""

IDENTITY = "AGE-PLUGIN-"
"""What a line of an identity file begins with that names a key of a plugin."""
_PUBLIC = re.compile(r"^#.*?(?:public key|recipient):\s*(age1\S+)\s*$", re.IGNORECASE)
"""The comment in which plugins name the recipient of an identity."""


def is_recipient(key: str) -> bool:
    """Return whether a key is one of a plugin: ``age1NAME1...``, while age's own have no second 1."""
    return key.startswith("age1") and "1" in key[len("age1") :]


def recipient(key: str) -> object:
    """Return a plugin's recipient as age wants it.

    Raises:
        UsageError: it is none, or its plugin is not installed.
    """
    try:
        found = pyrage.plugin.Recipient.from_str(key)
    except (pyrage.RecipientError, ValueError) as error:
        raise UsageError(f"this is not a recipient: {error}", hint="copy it whole, as its plugin prints it") from error
    try:
        return pyrage.plugin.RecipientPluginV1(found.plugin(), [found], [], _Dialogue(None, None))
    except pyrage.EncryptError:
        raise _missing(found.plugin(), "seal to") from None


def identity(line: str, path: Path, ask: Ask) -> object:
    """Return a plugin's identity as age wants it; the plugin asks for a PIN or a touch when it opens.

    Raises:
        UsageError: it is none, or its plugin is not installed.
    """
    try:
        found = pyrage.plugin.Identity.from_str(line)
    except (pyrage.IdentityError, ValueError):
        raise UsageError(f"{path}: a line is not an identity of a plugin of age") from None
    try:
        return pyrage.plugin.IdentityPluginV1(found.plugin(), [found], _Dialogue(path, ask))
    except (pyrage.DecryptError, pyrage.EncryptError):
        raise _missing(found.plugin(), "open with") from None


def public_of(comments: list[str]) -> str:
    """Return the recipient that the comments before an identity name last; empty where they name none."""
    named = [found[1] for line in comments if (found := _PUBLIC.match(line))]
    return named[-1] if named else ""


def _missing(name: str, verb: str) -> UsageError:
    return UsageError(
        f"to {verb} this key, age needs the program age-plugin-{name}, which is not on the PATH",
        hint="install it on this machine, and on each that takes backups",
    )


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """What a plugin may ask of the operator."""

    path: Path | None
    ask: Ask | None

    def display_message(self, message: str) -> None:
        """Show what to do, such as to touch the token."""
        sys.stderr.write("".join(char for char in message if char.isprintable()) + "\n")

    def confirm(self, _message: str, _yes: str, _no: str | None) -> bool | None:
        """Say nothing: there is no question that a default answers."""
        return None

    def request_public_string(self, _description: str) -> str | None:
        """Say nothing."""
        return None

    def request_passphrase(self, _description: str) -> str | None:
        """Ask for the PIN."""
        secret = None if self.path is None or self.ask is None else self.ask(self.path)
        return None if secret is None else secret.reveal().decode()
