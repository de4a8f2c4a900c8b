"""Sealing: one file that anybody can check, only recipients can open, and nobody else can make.

The file is three lines of text and then an age file::

    swarmnet-backup
    {"cluster":"prod","created":"2026-01-31T04:05:06Z", ... ,"sealed_sha256":"..."}
    <Ed25519 signature of the two lines above, 128 hex digits>
    <age file: gzip of: a line with the signature of the document, then the document as canonical JSON>

The header binds the age file by length and SHA-256, so its signature covers every byte: a changed file is told from
a wrong key before any decryption, which age alone cannot do. The inner signature says who sealed the content, so that
nobody can put his own signature on somebody else's backup. Without swarmnet, a backup opens with::

    tail -n +4 FILE | age -d -i identity.txt | gunzip | tail -n +2

Sealing proves itself: each file is also sealed to a key that lives for that moment only, and opened again with it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from swarmnet.edge.keys import Recipient, Signer, fingerprint
from swarmnet.errors import DamagedError, SchemaError, UsageError, WrongKeyError
from swarmnet.model.backup import BackupDocument, canonical, dump, load, schema_number, strict_json
from swarmnet.model.sealed import SealedHeader

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC = b"swarmnet-backup"
CONTAINER = 1
LARGEST_HEADER = 64 * 1024
LARGEST_DOCUMENT = 256 * 1024 * 1024
"""Bytes of plain text that are read at most: a few hundred hosts need less than a tenth."""

_HEADER_CONTEXT = b"swarmnet backup header\0"
_DOCUMENT_CONTEXT = b"swarmnet backup document\0"


@dataclass(frozen=True)
class AgeVault:
    """Seals with age and Ed25519; what is not given, it cannot do: no signing key, no sealing."""

    recipients: tuple[Recipient, ...] = ()
    trusted: tuple[Signer, ...] = ()
    identities: Sequence[object] = ()
    signing_key: Ed25519PrivateKey | None = None
    single_recipient: bool = False

    @property
    def can_open(self) -> bool:
        """True when an identity is at hand."""
        return bool(self.identities)

    def seal(self, document: BackupDocument) -> bytes:
        """Return the sealed file's bytes, opened again and compared before they are returned."""
        if self.signing_key is None:
            raise UsageError("no key to sign the backup with", hint="run `swarmnet keys init`, or give --sign-with")
        recipients = tuple({recipient.key: recipient for recipient in self.recipients}.values())
        if len(recipients) < (1 if self.single_recipient else 2):
            raise UsageError(
                f"a backup for {len(recipients)} recipient(s) is lost with that key",
                hint="`swarmnet keys add` another recipient, or allow it with --single-recipient",
            )
        proof = pyrage.x25519.Identity.generate()
        keys = [*(recipient.age() for recipient in recipients), proof.to_public()]
        sealed: bytes = pyrage.encrypt(gzip.compress(_signed(dump(document), self.signing_key), mtime=0), keys)
        header = self._header_of(document, recipients, sealed)
        lines = MAGIC + b"\n" + canonical(header.model_dump(mode="json")) + b"\n"
        blob = lines + self.signing_key.sign(_HEADER_CONTEXT + lines).hex().encode() + b"\n" + sealed
        signer = Signer(header.signer)
        if AgeVault(trusted=(signer,), identities=[proof]).open(blob) != document:
            raise DamagedError("the sealed backup does not open to what was sealed")
        return blob

    def header(self, blob: bytes) -> SealedHeader:
        """Check everything that can be checked without an identity, and return the header."""
        header = _sound_header(blob)
        if header.signer not in {signer.key for signer in self.trusted}:
            raise WrongKeyError(
                f"the backup is sound, but signed by {header.signer}, whom nobody here trusts",
                hint="if you know this key: `swarmnet keys add --signer KEY`, or --trust KEY for this run",
            )
        if header.container != CONTAINER:
            raise SchemaError(f"the backup's layout is {header.container}; this version reads {CONTAINER}")
        schema_number(header.schema_version)
        return header

    def open(self, blob: bytes) -> BackupDocument:
        """Check the signature, decrypt, check the inner signature and the hashes, read the schema: in this order."""
        header = self.header(blob)
        if not self.identities:
            raise WrongKeyError(
                "no identity to open the backup with", hint=f"it is sealed to {', '.join(header.recipients)}"
            )
        try:
            packed = pyrage.decrypt(_parts(blob)[3], list(self.identities))
        except pyrage.DecryptError as error:
            if "matching" not in str(error):
                raise DamagedError(f"the backup's sealed part is no sound age file: {error}") from error
            raise WrongKeyError(
                f"no identity at hand opens the backup ({error})",
                hint=f"it is sealed to {', '.join(header.recipients)}; give --identity FILE",
            ) from error
        document = load(_verified(_unpacked(packed), header.signer))
        if (document.id, document.cluster) != (header.id, header.cluster):
            raise DamagedError("the backup's header and its content are of two different backups")
        return document

    def _header_of(self, document: BackupDocument, recipients: tuple[Recipient, ...], sealed: bytes) -> SealedHeader:
        if self.signing_key is None:
            raise UsageError("no key to sign the backup with")
        return SealedHeader(
            container=CONTAINER,
            schema_version=document.schema_version,
            id=document.id,
            created=document.created,
            tool=document.tool,
            cluster=document.cluster,
            reason=document.reason,
            tags=document.tags,
            complete=document.completeness.complete,
            recipients=tuple(recipient.fingerprint for recipient in recipients),
            signer=fingerprint(self.signing_key.public_key()),
            sealed_bytes=len(sealed),
            sealed_sha256=hashlib.sha256(sealed).hexdigest(),
        )


