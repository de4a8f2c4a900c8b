"""The directory of keys: who can open backups, whose signatures count, and this operator's own keys.

It is the operator's (mode 0700) and is kept apart from the backups: write access to the repository must not be enough
to become a recipient or a signer.

======================  ====================================================================
``identity.txt``        age identity (``AGE-SECRET-KEY-1...``) of this operator, 0600
``signing.key``         Ed25519 key in OpenSSH's own format, 0600
``recipients.txt``      ``age1...`` or SSH keys that every backup is sealed to
``signers.txt``         ``ssh-ed25519 ...`` keys whose backups are accepted
``seen.json``           the newest backup that was seen of each cluster
``export.key``          makes the tags of hidden values in exports to git
======================  ====================================================================

The text files have one key a line; what follows a ``#`` is its name.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.edge.backups.keys import (
    IdentityFile,
    Recipient,
    Signer,
    fingerprint,
    load_identities,
    load_signing_key,
    nobody,
    parse_recipient,
    parse_signer,
)
from swarmnet.edge.operator.core_dumps import forbid_core_dumps
from swarmnet.edge.operator.owned_files import check_folder, read_private, read_public
from swarmnet.errors import UnwrittenError, UsageError
from swarmnet.files import locked, make_folder, sync_folder, write_atomically, write_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from swarmnet.edge.backups.keys import Ask

_EXPORT_KEY = 32
"""Bytes."""


@dataclass(frozen=True, slots=True)
class BackupKeys:
    """The directory of keys."""

    directory: Path

    @property
    def identity(self) -> Path:
        """Where this operator's identity is."""
        return self.directory / "identity.txt"

    @property
    def signing_key(self) -> Path:
        """Where the signing key is."""
        return self.directory / "signing.key"

    def recipients(self) -> tuple[Recipient, ...]:
        """Return whom backups are sealed to; raises ``UsageError`` when others can change the list."""
        return tuple(parse_recipient(line) for line in self._lines("recipients.txt"))

    def signers(self) -> tuple[Signer, ...]:
        """Return whose backups are accepted; raises ``UsageError`` when others can change the list."""
        return tuple(parse_signer(line) for line in self._lines("signers.txt"))

    def own_identity(self, ask: Ask = nobody) -> IdentityFile:
        """Return what this operator opens with, nothing where there is no file; raises as ``load_identities`` does."""
        check_folder(self.directory)
        return load_identities(self.identity, ask) if self.identity.exists() else IdentityFile(())

    def own_signing_key(self, ask: Ask = nobody) -> Ed25519PrivateKey:
        """Return what this operator signs with; raises as ``load_signing_key`` does."""
        check_folder(self.directory)
        if not self.signing_key.exists():
            some = self.identity.exists() or bool(self.recipients() or self.signers())
            verb = "`swarmnet keys renew` makes what is missing" if some else "`swarmnet keys init` makes your keys"
            raise UsageError(f"{self.signing_key}: no key to sign with", hint=f"{verb}; --sign-with names another one")
        return load_signing_key(self.signing_key, ask)

    def export_key(self) -> bytes:
        """Return the key of the tags that stand for hidden values in exports to git; it is made at the first call.

        Raises:
            UsageError: it cannot be read or written.
        """
        path = self.directory / "export.key"
        try:
            make_folder(self.directory)
            with contextlib.suppress(FileExistsError):
                write_once(path, secrets.token_bytes(_EXPORT_KEY))
        except OSError as error:
            raise UnwrittenError(path, error, hint="make it writable") from None
        check_folder(self.directory)
        return read_private(path)

    def create(self, name: str, *, recovery_file: Path | None = None) -> str:
        """Make identity, recovery identity and signing key; return the recovery identity, which is kept nowhere else.

        All of it or nothing: what could not be finished is taken away again, and can be tried again.

        Args:
            name: the operator's, for the lists.
            recovery_file: where the recovery identity is written, before anything is sealed to it.

        Raises:
            UsageError: there are keys already, which are never overwritten; or something cannot be written.
        """
        with self._changing():
            return self._create(name, recovery_file)

    def _create(self, name: str, recovery_file: Path | None) -> str:
        for path in (self.identity, self.signing_key, *([recovery_file] if recovery_file else [])):
            if path.exists():
                raise UsageError(
                    f"{path} exists already; overwriting it could make backups unreadable forever",
                    hint="`swarmnet keys list` shows the keys, `swarmnet keys renew` makes what is missing; or name"
                    " another --keys directory or --recovery-file",
                )
        identity, recovery = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
        signing = Ed25519PrivateKey.generate()
        signer = Signer(fingerprint(signing.public_key()), _clean(name))
        files = [(self.identity, f"{identity}\n".encode()), (self.signing_key, _as_openssh(signing))]
        if recovery_file is not None:
            files.insert(0, (recovery_file, _recovery_text(str(recovery), signer).encode()))
        with _all_or_nothing(files):
            self._add_recipient(Recipient(str(identity.to_public()), name))
            self._add_recipient(Recipient(str(recovery.to_public()), "recovery"))
            self._add_signer(signer)
        return str(recovery)

    def renew(self, name: str) -> tuple[Path, ...]:
        """Make an identity or a signing key where it was lost; return which. What is there stays as it is.

        Backups that were made with the lost ones stay readable and trusted: their lines in the lists stay.
        """
        with self._changing():
            missing: list[tuple[Path, bytes]] = []
            identity, signing = pyrage.x25519.Identity.generate(), Ed25519PrivateKey.generate()
            if not self.identity.exists():
                missing.append((self.identity, f"{identity}\n".encode()))
            if not self.signing_key.exists():
                missing.append((self.signing_key, _as_openssh(signing)))
            made = tuple(path for path, _ in missing)
            with _all_or_nothing(missing):
                if self.identity in made:
                    self._add_recipient(Recipient(str(identity.to_public()), name))
                if self.signing_key in made:
                    self._add_signer(Signer(fingerprint(signing.public_key()), name))
        return made

    def add_recipient(self, recipient: Recipient) -> None:
        """Seal future backups to this recipient, too."""
        with self._changing():
            self._add_recipient(recipient)

    def _add_recipient(self, recipient: Recipient) -> None:
        if recipient.key not in {known.key for known in self.recipients()}:
            self._append("recipients.txt", recipient.key, recipient.name)

    def add_signer(self, signer: Signer) -> None:
        """Accept backups of this signer, too."""
        with self._changing():
            self._add_signer(signer)

    def _add_signer(self, signer: Signer) -> None:
        if signer.key not in {known.key for known in self.signers()}:
            self._append("signers.txt", signer.line, signer.name)

    def remove(self, name: str) -> int:
        """Take recipients and signers of that name, key or fingerprint out; return how many."""
        if not self.directory.is_dir():
            return 0
        with self._changing():
            return self._remove(name)

    def _remove(self, name: str) -> int:
        count = 0
        recipients, signers = self.recipients(), self.signers()
        kept = [r for r in recipients if name not in (r.name, r.key, r.fingerprint)]
        trusted = [s for s in signers if name not in (s.name, s.key, s.line, s.fingerprint)]
        for file, before, lines in (
            ("recipients.txt", recipients, [f"{r.key} # {r.name}" for r in kept]),
            ("signers.txt", signers, [f"{s.line} # {s.name}" for s in trusted]),
        ):
            if len(lines) != len(before):
                count += len(before) - len(lines)
                self._write(file, lines)
        return count

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes from changing the same keys; a failed write is one error message."""
        forbid_core_dumps()
        with _written():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.directory / ".lock"):
                yield

    def _lines(self, file: str) -> list[str]:
        check_folder(self.directory)
        path = self.directory / file
        if not path.exists():
            return []
        try:
            text = read_public(path).decode()
        except UnicodeDecodeError:
            raise UsageError(f"{path} is not a text file", hint="it has one public key a line") from None
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def _append(self, file: str, key: str, name: str) -> None:
        self._write(file, [*self._lines(file), f"{key} # {_clean(name)}"])

    def _write(self, file: str, lines: Iterable[str]) -> None:
        write_atomically(self.directory / file, "".join(f"{line}\n" for line in lines).encode())


def new_signing_key(name: str) -> tuple[bytes, Signer]:
    """Return a new signing key as OpenSSH writes it, and its public half under that name; it is kept nowhere here."""
    signing = Ed25519PrivateKey.generate()
    return _as_openssh(signing), Signer(fingerprint(signing.public_key()), _clean(name))


def _clean(name: str) -> str:
    return "".join(char for char in name if char.isprintable() and char != "#")


def _as_openssh(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def _recovery_text(identity: str, signer: Signer) -> str:
    return (
        f"{identity}\n"
        "# Opens every backup that was sealed to it. Keep it away from the backups and from this machine.\n"
        "# On a new machine: swarmnet restore plan BACKUP -i INVENTORY --identity THIS_FILE\n"
        "# With it, backups of this signer are accepted; add a line for each one that comes later.\n"
        f"# signer: {signer.line} # {signer.name}\n"
    )


@contextlib.contextmanager
def _all_or_nothing(files: list[tuple[Path, bytes]]) -> Iterator[None]:
    """Make private files; when one of them, or the block, fails, take those away that were made."""
    with contextlib.ExitStack() as unfinished:
        for path, data in files:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            unfinished.callback(path.unlink, missing_ok=True)  # ours to take away only once we made it
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for folder in {path.parent for path, _ in files}:
            sync_folder(folder)
        yield
        unfinished.pop_all()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Tell in one sentence what cannot be written, and why."""
    try:
        yield
    except OSError as error:
        where = error.filename or "the directory of keys"
        raise UnwrittenError(
            where,
            error,
            hint="give permission there, or name another directory with --keys",
            after="; nothing was changed",
        ) from None
