"""A vault with keys of its own, for tests of what is done with sealed backups."""

from __future__ import annotations

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.edge.backups.keys import Signer, fingerprint, parse_recipient
from swarmnet.edge.backups.vault import AgeVault


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