def _sound_header(blob: bytes) -> SealedHeader:
    """Return the header if the file is as its signer left it; whether he is trusted is another question."""
    magic, text, signature, sealed = _parts(blob)
    try:
        tree = strict_json(text)
        if not isinstance(tree, dict):
            raise DamagedError("the backup's header is damaged")
        signer = str(tree.get("signer"))
        raw = bytes.fromhex(signature.decode("ascii"))
        if raw.hex().encode() != signature:
            raise DamagedError("the backup's signature is damaged")
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
        key.verify(raw, _HEADER_CONTEXT + magic + b"\n" + text + b"\n")
    except (ValueError, SchemaError, InvalidSignature) as error:
        raise DamagedError("the backup's header does not match its signature: it was changed or cut") from error
    if (len(sealed), hashlib.sha256(sealed).hexdigest()) != (tree.get("sealed_bytes"), tree.get("sealed_sha256")):
        cut = "it is truncated" if len(sealed) < int(str(tree.get("sealed_bytes"))) else "it was changed"
        raise DamagedError(f"the backup's sealed part is not what was signed: {cut}")
    try:
        return SealedHeader.model_validate(tree)
    except ValidationError as error:
        raise SchemaError("the backup's header is of a layout that this version does not read") from error


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    head = blob[: len(MAGIC) + LARGEST_HEADER + 256]
    lines = head.split(b"\n", 3)
    if lines[0] != MAGIC:
        raise DamagedError(
            "this is no backup of swarmnet, or its beginning is damaged" if blob else "the file is empty"
        )
    if len(lines) < 4:  # noqa: PLR2004 - the three lines of text and the age file
        raise DamagedError("the backup is truncated: its header is not whole")
    start = sum(len(line) + 1 for line in lines[:3])
    return lines[0], lines[1], lines[2], blob[start:]


def _signed(text: bytes, key: Ed25519PrivateKey) -> bytes:
    digest = hashlib.sha256(text).hexdigest().encode()
    line = {"signature": key.sign(_DOCUMENT_CONTEXT + digest).hex(), "sha256": digest.decode()}
    return canonical({**line, "signer": fingerprint(key.public_key())}) + b"\n" + text


def _verified(plain: bytes, signer: str) -> bytes:
    line, _, text = plain.partition(b"\n")
    digest = hashlib.sha256(text).hexdigest()
    try:
        inner = strict_json(line)
        if not isinstance(inner, dict) or (inner.get("signer"), inner.get("sha256")) != (signer, digest):
            raise DamagedError("the content was sealed by somebody else than who signed the file")
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
        key.verify(bytes.fromhex(str(inner.get("signature"))), _DOCUMENT_CONTEXT + digest.encode())
    except (ValueError, SchemaError, InvalidSignature) as error:
        raise DamagedError("the backup's content does not match its inner signature") from error
    return text


def _unpacked(packed: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            plain = file.read(LARGEST_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedError("the backup's content cannot be unpacked") from error
    if len(plain) > LARGEST_DOCUMENT:
        raise DamagedError(f"the backup unpacks to more than {LARGEST_DOCUMENT} bytes: not a backup of swarmnet")
    return plain
