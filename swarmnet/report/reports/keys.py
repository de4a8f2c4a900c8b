"""Keys: those that open and sign backups, those of SSH, and the swarm's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.escrow import Proof
from swarmnet.model.host_keys import KeyState
from swarmnet.model.report import Status
from swarmnet.report.documents.keys import trust_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.host_keys import host_key_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.host_keys import HostKey
    from swarmnet.report.documents.keys import KeysCheckDocument, KeysDocument, UnlockDocument
    from swarmnet.report.terminal.console import Line

_STATES = {
    KeyState.KNOWN: Status.OK,
    KeyState.ACCEPTED: Status.OK,
    KeyState.NEW: Status.WARNING,
    KeyState.CHANGED: Status.FAILED,
    KeyState.UNSEEN: Status.INCONCLUSIVE,
}
_WELL = {"unlocked", "not locked"}
"""What a host of an unlocked swarm answers."""


def keys_report(verb: str, document: KeysDocument, lines: Iterable[Line] = ()) -> Report:
    """Return the keys of backups: a check for each recipient and each signer. Identities are in no check."""
    kinds = (("recipient", document.recipients), ("signer", document.signers))
    checks = (
        Check(kind, one.name or one.fingerprint, Status.OK, one.fingerprint) for kind, keys in kinds for one in keys
    )
    return Report(f"keys {verb}", document, tuple(checks), printed(lines))


_PROOFS = {
    Proof.OPENED: (Status.OK, "opened it just now"),
    Proof.UNPROVEN: (Status.INCONCLUSIVE, "not tried: its identity is not here (--identity FILE)"),
    Proof.FAILED: (Status.FAILED, "DOES NOT open it"),
    Proof.LEFT_OUT: (Status.FAILED, "CANNOT open it: it is not sealed to this key (swarmnet keys rewrap)"),
}


def escrow_report(document: KeysCheckDocument) -> Report:
    """Return who can open a backup: a check for each recipient."""
    checks = tuple(
        Check("recipient", one.name or one.fingerprint, _PROOFS[Proof(one.proof)][0], one.problem or one.proof)
        for one in document.recipients
    )
    return Report("keys check", document, checks, printed(_escrow_lines(document)))


def _escrow_lines(document: KeysCheckDocument) -> Iterator[Line]:
    yield f"backup {document.backup}"
    for one in document.recipients:
        why = f": {one.problem}" if one.problem else ""
        yield f"  {one.fingerprint}  {one.name or '(no recipient today)':<20} {_PROOFS[Proof(one.proof)][1]}{why}"
    for fingerprint in document.unused:
        yield f"  {fingerprint}  an identity that you have, to which the backup is not sealed"


def trust_report(cluster: str, keys: Sequence[HostKey]) -> Report:
    """Return the SSH keys of hosts: a check for each."""
    checks = (
        Check("host", one.host, _STATES[one.state], f"{one.state} {one.fingerprint}".strip(), one.reason)
        for one in keys
    )
    return Report("trust", trust_document(cluster, keys), tuple(checks), printed(host_key_lines(keys)))


def unlock_report(document: UnlockDocument, lines: Iterable[Line]) -> Report:
    """Return which managers are unlocked: a check for each host."""
    checks = (
        Check("host", one.host, Status.OK if one.answer in _WELL else Status.FAILED, one.answer, one.detail)
        for one in document.hosts
    )
    return Report("unlock", document, tuple(checks), printed(lines))
