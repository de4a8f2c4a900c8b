"""A vault with keys of its own, for tests of what is done with sealed backups."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.edge.backups.keys import Signer, fingerprint, parse_recipient
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from tests.support.backups import CREATED, a_document

if TYPE_CHECKING:
    from pathlib import Path


def a_vault() -> AgeVault:
    """Return a vault that seals and opens, with one recipient."""
    signing, identity = Ed25519PrivateKey.generate(), pyrage.x25519.Identity.generate()
    return AgeVault(
        recipients=(parse_recipient(str(identity.to_public())),),
        trusted=(Signer(fingerprint(signing.public_key())),),
        identities=(identity,),
        signing_key=signing,
        single_recipient=True,
    )


VAULT = a_vault()


def take(folder: Path, days: int, vault: AgeVault = VAULT) -> DirectoryRepository:
    """Return a repository with backups of one cluster, a day apart."""
    repository = DirectoryRepository(folder)
    for day in range(days):
        update = {"created": CREATED + timedelta(days=day), "id": f"{day:032x}"[::-1]}
        document = a_document().model_copy(update=update)
        repository.write(document, vault.seal(document), check=vault.header)
    return repository
