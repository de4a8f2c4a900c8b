"""The JSON documents of keys: backup keys, host keys of SSH, and the swarm's unlock key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.escrow import Escrow
    from swarmnet.model.host_keys import HostKey


class KeyEntry(Entry):
    """One public key."""

    key: str
    name: str
    fingerprint: str


class KeysDocument(Output):
    """What ``keys list --json``, ``keys add --json`` and ``keys remove --json`` print."""

    directory: Text
    identity: Text | None = Field(description="The file of your own identity.")
    recipients: list[KeyEntry] = Field(description="Who can open new backups.")
    signers: list[KeyEntry] = Field(description="Whose backups are trusted.")


class KeysInitDocument(KeysDocument):
    """What ``keys init --json`` prints."""

    recovery_identity: Text = Field(description="The identity, or the file that it was written to.")


class KeysRenewDocument(KeysDocument):
    """What ``keys renew --json`` prints."""

    made: list[Text] = Field(description="Files that were written.")


class EscrowEntry(Entry):
    """One recipient, and whether its key opens the backup."""

    fingerprint: str
    name: str = Field(description="Empty where it is not a recipient of new backups.")
    proof: str = Field(description="opened, unproven (its identity is not available), failed, or left out.")
    problem: Text | None


class KeysCheckDocument(Output):
    """What ``keys check --json`` prints."""

    backup: Text
    recipients: list[EscrowEntry]
    unused: list[str] = Field(description="Fingerprints of available identities that the backup is not sealed to.")


class HostKeyEntry(Entry):
    """The SSH key of one server."""

    host: str
    name: str
    state: str
    type: str | None
    bits: int | None
    fingerprint: str | None
    reason: str | None
    known_hosts: Text | None


class TrustDocument(Output):
    """What ``trust --json`` prints."""

    cluster: str
    hosts: list[HostKeyEntry]


class UnlockedEntry(Entry):
    """One host that was given the key."""

    host: str
    answer: str = Field(description="unlocked, not locked, wrong key, or failed.")
    detail: str


class UnlockDocument(Output):
    """What ``unlock --json`` prints."""

    cluster: str
    hosts: list[UnlockedEntry]


def escrow_document(backup: str, found: Iterable[Escrow], unused: Iterable[str]) -> KeysCheckDocument:
    """Return who can open a backup."""
    return KeysCheckDocument(
        schema_=1,
        backup=backup,
        recipients=[
            EscrowEntry(
                fingerprint=one.fingerprint,
                name=one.name,
                proof=one.proof.value,
                problem=None if one.problem is None else str(one.problem),
            )
            for one in found
        ],
        unused=list(unused),
    )


def trust_document(cluster: str, keys: Iterable[HostKey]) -> TrustDocument:
    """Return the SSH keys of all servers."""
    return TrustDocument(
        schema_=1,
        cluster=cluster,
        hosts=[
            HostKeyEntry(
                host=key.host,
                name=key.name,
                state=key.state.value,
                type=key.kind or None,
                bits=key.bits or None,
                fingerprint=key.fingerprint or None,
                reason=key.reason or None,
                known_hosts=key.kept_in,
            )
            for key in keys
        ],
    )
