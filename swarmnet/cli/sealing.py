"""Options of all commands that seal, open or look for backups, and what is built from them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.repositories import DEFAULT_REPOSITORY, RepositoryOption, or_default
from swarmnet.cli.wiring import note
from swarmnet.cli.wiring import passphrase as ask
from swarmnet.errors import RefusedError, UsageError, WrongKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from swarmnet.edge.backups.key_ring import BackupKeys
    from swarmnet.edge.backups.keys import Ask, IdentityFile, Signer
    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import Secret
    from swarmnet.model.sealed import Entry, Repository, SealedHeader
    from swarmnet.workflows.backup_lookup import Remembering

PASSPHRASE = "SWARMNET_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
"""Environment variable with the passphrase of a key that signs or opens."""

KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Directory of keys; default: the user's own.",
        envvar="SWARMNET_KEYS",
        show_default=False,
    ),
]
IdentityOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--identity",
        metavar="FILE",
        help="age identity, recovery file or private SSH key to open with, in addition to the key directory.",
    ),
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", metavar="KEY", help="Public key of a signer to accept in this run: ssh-ed25519 ... or 64 hex digits."
    ),
]
ClusterOption = Annotated[str | None, typer.Option("--cluster", metavar="NAME", help="Only backups of this cluster.")]
SignOption = Annotated[
    Path | None, typer.Option("--sign-with", metavar="FILE", help="Ed25519 private key; default: the key directory's.")
]
SingleOption = Annotated[
    bool,
    typer.Option(
        "--single-recipient", help="Allow a single recipient: the backup is unreadable once that key is lost."
    ),
]
RollbackOption = Annotated[
    bool, typer.Option("--allow-rollback", help="Use `latest` even if a newer backup was seen before.")
]
NoBackupOption = Annotated[
    bool,
    typer.Option(
        "--no-backup", help="Take no backup before the first change; one is taken where `swarmnet keys init` ran."
    ),
]
BackupArgument = Annotated[
    str, typer.Argument(help="A path, `latest`, or the start of a name or id.", metavar="BACKUP")
]


@dataclass(frozen=True, slots=True)
class Checking:
    """Where the backups are, and whose signatures count."""

    repository: RepositoryOption = ""
    keys: KeysOption = None
    trust: TrustOption = None

    def store(self) -> Repository:
        """Return the repository, be it a directory or a target, to read a backup that was found."""
        from swarmnet.cli.targets import repository_at

        return repository_at(self.repository or DEFAULT_REPOSITORY)

    def searched(self, reference: str = "") -> Repository:
        """Return the repository to look for backups in; the default one is shown unless ``reference`` is a path."""
        from swarmnet.plan.recovery.catalogue import LATEST

        store = self.store()
        if reference in ("", LATEST) or store.at(reference) is None:
            or_default(self.repository)
        return store

    def writable(self) -> DirectoryRepository:
        """Return the repository as one that backups are written to.

        Raises:
            UsageError: it is a target away from here.
        """
        from swarmnet.edge.backups.repository import DirectoryRepository

        store = self.searched()
        if isinstance(store, DirectoryRepository):
            return store
        raise UsageError(
            f"{store.place} is a target: backups are written to a directory first, so that one is always there",
            hint="leave --repository to a directory, then: swarmnet backup copy --all --to TARGET",
        )

    def checker(self) -> AgeVault:
        """Return a vault that checks signatures alone, for which no identity is needed."""
        from swarmnet.edge.backups.vault import AgeVault

        return AgeVault(trusted=trusted_signers(key_ring(self.keys), self.trust))

    def vault(self) -> AgeVault:
        """Return a vault that checks, and opens with the key directory's identity where there is one."""
        return opening_vault(self.keys, None, self.trust)

    def listing(self, vault: AgeVault, cluster: str | None = None) -> tuple[Entry, ...]:
        """Return the backups, newest first, and warn where a newer one was there before."""
        from swarmnet.workflows.backup_lookup import listing

        entries = listing(self.searched(), vault, cluster)
        for warning in remembering(self.keys).look(entries):
            note(f"warning: {warning}")
        hints = [entry.problem.hint for entry in entries if isinstance(entry.problem, WrongKeyError)]
        if hints and hints[0]:
            note(f"hint: {hints[0]}")
        return entries

    def find(self, reference: str, vault: AgeVault, *, cluster: str | None = None) -> Entry:
        """Return one backup; ends the command with 10, 12, 13 or 14 when it cannot be read.

        Args:
            reference: what the operator calls it; remarks on ``latest`` are printed.
            vault: whose signatures count.
            cluster: its backups come first.
        """
        from swarmnet.plan.recovery.catalogue import remarks
        from swarmnet.workflows.backup_lookup import find

        found = find(reference, repository=self.searched(reference), vault=vault, cluster=cluster)
        if found.among:
            for remark in remarks(found.entry, found.among, cluster, datetime.now(UTC)):
                note(remark)
            for warning in remembering(self.keys).look(found.among):
                self.older(warning)
        return found.entry

    def older(self, warning: str) -> None:
        """Warn that ``latest`` is older than a backup that was seen before."""
        note(f"warning: {warning}")

    def header(self, reference: str, *, cluster: str) -> SealedHeader:
        """Return what one backup shows without any identity; ends the command as ``find`` does."""
        from swarmnet.workflows.backup_lookup import checked_header

        vault = self.checker()
        return checked_header(self.find(reference, vault, cluster=cluster), repository=self.store(), vault=vault)


