"""The layout of a sealed file: three lines of text, then an age file.

::

    swarmnet-backup
    {"cluster":"prod","created":"2026-01-31T04:05:06Z", ... ,"sealed_sha256":"..."}
    <signature of the two lines above: SSHSIG, base64, namespace swarmnet-backup>
    <age file: gzip of: a line with the signature of the document, namespace swarmnet-document; then the document>

That is container 2. Container 1, which is still read, has Ed25519 signatures of its own form in the same places: 128
hex digits over a context and the two lines, and inside a line of JSON over a context and the document's SHA-256.

The header binds the age file by length and SHA-256, so its signature covers every byte. The inner signature tells who
sealed the content, so that no one can sign a backup that someone else made.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from swarmnet.edge.backups import sshsig
from swarmnet.edge.backups.keys import fingerprint
from swarmnet.errors import DamagedError, SchemaError
from swarmnet.model.backup import canonical, strict_json
from swarmnet.model.sealed import HEAD, RAFT_CONTAINER, SealedHeader

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAGIC = b"swarmnet-backup"
CONTAINER = 2
"""What is written."""
OLDEST = 1
"""What is still read."""
RAFT = RAFT_CONTAINER
"""The same head before the archive of a manager's raft state, see ``raft_file``."""
HEADER_NAMESPACE = b"swarmnet-backup"
DOCUMENT_NAMESPACE = b"swarmnet-document"

_HEX = re.compile(rb"[0-9a-f]{128}")
_HEADER_CONTEXT = b"swarmnet backup header\0"
_DOCUMENT_CONTEXT = b"swarmnet backup document\0"


@dataclass(frozen=True, slots=True)
class Head:
    """The three lines of a sealed file, as they are."""

    text: bytes
    """The header."""
    signature: bytes

    @classmethod
    def of(cls, data: bytes) -> Head:
        """Take the lines from the beginning of a file.

        Raises:
            DamagedError: it is not a backup, or is truncated.
        """
        lines = data[:HEAD].split(b"\n", 3)
        if lines[0] != MAGIC:
            raise DamagedError("this is not a backup of swarmnet, or its beginning is damaged" if data else _EMPTY)
        if len(lines) < 4:  # noqa: PLR2004 - the three lines of text and the age file
            raise DamagedError("the backup is truncated: its header is not whole")
        return cls(lines[1], lines[2])

    @classmethod
    def signed(cls, header: SealedHeader, key: Ed25519PrivateKey) -> Head:
        """Sign a header."""
        text = canonical(header.model_dump(mode="json"))
        return cls(text, sshsig.sign(key, HEADER_NAMESPACE, MAGIC + b"\n" + text + b"\n"))

    def __bytes__(self) -> bytes:
        return b"\n".join((MAGIC, self.text, self.signature, b""))

    @property
    def size(self) -> int:
        """Bytes before the age file."""
        return len(bytes(self))

    def signer(self) -> str:
        """Return who signed the header, as 64 hex digits.

        Raises:
            DamagedError: it is not signed, or was changed since.
        """
        return _signer_of(self.text, self.signature)

    def header(self) -> SealedHeader:
        """Return the header; raises ``SchemaError`` when this version does not read its layout."""
        try:
            header = SealedHeader.model_validate_json(self.text, strict=True)
        except ValidationError as error:
            raise SchemaError("the backup's header is of a layout that this version does not read") from error
        written_as = (OLDEST,) if _HEX.fullmatch(self.signature) else (CONTAINER, RAFT)
        if header.container not in written_as:
            raise SchemaError(
                f"the backup's layout is {header.container}; this version reads {OLDEST} to {RAFT}",
                hint="update swarmnet and run the command again",
            )
        return header


_EMPTY = "the file is empty"


@lru_cache(maxsize=1024)
def _signer_of(text: bytes, signature: bytes) -> str:
    """Return who signed a header. The same bytes are checked once: a list and what comes after it read them twice."""
    message = MAGIC + b"\n" + text + b"\n"
    try:
        tree = strict_json(text)
        named = tree.get("signer") if isinstance(tree, dict) else None
        if _HEX.fullmatch(signature):
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(named)))
            key.verify(bytes.fromhex(signature.decode()), _HEADER_CONTEXT + message)
        else:
            key = sshsig.signer_of(signature, HEADER_NAMESPACE, message)
    except (ValueError, SchemaError, InvalidSignature) as error:
        raise DamagedError("the backup's header does not match its signature: it was changed or cut") from error
    if fingerprint(key) != named:
        raise DamagedError("the backup's header names another signer than the one who signed it")
    return fingerprint(key)


def signed_document(text: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return what is sealed: the signature of the document, and the document."""
    return sshsig.sign(key, DOCUMENT_NAMESPACE, text) + b"\n" + text


def verified_document(plain: bytes, header: SealedHeader) -> bytes:
    """Return the document's text if the header's signer sealed it.

    Raises:
        DamagedError: someone else did, or it was changed.
    """
    line, _, text = plain.partition(b"\n")
    try:
        signer = (
            _old_signer(line, text) if header.container == OLDEST else sshsig.signer_of(line, DOCUMENT_NAMESPACE, text)
        )
    except (ValueError, SchemaError, InvalidSignature) as error:
        raise DamagedError("the backup's content does not match its inner signature") from error
    if fingerprint(signer) != header.signer:
        raise DamagedError("the content was sealed by someone else than who signed the file")
    return text


def _old_signer(line: bytes, text: bytes) -> Ed25519PublicKey:
    inner, digest = strict_json(line), hashlib.sha256(text).hexdigest()
    if not isinstance(inner, dict) or inner.get("sha256") != digest:
        raise ValueError("the digest is of another text")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(inner.get("signer"))))
    key.verify(bytes.fromhex(str(inner.get("signature"))), _DOCUMENT_CONTEXT + digest.encode())
    return key
