"""Options of all commands that seal, open or look for backups, and what is built from them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.errors import UsageError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from swarmnet.edge.keys import KeyRing, Signer
    from swarmnet.edge.repository import DirectoryRepository
    from swarmnet.edge.vault import AgeVault
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.sealed import SealedHeader

PASSPHRASE = "SWARMNET_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
"""Environment variable with the passphrase of an SSH key that signs or opens."""

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
RepositoryOption = Annotated[
    Path,
    typer.Option(
        "--repository",
        "--output-dir",
        metavar="DIR",
        help="Directory of the backups.",
        envvar="SWARMNET_REPOSITORY",
    ),
]
IdentityOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--identity",
        metavar="FILE",
        help="age identity or ssh-ed25519 private key to open with, besides the key directory.",
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
SingleOption = Annotated[bool, typer.Option("--single-recipient", help="Allow that one key alone opens it.")]
DEFAULT_REPOSITORY = Path("backups")
BackupArgument = Annotated[
    str, typer.Argument(help="A path, `latest`, or the beginning of a name or id.", metavar="BACKUP")
]


@dataclass(frozen=True, slots=True)
class Checking:
    """Where the backups are, and whose signatures count."""

    repository: RepositoryOption = DEFAULT_REPOSITORY
    keys: KeysOption = None
    trust: TrustOption = None

    def store(self) -> DirectoryRepository:
        """Return the repository."""
        from swarmnet.edge.repository import DirectoryRepository  # noqa: PLC0415 - commands load what they need

        return DirectoryRepository(self.repository)

    def vault(self) -> AgeVault:
        """Return a vault that checks, and opens with the key directory's identity where there is one."""
        return opening_vault(self.keys, None, self.trust)

    def header(self, reference: str, *, cluster: str) -> SealedHeader:
        """Return what one backup tells without any identity; ends the command with 10, 12, 13 or 14 as ``document``.

        Args:
            reference: what the operator calls it.
            cluster: its backups come first.
        """
        from swarmnet.edge.vault import AgeVault  # noqa: PLC0415 - commands load what they need
        from swarmnet.workflows.backup import header_of  # noqa: PLC0415 - as above

        vault = AgeVault(trusted=trusted_signers(key_ring(self.keys), self.trust))
        return header_of(reference, repository=self.store(), vault=vault, cluster=cluster)


@dataclass(frozen=True, slots=True)
class OneHeader(Checking):
    """One backup, of which no more is asked than what it tells without a key."""

    backup: BackupArgument = "latest"


@dataclass(frozen=True, slots=True)
class Opening(Checking):
    """Where the backups are, whose signatures count, and what opens them."""

    identity: IdentityOption = None

    def vault(self) -> AgeVault:
        """Return a vault that checks, and opens if an identity is at hand."""
        return opening_vault(self.keys, self.identity, self.trust)

    def document(self, reference: str, *, cluster: str | None = None) -> BackupDocument:
        """Return one backup; ends the command with 10, 12, 13 or 14 when it cannot be had.

        Args:
            reference: what the operator calls it.
            cluster: its backups come first.
        """
        from swarmnet.workflows.backup import opened  # noqa: PLC0415 - as above

        return opened(reference, repository=self.store(), vault=self.vault(), cluster=cluster)


@dataclass(frozen=True, slots=True)
class OneBackup(Opening):
    """One backup, and what opens it."""

    backup: BackupArgument = "latest"


def key_ring(directory: Path | None) -> KeyRing:
    """Return the directory of keys that was named, or the user's own."""
    from platformdirs import user_config_path  # noqa: PLC0415 - commands load what they need

    from swarmnet.edge.keys import KeyRing  # noqa: PLC0415 - as above

    return KeyRing(directory if directory is not None else user_config_path("swarmnet", appauthor=False) / "keys")


def opening_vault(keys: Path | None, identities: list[Path] | None, trust: list[str] | None) -> AgeVault:
    """Return a vault that checks, and opens if an identity is at hand."""
    from swarmnet.edge.keys import load_identities  # noqa: PLC0415 - as above
    from swarmnet.edge.vault import AgeVault  # noqa: PLC0415 - as above

    ring = key_ring(keys)
    paths = [*(identities or []), *([ring.identity] if ring.identity.exists() else [])]
    known = [identity for path in paths for identity in load_identities(path, passphrase())]
    return AgeVault(trusted=trusted_signers(ring, trust), identities=tuple(known))


def trusted_signers(ring: KeyRing, trust: list[str] | None) -> tuple[Signer, ...]:
    """Return those whose backups are accepted: the key directory's, and those named for this run.

    Raises:
        UsageError: there are none.
    """
    from swarmnet.edge.keys import parse_signer  # noqa: PLC0415 - as above

    trusted = (*ring.signers(), *(parse_signer(text) for text in trust or []))
    if not trusted:
        raise UsageError(
            f"{ring.directory} names no signer whose backups to accept",
            hint="`swarmnet keys init` makes keys; on another machine: --trust KEY --identity FILE",
        )
    return trusted


def sealing_vault(
    keys: Path | None, recipients: list[str] | None, sign_with: Path | None, *, single_recipient: bool
) -> AgeVault:
    """Return a vault that seals to the recipients of the key directory and to those named besides.

    Whoever signs accepts his own signature, so that the backup can be checked after it was written.
    """
    from swarmnet.edge.keys import (  # noqa: PLC0415 - as above
        Signer,
        fingerprint,
        load_identities,
        load_signing_key,
        parse_recipient,
    )
    from swarmnet.edge.vault import AgeVault  # noqa: PLC0415 - as above

    ring = key_ring(keys)
    signing = load_signing_key(sign_with or ring.signing_key, passphrase())
    identities = load_identities(ring.identity, passphrase()) if ring.identity.exists() else ()
    everybody = (*ring.recipients(), *(parse_recipient(text) for text in recipients or []))
    sealed_to_us = {one.key for one in ring.recipients()} & {str(public_of(one)) for one in identities}
    return AgeVault(
        recipients=everybody,
        trusted=(Signer(fingerprint(signing.public_key())),),
        identities=tuple(identities) if sealed_to_us else (),
        signing_key=signing,
        single_recipient=single_recipient,
    )


def rewrapping_vault(opening: Opening, sign_with: Path | None, *, single_recipient: bool) -> AgeVault:
    """Return a vault that opens what is there and seals it anew for the present recipients."""
    sealing = sealing_vault(opening.keys, None, sign_with, single_recipient=single_recipient)
    reading = opening.vault()
    return replace(sealing, trusted=(*sealing.trusted, *reading.trusted), identities=reading.identities)


def public_of(identity: object) -> object:
    """Return the recipient that belongs to an identity; SSH identities do not tell theirs."""
    tell = getattr(identity, "to_public", None)
    return tell() if tell else None


def passphrase() -> Secret | None:
    """Return the passphrase of SSH keys from the environment."""
    value = os.environ.get(PASSPHRASE)
    return None if value is None else Secret(value)