@dataclass(frozen=True, slots=True)
class OneHeader(Checking):
    """One backup, of which only the header is read, which needs no key."""

    backup: BackupArgument = "latest"


@dataclass(frozen=True, slots=True)
class Opening(Checking):
    """Where the backups are, whose signatures count, and what opens them."""

    identity: IdentityOption = None

    def vault(self) -> AgeVault:
        """Return a vault that checks, and opens if an identity is available."""
        return opening_vault(self.keys, self.identity, self.trust)

    def document(self, reference: str, *, cluster: str | None = None) -> BackupDocument:
        """Return one backup; ends the command with 10, 12, 13 or 14 when it cannot be read.

        Args:
            reference: what the operator calls it.
            cluster: its backups come first.
        """
        from swarmnet.workflows.backup_lookup import opened

        vault = self.vault()
        return opened(self.find(reference, vault, cluster=cluster), repository=self.store(), vault=vault)


@dataclass(frozen=True, slots=True)
class OneBackup(Opening):
    """One backup, and what opens it."""

    backup: BackupArgument = "latest"


@dataclass(frozen=True, slots=True)
class BackupToRestore(OneBackup):
    """One backup to restore: ``latest`` only while no newer one was seen."""

    allow_rollback: RollbackOption = False

    def older(self, warning: str) -> None:
        """Refuse an older backup as the latest one, unless that is allowed."""
        if not self.allow_rollback:
            raise RefusedError(
                warning, hint="give the name of the backup to restore, or allow what is there with --allow-rollback"
            )
        note(f"warning: {warning}")


def key_ring(directory: Path | None) -> BackupKeys:
    """Return the directory of keys that was named, or the user's own."""
    from platformdirs import user_config_path

    from swarmnet.edge.backups.key_ring import BackupKeys

    return BackupKeys(directory if directory is not None else user_config_path("swarmnet", appauthor=False) / "keys")


def remembering(keys: Path | None) -> Remembering:
    """Return the record of backups that were seen, kept next to the keys."""
    from swarmnet.edge.backups.seen import SeenFile
    from swarmnet.workflows.backup_lookup import Remembering

    return Remembering(SeenFile(key_ring(keys).directory), datetime.now(UTC))


def opening_vault(keys: Path | None, identities: list[Path] | None, trust: list[str] | None) -> AgeVault:
    """Return a vault that checks, and opens if an identity is available."""
    from swarmnet.edge.backups.vault import AgeVault

    ring = key_ring(keys)
    files = _identity_files(ring, identities)
    return AgeVault(
        trusted=(*trusted_signers(ring, trust), *(signer for file in files for signer in file.signers)),
        identities=tuple(identity for file in files for identity in file.identities),
    )


