"""Who can really open a backup: its recipients against the available identities. All I/O comes in as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import DamagedError, WrongKeyError
from swarmnet.model.escrow import Escrow, Proof
from swarmnet.workflows.backup_lookup import opened, opened_raft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.sealed import Entry, Repository, SealedHeader, Vault


def escrow(
    entry: Entry,
    header: SealedHeader,
    names: Mapping[str, str],
    keys: Mapping[str, Vault],
    *,
    repository: Repository,
) -> tuple[Escrow, ...]:
    """Return for each recipient whether its key opens the backup, after trying each that is available.

    Args:
        entry: the backup.
        header: what it shows without a key.
        names: today's recipients, by fingerprint.
        keys: a vault for each available identity, by the fingerprint of its recipient, which opens with that one alone.
        repository: where the backup is.
    """
    proved = tuple(_of_header(entry, header, names, keys, repository))
    missing = (one for one in names if one not in header.recipients)
    return (*proved, *(Escrow(one, names[one], Proof.LEFT_OUT) for one in missing))


def _of_header(
    entry: Entry, header: SealedHeader, names: Mapping[str, str], keys: Mapping[str, Vault], repository: Repository
) -> Iterator[Escrow]:
    for fingerprint in header.recipients:
        name = names.get(fingerprint, "")
        if fingerprint not in keys:
            yield Escrow(fingerprint, name, Proof.UNPROVEN)
            continue
        read = opened_raft if header.is_raft else opened
        try:
            read(entry, repository=repository, vault=keys[fingerprint])
        except (WrongKeyError, DamagedError) as error:
            yield Escrow(fingerprint, name, Proof.FAILED, error)
        else:
            yield Escrow(fingerprint, name, Proof.OPENED)


def strangers(keys: Iterable[str], found: tuple[Escrow, ...]) -> tuple[str, ...]:
    """Return the fingerprints of available identities that the backup is not sealed to."""
    known = {one.fingerprint for one in found if one.proof is not Proof.LEFT_OUT}
    return tuple(sorted(set(keys) - known))