def single_vaults(keys: Path | None, identities: list[Path] | None, trust: list[str] | None) -> dict[str, AgeVault]:
    """Return a vault for each available identity, which opens with that one alone, by its recipient's fingerprint."""
    from swarmnet.edge.backups.keys import Recipient
    from swarmnet.edge.backups.vault import AgeVault

    ring = key_ring(keys)
    files = _identity_files(ring, identities)
    trusted = (*trusted_signers(ring, trust), *(signer for file in files for signer in file.signers))
    return {
        Recipient(public).fingerprint: AgeVault(trusted=trusted, identities=(identity,))
        for file in files
        for identity, public in zip(file.identities, file.recipients, strict=True)
        if public
    }


def _identity_files(ring: BackupKeys, identities: list[Path] | None) -> list[IdentityFile]:
    from swarmnet.edge.backups.keys import load_identities

    return [*(load_identities(path, passphrase) for path in identities or []), ring.own_identity(passphrase)]


def trusted_signers(ring: BackupKeys, trust: list[str] | None) -> tuple[Signer, ...]:
    """Return the accepted signers: the key directory's, and those named for this run."""
    from swarmnet.edge.backups.keys import parse_signer

    return (*ring.signers(), *(parse_signer(text) for text in trust or []))


def sealing_vault(
    keys: Path | None,
    recipients: list[str] | None,
    sign_with: Path | None,
    *,
    single_recipient: bool,
    ask: Ask | None = None,
) -> AgeVault:
    """Return a vault that seals to the recipients of the key directory and to those named in addition.

    The signer's own signature is accepted, so that the backup can be checked after it was written. ``ask`` gives the
    passphrase of a key; without one, the environment or the terminal does.
    """
    from swarmnet.edge.backups.keys import Signer, fingerprint, load_signing_key, parse_recipient
    from swarmnet.edge.backups.vault import AgeVault

    ring = key_ring(keys)
    ask = ask or passphrase
    signing = load_signing_key(sign_with, ask) if sign_with else ring.own_signing_key(ask)
    identities = ring.own_identity(ask).identities
    everyone = (*ring.recipients(), *(parse_recipient(text) for text in recipients or []))
    sealed_to_us = {one.key for one in ring.recipients()} & {str(public_of(one)) for one in identities}
    return AgeVault(
        recipients=everyone,
        trusted=(Signer(fingerprint(signing.public_key())),),
        identities=tuple(identities) if sealed_to_us else (),
        signing_key=signing,
        single_recipient=single_recipient,
    )


def signing_key(keys: Path | None, sign_with: Path | None) -> Ed25519PrivateKey:
    """Return the key that signs: the named one, or the key directory's; asks for its passphrase where it has one.

    Raises:
        UsageError: there is none, or it cannot be used.
    """
    from swarmnet.edge.backups.keys import load_signing_key

    return load_signing_key(sign_with, passphrase) if sign_with else key_ring(keys).own_signing_key(passphrase)


def rewrapping_vault(opening: Opening, sign_with: Path | None, *, single_recipient: bool) -> AgeVault:
    """Return a vault that opens existing backups and seals them again for the present recipients."""
    sealing = sealing_vault(opening.keys, None, sign_with, single_recipient=single_recipient)
    reading = opening.vault()
    return replace(sealing, trusted=(*sealing.trusted, *reading.trusted), identities=reading.identities)


def public_of(identity: object) -> object:
    """Return the recipient that belongs to an identity; SSH identities do not know theirs."""
    tell = getattr(identity, "to_public", None)
    return tell() if tell else None


def passphrase(path: Path) -> Secret | None:
    """Return the passphrase of a key: from the environment, or asked for once a file in a terminal."""
    from swarmnet.model.base import Secret

    value = os.environ.get(PASSPHRASE)
    if value is not None:
        return Secret(value)
    return _asked(path) if sys.stdin.isatty() else None


@cache
def _asked(path: Path) -> Secret | None:
    return ask(f"Passphrase of {path}:")
